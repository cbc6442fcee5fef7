"""The fallback for a stream that is no VMDK: the bytes of the disk themselves, as datastores hand out flat
files.

Such a stream proves nothing of itself, so its length must be the disk's to the byte.
"""

from typing import Protocol

from v2s_tui.adapters.disk.vmdk_header import GRAIN_BYTES, MAGIC, damaged
from v2s_tui.adapters.disk.vmdk_parser import Grain, StreamParser

FIRST_BYTES = len(MAGIC)
"""How much of a stream tells its form."""


class GrainParser(Protocol):
    """What the receiver needs of a stream's format. compressed: its grains are zlib.

    virtual_size_bytes: of the disk; 0 until it is known.
    """

    compressed: bool
    virtual_size_bytes: int

    def take(self, view: memoryview, grains: list[Grain]) -> int:
        """Parse all whole items in view, append the grains, return how many bytes were used."""
        ...

    def finish(self, *, unused_bytes: int = 0) -> None:
        """The stream has ended; `take` left that many bytes. Raises LeaseFailed unless it was complete."""
        ...


class RawParser:
    """Cuts a disk into grains. Raises LeaseFailed when the stream is longer or shorter than the disk."""

    compressed = False

    def __init__(self, *, capacity_bytes: int) -> None:
        self.virtual_size_bytes = capacity_bytes
        self._position = 0

    def take(self, view: memoryview, grains: list[Grain]) -> int:
        """Grains of 64 KiB; the last of a disk may be shorter."""
        used = 0
        while size := min(GRAIN_BYTES, self.virtual_size_bytes - self._position):
            if len(view) - used < size:
                return used
            grains.append(Grain(self._position // GRAIN_BYTES, view[used : used + size], self._position))
            used += size
            self._position += size
        if used < len(view):
            raise damaged("it is longer than the disk", at_byte=self._position)
        return used

    def finish(self, *, unused_bytes: int = 0) -> None:
        """All of the disk must have come."""
        if self._position < self.virtual_size_bytes:
            raise damaged(
                f"neither a sparse VMDK nor the {self.virtual_size_bytes} bytes of the disk",
                at_byte=self._position + unused_bytes,
            )


def parser_for(first_bytes: bytes, *, expected_capacity_bytes: int) -> GrainParser:
    """The parser of a stream that begins so. A raw disk is believed only when its size is known."""
    if first_bytes == MAGIC or not expected_capacity_bytes:
        return StreamParser(expected_capacity_bytes=expected_capacity_bytes)
    return RawParser(capacity_bytes=expected_capacity_bytes)
