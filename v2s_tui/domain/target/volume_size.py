"""How large a volume must be: Block Storage counts whole GB (10^9), from 1 GB; a system volume has 10 or more
(reference: scaleway.md 2.1).
"""

from v2s_tui.domain.units import GB

LEAST_VOLUME_BYTES = GB
LEAST_SYSTEM_VOLUME_BYTES = 10 * GB


def target_size_bytes(capacity_bytes: int, *, boot: bool, room_bytes: int = 0) -> int:
    """Virtual size at the target: whole GB, never smaller than at the source plus room_bytes."""
    whole = -(-(capacity_bytes + room_bytes) // GB) * GB
    return max(whole, LEAST_SYSTEM_VOLUME_BYTES if boot else LEAST_VOLUME_BYTES)
