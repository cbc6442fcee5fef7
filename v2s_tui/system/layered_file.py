"""A file most of whose bytes stand in another file that never changes.

A disk image after adaptation is its base, or what is left of it, with another head and another end. Such a
file keeps head and end only, with a hole between, and names the pieces of the file below that make the rest:
nothing is written twice. It begins
with a mark that no reader of disk images takes for one; `open_whole` reads it, and any other file, as what it
stands for.
"""

import json
import os
from bisect import bisect_right
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

_MARK = b"V2S LAYERED FILE 2\n"
HEAD_BYTES = 65536
"""Of the head: mark and layout stand in its place, so it must be short; the rest of it is zeros."""
MOST_PIECES = 1000
"""That many are described in a head, however large the files."""


class Piece(NamedTuple):
    """A run of bytes of the whole file. end: behind its last. below: where its first stands in the file
    below.
    """

    begin: int
    end: int
    below: int


@dataclass(frozen=True, slots=True)
class Layout:
    """below: name of the other file, looked up beside this one. below_bytes: its size, to notice a change.
    pieces: what stands there, ascending, from HEAD_BYTES on. size_bytes: of the whole. head: hex of the first
    bytes.
    """

    below: str
    below_bytes: int
    pieces: tuple[Piece, ...]
    size_bytes: int
    head: str

    def packed(self) -> bytes:
        """What to write at the beginning of the file. Raises ValueError when it does not fit there."""
        packed = (_MARK + json.dumps(asdict(self)).encode()).ljust(HEAD_BYTES, b"\0")
        if len(packed) > HEAD_BYTES:
            raise ValueError(f"{len(self.pieces)} pieces do not fit into the head of a layered file")
        return packed


class WholeFile:
    """Random reads of a plain or layered file; several threads may read. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self._own = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._below = -1
        self._begins: list[int] = []
        try:
            self.size_bytes = os.fstat(self._own).st_size
            self._layout = _layout_of(self._own)
            if self._layout is not None:
                self._open_below(path, self._layout)
        except BaseException:
            self.close()
            raise

    def _open_below(self, path: Path, layout: Layout) -> None:
        self._begins = [piece.begin for piece in layout.pieces]
        self._below = os.open(path.parent / layout.below, os.O_RDONLY | os.O_CLOEXEC)
        if (self.size_bytes, os.fstat(self._below).st_size) != (layout.size_bytes, layout.below_bytes):
            raise OSError(f"{path.name} or {layout.below}, which holds most of it, changed its size")

    def read_at(self, offset: int, size_bytes: int) -> bytes:
        """At most that many bytes from offset, fewer at a seam; none at the end only."""
        layout = self._layout
        if layout is None:
            return os.pread(self._own, size_bytes, offset)
        if offset < HEAD_BYTES:
            head = bytes.fromhex(layout.head).ljust(HEAD_BYTES, b"\0")
            return head[offset : offset + size_bytes]
        number = bisect_right(self._begins, offset) - 1
        if number >= 0 and offset < layout.pieces[number].end:
            piece = layout.pieces[number]
            return os.pread(
                self._below, min(size_bytes, piece.end - offset), piece.below + offset - piece.begin
            )
        return os.pread(self._own, size_bytes, offset)

    def close(self) -> None:
        for descriptor in (self._own, self._below):
            if descriptor >= 0:
                os.close(descriptor)

    def __enter__(self) -> "WholeFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def is_layered(path: Path) -> bool:
    """True when the file's own bytes are not what it stands for."""
    with path.open("rb") as file:
        return file.read(len(_MARK)) == _MARK


def _layout_of(descriptor: int) -> Layout | None:
    head = os.pread(descriptor, HEAD_BYTES, 0)
    if not head.startswith(_MARK):
        return None
    fields = json.loads(head[len(_MARK) :].rstrip(b"\0"))
    return Layout(**{**fields, "pieces": tuple(Piece(*each) for each in fields["pieces"])})
