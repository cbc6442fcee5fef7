"""Push parser for streamOptimized VMDK: bytes go in as they arrive, compressed grains come out.

It owns the structure of the stream and the proof of its completeness; it never looks into a grain (codec.py
does). Grains may come in any order; tables before or after them. (reference: datapath.md 2.5)
"""

import struct
from collections.abc import Generator
from typing import NamedTuple

from v2s_tui.adapters.disk.grain_tables import TablesBehind, TablesInFront
from v2s_tui.adapters.disk.vmdk_header import (
    GRAIN_BYTES,
    GRAIN_SECTORS,
    SECTOR_BYTES,
    TABLE_BYTES,
    TABLE_SECTORS,
    SparseHeader,
    damaged,
    read_header,
)

LARGEST_GRAIN_BYTES = 128 * 1024
"""Of a compressed grain; deflate's own worst case is far below it."""
LARGEST_ITEM_BYTES = LARGEST_GRAIN_BYTES + 2 * SECTOR_BYTES
"""What `take` may leave over and want again in one piece: give it a buffer at least twice as large."""

_MARKER = struct.Struct("<QII")
_GRAIN_PREFIX_BYTES = 12
_END, _TABLE, _DIRECTORY, _FOOTER = 0, 1, 2, 3
_KB = 1024


class Grain(NamedTuple):
    """One compressed grain. number: its place in the disk, in grains. data: zlib, valid while its buffer
    is.
    """

    number: int
    data: memoryview
    at_byte: int


class _Want(NamedTuple):
    """What a section of the stream that holds no grains needs next: bytes to pass over, bytes to keep."""

    skip_bytes: int
    keep_bytes: int


_Section = Generator[_Want, bytes, None]


