"""Source rules about disks and snapshots: what cannot be copied, or not consistently."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from v2s_tui.domain.planning.preflight.findings import Finding, blocks, notes, warns
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.source.vm import Disk, DiskBacking
from v2s_tui.domain.units import format_bytes

MANY_SNAPSHOTS = 3
OLD_SNAPSHOT = timedelta(days=30)
NEARLY_FULL_SHARE = 0.05
NEARLY_FULL_BYTES = 100 * 10**6
"""virt-v2v asks for 100 MB free on / (scaleway.md E3)."""


def disk_findings(planned: PlannedVm, now: datetime) -> Iterable[Finding]:
    """All findings of this group on one VM."""
    disks = planned.moving_disks()
    yield from _no_disks(planned, disks)
    for disk in disks:
        yield from _one_disk(disk)
    yield from _snapshots(planned, now)
    yield from _change_tracking(planned)
    yield from _guest_filesystems(planned)


def _no_disks(planned: PlannedVm, disks: Sequence[Disk]) -> Iterable[Finding]:
    if planned.vm.readable and not disks:
        why = "every disk is skipped by the plan" if planned.vm.disks else "the VM has no virtual disk"
        yield blocks("no-disks", "nothing to copy", why, "take the VM out of the plan", overridable=False)


def _one_disk(disk: Disk) -> Iterable[Finding]:
    skip = f"or skip it: disks: [{{disk: {disk.label}, skip: true}}]"
    if disk.backing in {DiskBacking.RDM_PHYSICAL, DiskBacking.RDM_VIRTUAL}:
        yield blocks(
            "rdm",
            f"{disk.label} is a raw device mapping",
            "it is no file on a datastore and cannot be exported",
            f"convert it to a virtual disk (Storage vMotion of a virtual-mode RDM does), {skip}",
        )
    if disk.independent:
        yield blocks(
            "independent-disk",
            f"{disk.label} is independent",
            "snapshots leave independent disks out, so no consistent copy exists",
            f"shut the VM down and set the disk to dependent, {skip}",
        )
    if disk.shared:
        yield blocks(
            "shared-disk",
            f"{disk.label} is shared with other VMs",
            "another VM may write to it during the copy, and Block Storage attaches to one Instance",
            f"give the data to one VM first, {skip}",
        )
    if disk.capacity_bytes <= 0:
        yield blocks(
            "zero-size-disk", f"{disk.label} has no size", "there is nothing to copy", f"remove it, {skip}"
        )
    elif disk.capacity_bytes % 512:
        why = "its size is no multiple of 512 bytes"
        yield warns("odd-size-disk", f"{disk.label} has an odd size", why, "grow it by a little in vSphere")


def _snapshots(planned: PlannedVm, now: datetime) -> Iterable[Finding]:
    snapshots = planned.vm.snapshots
    deepest = max((each.depth for each in snapshots), default=0)
    if len(snapshots) > MANY_SNAPSHOTS or deepest > MANY_SNAPSHOTS:
        yield warns(
            "many-snapshots",
            f"{len(snapshots)} snapshots, up to {deepest} deep",
            "each slows reading, and removing ours may take hours",
            "delete those that nobody needs",
        )
    old = [each for each in snapshots if each.created_at and now - each.created_at > OLD_SNAPSHOT]
    if old:
        days = max((now - each.created_at).days for each in old if each.created_at)
        fix = "delete it if nobody needs it"
        yield warns("old-snapshots", f"a snapshot is {days} days old", "it has probably grown large", fix)
    if planned.vm.consolidation_needed:
        yield warns(
            "consolidation-needed",
            "disks need consolidation",
            "left-over deltas slow the copy, and taking a snapshot may fail",
            "Snapshots > Consolidate in vSphere",
        )


def _change_tracking(planned: PlannedVm) -> Iterable[Finding]:
    if planned.vm.change_tracking is False:
        why = "only a full copy is possible; v2s makes full copies, so nothing is lost"
        yield notes("cbt-off", "changed block tracking is off", why)


def _guest_filesystems(planned: PlannedVm) -> Iterable[Finding]:
    for each in planned.vm.guest_filesystems:
        scarce = each.free_bytes < max(NEARLY_FULL_BYTES, each.capacity_bytes * NEARLY_FULL_SHARE)
        if scarce and each.capacity_bytes > NEARLY_FULL_BYTES:
            yield warns(
                "filesystem-nearly-full",
                f"{each.mount} has {format_bytes(each.free_bytes)} free",
                "drivers and boot files are written into the guest",
                "free some space in the guest",
            )
