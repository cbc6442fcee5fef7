"""What differs: between two plans as written, two plans as resolved, and a VM planned and found again."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from v2s_tui.domain.planning.plan import BatchPlan
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.planning.selection import identity, select
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.source.vm import Vm
from v2s_tui.domain.units import GIB, format_bytes


class ChangeKind(StrEnum):
    """What happened to a thing from the old to the new."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Change:
    """subject: `migrations web-01`, a VM's name... old, new: as text, "" where there is none."""

    kind: ChangeKind
    subject: str
    what: str = ""
    old: str = ""
    new: str = ""

    @property
    def outcome(self) -> str:
        """What became of it, without whose it is: `Hard disk 1 10 GiB -> 20 GiB`."""
        return f"{self.what} {self.old or 'none'} -> {self.new or 'none'}".strip()

    def __str__(self) -> str:
        if self.kind is not ChangeKind.CHANGED:
            return f"{'+' if self.kind is ChangeKind.ADDED else '-'} {self.subject}"
        return f"~ {self.subject}: {self.outcome}"


def diff_plans(old: BatchPlan, new: BatchPlan) -> tuple[Change, ...]:
    """Two plans as written, section by section; the order of lines counts for waves only.

    Metadata is left out.
    """
    found: list[Change] = []
    for section in ("defaults", "concurrency", "post_migration"):
        found += _diff_values(section, getattr(old, section).model_dump(), getattr(new, section).model_dump())
    found += _diff_named("migration", _by(old.migrations, "selector"), _by(new.migrations, "selector"))
    found += _diff_named("wave", _by(old.waves, "name"), _by(new.waves, "name"))
    networks = (_by(plan.private_networks, "name") for plan in (old, new))
    found += _diff_named("private network", *networks)
    found += _diff_named("exclude", _exclusions(old), _exclusions(new))
    if [wave.name for wave in old.waves] != [wave.name for wave in new.waves]:
        old_order, new_order = (", ".join(wave.name for wave in plan.waves) for plan in (old, new))
        found.append(Change(ChangeKind.CHANGED, "waves", "order", old_order, new_order))
    return tuple(found)


def diff_inventory(
    plan: BatchPlan, inventory: Inventory, *, kept_filters: Mapping[str, str] | None = None
) -> tuple[Change, ...]:
    """A plan against the VMs there are: lines that mean none, sizes that differ from the line's notes."""
    selection = select(plan, inventory, strict=False, kept_filters=kept_filters)
    gone = [
        Change(ChangeKind.REMOVED, f"{selector} (in the plan, not in the inventory)")
        for selector in selection.unmatched
    ]
    changed = [
        Change(ChangeKind.CHANGED, inventory.unambiguous_name(line.vm), "size", noted, now)
        for line in selection.lines
        if (noted := _size_in(line.migration.notes)) and (now := _size_of(line.vm)) != noted
    ]
    covered = {identity(line.vm) for line in selection.lines} | set(selection.excluded)
    rest = sum(identity(vm) not in covered for vm in inventory)
    more = (
        [Change(ChangeKind.ADDED, f"{rest} VMs of the inventory that the plan does not mention")]
        if rest
        else []
    )
    return (*gone, *changed, *more)


def source_drift(planned: Vm, now: Vm) -> tuple[Change, ...]:
    """What changed on a VM since it was planned, as far as it matters for its move."""
    return tuple(_diff_values(planned.name, _facts(planned), _facts(now)))


def grave_drift(planned: PlannedVm, now: Vm) -> tuple[Change, ...]:
    """The part of the drift that makes another machine of it than was reviewed: disks that move and were
    added, removed or resized, and the firmware. A disk's path changes with every VMware snapshot and is none.
    """
    return tuple(_diff_values(planned.name, _shape(planned, planned.vm), _shape(planned, now)))


def _shape(planned: PlannedVm, vm: Vm) -> dict[str, Any]:
    return {"firmware": vm.firmware.value} | {
        disk.label: f"{disk.capacity_bytes / GIB:.10g} GiB" for disk in planned.moving_disks(vm)
    }


def _facts(vm: Vm) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "vCPU": vm.cpu_count,
        "memory": f"{vm.memory_mb / 1024:g} GB",
        "firmware": vm.firmware.value,
        "guest": vm.guest_id,
        "host": vm.host,
        "power": vm.power_state.value,
        "snapshots": ", ".join(each.name for each in vm.snapshots),
    }
    for disk in vm.disks:
        facts[disk.label] = f"{format_bytes(disk.capacity_bytes)} {disk.path}"
    for nic in vm.nics:
        facts[nic.label] = f"{nic.mac_address} {nic.port_group}"
    return facts


_SIZE = re.compile(r"\d+vCPU/[\d.]+GB/[\d.]+GB")


def _size_in(notes: str) -> str:
    found = _SIZE.search(notes)
    return found.group() if found else ""


def _size_of(vm: Vm) -> str:
    return f"{vm.cpu_count}vCPU/{vm.memory_mb / 1024:g}GB/{vm.total_disk_gib:g}GB"


def _by(parts: Iterable[Any], key: str) -> dict[str, dict[str, Any]]:
    return {getattr(part, key): part.model_dump() for part in parts}


def _exclusions(plan: BatchPlan) -> dict[str, dict[str, Any]]:
    keys = ("vm_name", "vm_pattern", "regex", "filter")
    return {
        next(f"{key} {value}" for key in keys if (value := getattr(each, key)) is not None): {
            "reason": each.reason
        }
        for each in plan.exclude
    }


def _diff_named(
    section: str, old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]
) -> Iterable[Change]:
    for name in dict.fromkeys((*old, *new)):
        subject = f"{section} {name}".strip()
        if name not in new:
            yield Change(ChangeKind.REMOVED, subject)
        elif name not in old:
            yield Change(ChangeKind.ADDED, subject)
        else:
            yield from _diff_values(subject, old[name], new[name])


def _diff_values(subject: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Change]:
    for key in dict.fromkeys((*old, *new)):
        before, after = old.get(key), new.get(key)
        if before != after:
            yield Change(ChangeKind.CHANGED, subject, key, _text(before), _text(after))


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={_text(each)}" for key, each in value.items() if _text(each))
    if isinstance(value, list | tuple):
        return ", ".join(f"[{_text(each)}]" if isinstance(each, Mapping) else _text(each) for each in value)
    return "" if value is None else str(getattr(value, "value", value))
