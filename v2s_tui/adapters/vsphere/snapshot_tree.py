"""The tree of a VM's snapshots, flat: each with its depth."""

from v2s_tui.adapters.vsphere.values import Value, decoded_name, many, moment_of, moref_of, parts_of, text_of
from v2s_tui.domain.source.vm import Snapshot


def flatten(snapshot_info: Value | None) -> tuple[Snapshot, ...]:
    """Snapshots of a VirtualMachineSnapshotInfo, parents before children."""
    return tuple(_below(many(parts_of(snapshot_info).get("rootSnapshotList")), 1))


def _below(trees: list[Value], depth: int) -> list[Snapshot]:
    found: list[Snapshot] = []
    for tree in trees:
        parts = parts_of(tree)
        name = decoded_name(text_of(parts.get("name")))
        created = moment_of(parts.get("createTime"))
        found.append(Snapshot(moref_of(parts.get("snapshot")), name, created, depth))
        found += _below(many(parts.get("childSnapshotList")), depth + 1)
    return found
