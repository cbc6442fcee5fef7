"""How a disk gets from its source to Object Storage: out while it comes in, or trimmed before it is sent.

Overlap sends what a trim would have saved. That costs more than it gains only when the uplink is the slower
side and more than the ratio of both speeds can be trimmed (reference: datapath.md 5).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from v2s_tui.domain.execution.work_space import peak_work_bytes
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.units import format_rate

TRANSFER_NOTE = "transfer"
"""Name of the note that tells the choice, in a VM's artifacts."""
ASSUMED_TRIM_SHARE = 0.15
"""Of a guest's data where nobody knows: the share of deleted blocks of the disk in datapath.md 6."""


class Strategy(StrEnum):
    """`export_strategy` of migration.yaml: AUTO decides by the guest and measured speeds, the others are the
    operator's word. Both keep a local copy.
    """

    AUTO = "auto"
    STREAMING = "streaming"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class LinkSpeeds:
    """Measured bytes per second from the source's host and to Object Storage, of compressed data; 0.0 where
    nothing was measured yet.
    """

    down: float = 0.0
    up: float = 0.0


@dataclass(frozen=True, slots=True)
class TransferChoice:
    """overlap: parts go out while the disk comes in. passing: and they leave the work disk as soon as they
    arrived, because nothing will read them here again. reason: for people.
    """

    overlap: bool
    passing: bool
    reason: str

    @property
    def text(self) -> str:
        """One line for log and report."""
        what = "uploaded while received" if self.overlap else "uploaded after the guest is adapted"
        kept = ", without a local copy" if self.passing else ""
        return f"{what}{kept}: {self.reason}"


def choose_transfer(
    planned: PlannedVm, strategy: Strategy, speeds: LinkSpeeds, *, keep_local: bool = False
) -> TransferChoice:
    """The way of a VM's disks. They share host, uplink and guest, so all go the same way. keep_local: their
    images shall stay here when the VM has arrived.
    """
    if strategy is Strategy.LOCAL:
        return TransferChoice(False, False, "export_strategy: local")
    if strategy is Strategy.STREAMING:
        return TransferChoice(True, False, "export_strategy: streaming")
    if not needs_local_copy(planned) and not keep_local:
        return TransferChoice(True, True, "nothing here reads or changes the guest")
    if not (speeds.down and speeds.up):
        return TransferChoice(True, False, "no speeds were measured here yet")
    share = trim_share(planned)
    found = f"{format_rate(speeds.down)} in, {format_rate(speeds.up)} out, about {share:.0%} can be trimmed"
    pays = overlap_pays(down=speeds.down, up=speeds.up, trim_share=share)
    return TransferChoice(pays, False, found)


def first_choice(planned: PlannedVm) -> TransferChoice:
    """Of a site where nothing was measured and no strategy is set."""
    return choose_transfer(planned, Strategy.AUTO, LinkSpeeds())


def work_bytes_under(strategy: Strategy, *, keep_local: bool = False) -> Callable[[PlannedVm], int]:
    """The peak scratch of a VM, as its disks will be moved under that strategy."""

    def work_bytes(planned: PlannedVm) -> int:
        passing = strategy is Strategy.AUTO and not keep_local and not needs_local_copy(planned)
        return peak_work_bytes(planned, passing=passing)

    return work_bytes


def needs_local_copy(planned: PlannedVm) -> bool:
    """True when a guest stage or a rehearsal will open the disks.

    All disks of such a VM count: any may hold a file system that the guest's fstab mounts, and the guest
    stages mount what fstab names.
    """
    return planned.adapt or planned.rehearses


def overlap_pays(*, down: float, up: float, trim_share: float) -> bool:
    """down, up: bytes per second. trim_share: 0.0 to 1.0, of the compressed disk."""
    return up >= down or trim_share <= up / down


def trim_share(planned: PlannedVm) -> float:
    """The share of the data that the guest's trim will drop, 0.0 to 0.9.

    Deleted blocks are what the source stores and no file system uses. Only thin disks tell: a thick one
    stores its capacity. Windows is not trimmed.
    """
    if not planned.adapt or planned.windows:
        return 0.0
    vm = planned.vm
    moving = planned.moving_disks()
    stored = vm.committed_bytes
    if not vm.guest_filesystems or not stored or len(moving) < len(vm.disks):
        return ASSUMED_TRIM_SHARE
    if not all(disk.thin for disk in moving):
        return ASSUMED_TRIM_SHARE
    used = sum(each.capacity_bytes - each.free_bytes for each in vm.guest_filesystems)
    return min(0.9, max(0.0, 1 - used / stored))