class StreamParser:
    """Feed it with `take`, call `finish` when the stream has ended.

    expected_capacity_bytes: 0 when unknown. compressed: the grains are. virtual_size_bytes: of the disk; 0
    until the header came.
    """

    compressed = True

    def __init__(self, *, expected_capacity_bytes: int = 0) -> None:
        self.virtual_size_bytes = 0
        self._expected_capacity_bytes = expected_capacity_bytes
        self._position = 0
        self._ended = False
        self._header: SparseHeader
        self._tables: TablesBehind | TablesInFront
        self._kept = bytearray()
        self._section: _Section | None = self._preamble()
        self._want = next(self._section)

    def take(self, view: memoryview, grains: list[Grain]) -> int:
        """Parse all whole items in view, append the grains, return how many bytes were used.

        Present the rest again, at the beginning of the next view. Raises LeaseFailed.
        """
        used = 0
        while (step := self._step(view[used:], grains)) > 0:
            used += step
            self._position += step
        return used

    def finish(self, *, unused_bytes: int = 0) -> None:
        """The stream has ended; `take` left that many bytes. Raises LeaseFailed unless it was complete."""
        # Without an end marker (QEMU writes none) only tables known beforehand can prove that all came.
        provable = self._section is None and isinstance(self._tables, TablesInFront)
        if unused_bytes or not (self._ended or provable):
            raise damaged("it was cut: its end-of-stream marker did not come", at_byte=self._position)
        self._tables.complete(at_byte=self._position)

    def _step(self, view: memoryview, grains: list[Grain]) -> int:
        if self._section is not None:
            return self._take_section(view, self._section)
        if self._ended:
            return self._take_padding(view)
        return self._take_items(view, grains)

    def _take_section(self, view: memoryview, section: _Section) -> int:
        skip_bytes = min(len(view), self._want.skip_bytes)
        kept = view[skip_bytes : skip_bytes + self._want.keep_bytes]
        self._kept += kept
        self._want = _Want(self._want.skip_bytes - skip_bytes, self._want.keep_bytes - len(kept))
        if self._want == (0, 0):
            raw, self._kept = bytes(self._kept), bytearray()
            try:
                self._want = section.send(raw)
            except StopIteration:
                self._section = None
        return skip_bytes + len(kept)

    def _take_padding(self, view: memoryview) -> int:
        if any(view):
            raise damaged("data follows the end-of-stream marker", at_byte=self._position)
        return len(view)

    def _take_items(self, view: memoryview, grains: list[Grain]) -> int:
        used, size = 0, len(view)
        while size - used >= SECTOR_BYTES:
            at_byte = self._position + used
            value, length, kind = _MARKER.unpack_from(view, used)
            if not length:
                self._begin_marker(value, kind, at_byte)
                return used + SECTOR_BYTES
            if length > LARGEST_GRAIN_BYTES:
                raise damaged(f"a grain of {length} compressed bytes is impossible", at_byte=at_byte)
            end = used + _GRAIN_PREFIX_BYTES + length
            padded_end = -(-end // SECTOR_BYTES) * SECTOR_BYTES
            if padded_end > size:
                break
            number = self._grain_number(value, at_byte)
            grains.append(Grain(number, view[used + _GRAIN_PREFIX_BYTES : end], at_byte))
            used = padded_end
        return used

    def _grain_number(self, sector: int, at_byte: int) -> int:
        number, rest = divmod(sector, GRAIN_SECTORS)
        if rest or number >= self._header.grain_count:
            raise damaged(f"a grain for sector {sector} is unaligned or beyond the disk", at_byte=at_byte)
        self._tables.seen(number, at_byte // SECTOR_BYTES)
        return number

    def _begin_marker(self, sectors: int, kind: int, at_byte: int) -> None:
        if kind == _END and sectors == 0:
            self._tables.complete(at_byte=at_byte)
            self._ended = True
            return
        sizes = {_TABLE: TABLE_SECTORS, _DIRECTORY: self._header.directory_sectors, _FOOTER: 1}
        if sizes.get(kind) != sectors:
            raise damaged(f"a marker of kind {kind} for {sectors} sectors is unknown", at_byte=at_byte)
        self._section = self._after_marker(kind, sectors, at_byte // SECTOR_BYTES + 1)
        self._want = next(self._section)

    # --- sections without grains, in the order of the stream ----------------------------------------------

    def _preamble(self) -> _Section:
        header = read_header((yield _Want(0, SECTOR_BYTES)))
        self._compare_capacity(header)
        self._header = header
        if header.tables_in_front:
            front = self._tables = TablesInFront(header)
            yield from _front_tables(header, front)
        else:
            self._tables = TablesBehind(header)
            if header.overhead_sectors > 1:
                yield _Want((header.overhead_sectors - 1) * SECTOR_BYTES, 0)

    def _after_marker(self, kind: int, sectors: int, first_sector: int) -> _Section:
        raw = yield _Want(0, sectors * SECTOR_BYTES)
        if isinstance(self._tables, TablesInFront):
            return  # a second copy of what came before the grains
        if kind == _TABLE:
            self._tables.table(first_sector, raw)
        elif kind == _DIRECTORY:
            self._tables.directory(first_sector, raw)
        else:
            at_byte = first_sector * SECTOR_BYTES
            self._tables.footer(read_header(raw, at_byte=at_byte), at_byte=at_byte)

    def _compare_capacity(self, header: SparseHeader) -> None:
        found = header.capacity_sectors * SECTOR_BYTES
        expected = self._expected_capacity_bytes
        if expected and not _may_be_capacity(found, expected):
            raise damaged(f"it holds a disk of {found} bytes, not of {expected}", at_byte=0)
        self.virtual_size_bytes = found


def _may_be_capacity(found_bytes: int, told_bytes: int) -> bool:
    """Old vCenters tell whole KB, and a writer may count whole grains; a disk is never smaller than was told.

    Without a footer nothing else in the stream would show a damaged capacity, and the disk would lose its
    end.
    """
    whole_grains = -(-told_bytes // GRAIN_BYTES) * GRAIN_BYTES
    return 0 <= found_bytes - told_bytes < _KB or found_bytes == whole_grains


def _front_tables(header: SparseHeader, tables: TablesInFront) -> _Section:
    """Directory and tables between header and first grain, wherever in that space they stand."""
    position = header.directory_sector + header.directory_sectors
    tables.directory(
        (yield _Want((header.directory_sector - 1) * SECTOR_BYTES, header.directory_sectors * SECTOR_BYTES))
    )
    while (sector := tables.next_table(position)) is not None:
        if sector + TABLE_SECTORS > header.overhead_sectors:
            break
        raw = yield _Want((sector - position) * SECTOR_BYTES, TABLE_BYTES)
        tables.table(sector, raw)
        position = sector + TABLE_SECTORS
    tables.tables_end(at_byte=position * SECTOR_BYTES)
    if position > header.overhead_sectors:
        raise damaged("its grain directory reaches into its grains", at_byte=position * SECTOR_BYTES)
    if position < header.overhead_sectors:
        yield _Want((header.overhead_sectors - position) * SECTOR_BYTES, 0)
