"""How large the parts of an upload are that begins before the size of its file is known."""

import math

from v2s_tui.domain.units import MIB

LEAST_PART_BYTES = 16 * MIB
_PLANNED_PARTS = 980
"""Of the 1,000 an object may have: the rest is room for what the guest's adaptation changes."""
_LARGEST_GROWTH = 1.002
"""An image of incompressible data and its tables, compared with the disk."""


def part_bytes_for(virtual_size_bytes: int) -> int:
    """Size of every part but the last: whole MiB, the same for a disk whenever it is asked."""
    needed = math.ceil(virtual_size_bytes * _LARGEST_GROWTH / _PLANNED_PARTS / MIB) * MIB
    return max(LEAST_PART_BYTES, needed)
