"""Upload while receiving: which ranges of a growing image are parts that may go out, and when that pays.

An object has at most 1,000 parts of 5 MB to 5 GB, sent in any order. Part 1 holds the header and the last
parts the tables, so those wait for the end; all between are true as soon as they are full, because neither
receiving nor flattening ever changes data that stands there. (reference: datapath.md 4, 5)
"""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from v2s_tui.domain.units import MIB

LEAST_PART_BYTES = 16 * MIB
_PLANNED_PARTS = 980
"""Of 1,000: the rest is room for what the guest's adaptation changes."""
_LARGEST_GROWTH = 1.002
"""An image of incompressible data and its tables, compared with the disk."""


class PartSink(Protocol):
    """Takes parts of an image that is still being received; made by whoever knows Object Storage.

    part_bytes: size of every part but the last. Use `part_bytes_for` to choose it.
    """

    part_bytes: int

    def part_ready(self, path: Path, number: int, offset: int, size_bytes: int) -> None:
        """These bytes of the file are final. The file will be renamed: open it now, or never.

        Called from a thread that listens to the receiver: it must return at once and never raise. What is
        not sent now is sent by the upload that follows, which compares all parts the server has with the
        finished image.
        """
        ...


class Part(NamedTuple):
    """number counts from 1."""

    number: int
    offset: int
    size_bytes: int


def part_bytes_for(virtual_size_bytes: int) -> int:
    """Size of the parts of an image whose own size is not known yet: whole MiB, at most 980 of them."""
    needed = math.ceil(virtual_size_bytes * _LARGEST_GROWTH / _PLANNED_PARTS / MIB) * MIB
    return max(LEAST_PART_BYTES, needed)


class FullParts:
    """Calls announce once for every part but the first that is full."""

    def __init__(self, part_bytes: int, announce: Callable[[Part], None]) -> None:
        self._part_bytes = part_bytes
        self._announce = announce
        self._next = 2

    def reached(self, data_end: int) -> None:
        """Bytes before that offset are final, cluster 0 excepted."""
        for part in self._full(data_end):
            self._announce(part)

    def _full(self, data_end: int) -> Iterator[Part]:
        while self._next * self._part_bytes <= data_end:
            yield Part(self._next, (self._next - 1) * self._part_bytes, self._part_bytes)
            self._next += 1


def overlap_pays(*, down_bytes_per_second: float, up_bytes_per_second: float, trimmable_share: float) -> bool:
    """True when a disk should be uploaded while it is received, False when it should be trimmed before.

    Overlap sends what a trim would have saved. That costs more than it gains only when the uplink is the
    slower side and more than their ratio of the disk can be trimmed. trimmable_share: 0.0 to 1.0, of the
    compressed disk. (reference: datapath.md 5)
    """
    if up_bytes_per_second >= down_bytes_per_second:
        return True
    return trimmable_share <= up_bytes_per_second / down_bytes_per_second
