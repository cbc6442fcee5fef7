"""How much of the work disk a VM fills at its peak. Estimate, pre-flight, simulation and the runner's
reservation ask the same function.

What adapters/disk keeps of a VM, and how large each part can become:

- base images: the data of every disk, as compressed clusters; data that does not compress is as large as it
  is at the source, so the bytes the disks occupy there bound it, and their capacity where vCenter does not
  say what they occupy
- tables and cluster digests, of the base and of the finished image
- overlay: what the guest stages write, an EFI system partition and an initramfs above all
- of a disk that only passes through (domain/execution/transfer.py) no more than a few parts
- beside it either the throw-away layer of a rehearsal or the finished image of one disk after the other;
  that image refers to its base and holds the changed clusters only (system/layered_file.py)
"""

from collections.abc import Collection

from v2s_tui.domain.execution.part_size import part_bytes_for
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.domain.units import MIB

GUEST_CHANGES_BYTES = 512 * MIB
"""What adaptation, or a boot, writes at most to a guest."""
BYTES_PER_BYTE_OF_TABLES = 512
"""L2 entry, reference count and digest of a 64 KiB cluster take 34 bytes in the base and as many in the
finished image; nearly twice that is allowed for."""
LEAST_TABLE_BYTES = 2 * MIB
"""Of one disk, however small: each table and each header takes whole clusters, in three files."""
PASSING_PARTS = 8
LEAST_PASSING_BYTES = 256 * MIB


def passing_bytes(capacity_bytes: int) -> int:
    """Most of a disk that only passes through which is on the work disk at one time: the first part, which
    waits for the end, one that fills, and those under way.
    """
    return max(LEAST_PASSING_BYTES, PASSING_PARTS * part_bytes_for(capacity_bytes))


def peak_work_bytes(planned: PlannedVm, *, passing: bool = False) -> int:
    """Peak scratch of one VM in bytes; holds for data that does not compress. passing: its disks pass
    through.
    """
    moving = planned.moving_disks()
    capacity = sum(disk.capacity_bytes for disk in moving)
    occupied = planned.vm.committed_bytes
    data = min(occupied, capacity) if occupied else capacity
    if passing:
        data = min(data, sum(passing_bytes(disk.capacity_bytes) for disk in moving))
    return data + later_work_bytes(planned)


def later_work_bytes(planned: PlannedVm) -> int:
    """What the stages after the export may add at most to the base images of a VM, their tables included."""
    moving = planned.moving_disks()
    capacity = sum(disk.capacity_bytes for disk in moving)
    changes = 2 * GUEST_CHANGES_BYTES if planned.adapt or planned.rehearses else 0
    return len(moving) * LEAST_TABLE_BYTES + capacity // BYTES_PER_BYTE_OF_TABLES + changes


def work_bytes_then(
    planned: PlannedVm, completed: Collection[Stage], *, peak_bytes: int, base_bytes: int
) -> int | None:
    """The same once so much is complete; None: nothing will be added any more to what is there.

    peak_bytes: before anything was received. base_bytes: of the images received, once all are. A disk that
    compresses needs less than its peak from then on, and after the upload nothing is written any more.
    """
    if Stage.UPLOAD_S3 in completed:
        return None
    if Stage.EXPORT in completed:
        return min(peak_bytes, base_bytes + later_work_bytes(planned))
    return peak_bytes
