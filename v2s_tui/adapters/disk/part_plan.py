"""Upload while receiving: which ranges of a growing image are parts that may go out.

An object has at most 1,000 parts of 5 MB to 5 GB, sent in any order. Part 1 holds the header and the last
parts the tables, so those wait for the end; all between are true as soon as they are full, because neither
receiving nor flattening ever changes data that stands there. (reference: datapath.md 4, 5)
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple


class Part(NamedTuple):
    """number counts from 1."""

    number: int
    offset: int
    size_bytes: int


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
