"""How much of the work disk a VM fills at its peak: reserved before its export begins."""

from v2s_tui.domain.planning.resolved import PlannedVm

PEAK_FACTOR = 1.5
"""The specification's work space per byte of disk (seed-system.md A6): a base image and what is changed on
it.
"""


def peak_work_bytes(planned: PlannedVm) -> int:
    """Peak scratch of one VM: from the bytes its disks occupy where vCenter says so, else from their size."""
    occupied = planned.vm.committed_bytes
    disks = planned.vm.total_disk_bytes
    return int(PEAK_FACTOR * (min(occupied, disks) if occupied else disks))
