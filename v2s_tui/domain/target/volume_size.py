"""How large a volume must be.

Block Storage counts whole GB (10^9), from 1 GB; a system volume has 10 or more, and an import ends at 1 TB
(reference: scaleway.md 2.1).
"""

from v2s_tui.domain.units import GB, MIB, TB

LEAST_VOLUME_BYTES = GB
LEAST_SYSTEM_VOLUME_BYTES = 10 * GB
LARGEST_IMPORT_BYTES = TB
ESP_ROOM_BYTES = 600 * MIB
"""Room after an adapted boot disk's last sector for an EFI system partition and the backup GPT."""


def target_size_bytes(capacity_bytes: int, *, boot: bool, adapted: bool) -> int:
    """Virtual size at the target: whole GB, never smaller than at the source."""
    room_bytes = ESP_ROOM_BYTES if boot and adapted else 0
    whole = -(-(capacity_bytes + room_bytes) // GB) * GB
    return max(whole, LEAST_SYSTEM_VOLUME_BYTES if boot else LEAST_VOLUME_BYTES)
