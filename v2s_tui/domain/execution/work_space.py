"""How much of the work disk a VM fills at its peak. Estimate, pre-flight, simulation and the runner's
reservation ask the same function.

What adapters/disk keeps of a VM, and how large each part can become:

- base images: the data of every disk, as compressed clusters; data that does not compress is as large as it
  is at the source, so the bytes the disks occupy there bound it, and their capacity where vCenter does not
  say what they occupy
- tables and cluster digests, of the base and of the finished image
- overlay: what the guest stages write, an EFI system partition and an initramfs above all
- beside it either the throw-away layer of a rehearsal or the finished image of one disk after the other;
  that image refers to its base and holds the changed clusters only (system/layered_file.py)
"""

from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.units import MIB

GUEST_CHANGES_BYTES = 512 * MIB
"""What adaptation, or a boot, writes at most to a guest."""
BYTES_PER_BYTE_OF_TABLES = 512
"""L2 entry, reference count and digest of a 64 KiB cluster take 34 bytes in the base and as many in the
finished image; nearly twice that is allowed for."""
LEAST_TABLE_BYTES = 2 * MIB
"""Of one disk, however small: each table and each header takes whole clusters, in three files."""


def peak_work_bytes(planned: PlannedVm) -> int:
    """Peak scratch of one VM in bytes; holds for data that does not compress."""
    moving = [disk for disk in planned.vm.disks if disk.key not in planned.skipped_disks]
    capacity = sum(disk.capacity_bytes for disk in moving)
    occupied = planned.vm.committed_bytes
    data = min(occupied, capacity) if occupied else capacity
    changes = 2 * GUEST_CHANGES_BYTES if planned.adapt or planned.rehearses else 0
    tables = len(moving) * LEAST_TABLE_BYTES + capacity // BYTES_PER_BYTE_OF_TABLES
    return data + tables + changes
