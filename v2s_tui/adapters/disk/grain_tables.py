"""Proof that every grain of a stream arrived: its own grain tables against the grains that were seen.

A stream that lost a whole grain is still well formed, marker by marker; only its tables give it away (and
qemu-img does not look: reference datapath.md 2.5). Tables come after the grains (ESXi) or before (QEMU,
open-vmdk); each way has a class here, both with `seen` for a grain and `complete` for the end.
"""

import hashlib
import sys
from array import array
from collections import deque

from v2s_tui.adapters.disk.vmdk_header import (
    DIRECTORY_AT_END,
    TABLE_BYTES,
    TABLE_ENTRIES,
    SparseHeader,
    damaged,
)

_ZEROED_GRAIN = 1  # a table entry for a grain of zeros that is not in the stream
_LARGEST_SECTOR = 0xFFFF_FFFF
_EMPTY_TABLE = bytes(TABLE_BYTES)


def entries_of(raw: bytes) -> "array[int]":
    """The little-endian 32-bit entries of a table or directory."""
    entries = array("I", bytes(raw))
    if sys.byteorder == "big":
        entries.byteswap()
    return entries


def _without_zeroed(raw: bytes) -> bytes:
    entries = entries_of(raw)
    if _ZEROED_GRAIN in entries:
        return array("I", [0 if entry == _ZEROED_GRAIN else entry for entry in entries]).tobytes()
    return entries.tobytes()


class TablesBehind:
    """Tables that follow their grains, and a directory that follows all.

    A table that equals the grains of the table last written to is settled at once and its memory given back;
    others wait as digests until the directory tells whose they are.
    """

    def __init__(self, header: SparseHeader) -> None:
        self._header = header
        self._open: dict[int, array[int]] = {}
        self._settled: dict[int, int] = {}
        self._waiting: dict[int, bytes] = {}
        self._last_table = 0
        self._directory_sector: int | None = None
        self._footer_came = False

    def seen(self, grain: int, sector: int) -> None:
        """A grain whose marker stands at that sector. Raises LeaseFailed when it came before."""
        number, entry = divmod(grain, TABLE_ENTRIES)
        table = self._open.get(number)
        if table is None:
            if number in self._settled:
                raise damaged(f"grain {grain} comes after its table", at_byte=sector * 512)
            table = self._open[number] = array("I", _EMPTY_TABLE)
        if table[entry]:
            raise damaged(f"grain {grain} comes twice", at_byte=sector * 512)
        if sector > _LARGEST_SECTOR:
            raise damaged("the stream is longer than its tables can say", at_byte=sector * 512)
        table[entry] = sector
        self._last_table = number

    def table(self, sector: int, raw: bytes) -> None:
        """A grain table that stands at that sector."""
        content = _without_zeroed(raw)
        last = self._open.get(self._last_table)
        if last is not None and last.tobytes() == content:
            self._settled[self._last_table] = sector
            del self._open[self._last_table]
            return
        if len(self._waiting) > 2 * self._header.table_count:
            raise damaged("there are more grain tables than the disk can have", at_byte=sector * 512)
        self._waiting[sector] = _digest(content)

    def directory(self, sector: int, raw: bytes) -> None:
        """The grain directory at that sector: settles every table. Raises LeaseFailed on the first that
        differs.
        """
        pointers = entries_of(raw)[: self._header.table_count]
        for number, table_sector in enumerate(pointers):
            self._settle(number, table_sector, at_byte=sector * 512)
        self._open.clear()
        self._directory_sector = sector

    def _settle(self, number: int, table_sector: int, *, at_byte: int) -> None:
        if number in self._settled:
            if self._settled[number] != table_sector:
                raise damaged(f"the directory points beside grain table {number}", at_byte=at_byte)
            return
        table = self._open.get(number)
        expected = table.tobytes() if table is not None else _EMPTY_TABLE
        promised = self._waiting.get(table_sector) if table_sector else _digest(_EMPTY_TABLE)
        if promised is None:
            raise damaged(f"grain table {number} is missing", at_byte=at_byte)
        if promised != _digest(expected):
            first = number * TABLE_ENTRIES
            raise damaged(
                f"grains {first} to {first + TABLE_ENTRIES - 1} are not those their table names: "
                "a grain was lost, moved or added",
                at_byte=at_byte,
            )

    def footer(self, footer: SparseHeader, *, at_byte: int) -> None:
        """The footer repeats the header and knows where the directory stands."""
        if footer.capacity_sectors != self._header.capacity_sectors:
            raise damaged("header and footer name different capacities", at_byte=at_byte)
        if footer.directory_sector != self._directory_sector:
            raise damaged("the footer does not point to the grain directory", at_byte=at_byte)
        self._footer_came = True

    def complete(self, *, at_byte: int) -> None:
        """Called at the end-of-stream marker. Raises LeaseFailed when directory or footer never came."""
        if self._directory_sector is None:
            raise damaged("the stream ends without its grain directory", at_byte=at_byte)
        if self._open:
            raise damaged("grains follow the grain directory", at_byte=at_byte)
        named = self._header.directory_sector
        if named == DIRECTORY_AT_END and not self._footer_came:
            raise damaged("the stream ends without its footer", at_byte=at_byte)
        if named not in {DIRECTORY_AT_END, self._directory_sector}:
            raise damaged(f"there is no grain directory at sector {named}", at_byte=at_byte)


class TablesInFront:
    """Tables known before the first grain: each grain crosses its entry out, and nothing may be left."""

    def __init__(self, header: SparseHeader) -> None:
        self._header = header
        self._expected: dict[int, array[int]] = {}
        self._table_at: dict[int, int] = {}
        self._ahead: deque[int] = deque()
        self._missing = 0

    def directory(self, raw: bytes) -> None:
        """The directory in front: tells at which sectors tables will follow."""
        pointers = entries_of(raw)[: self._header.table_count]
        self._table_at = {sector: number for number, sector in enumerate(pointers) if sector}
        self._ahead = deque(sorted(self._table_at))

    def next_table(self, sector: int) -> int | None:
        """The first sector from here on where a table stands, None at the end. Never ask backwards."""
        while self._ahead and self._ahead[0] < sector:
            self._ahead.popleft()
        return self._ahead[0] if self._ahead else None

    def table(self, sector: int, raw: bytes) -> None:
        """A grain table of the directory, at that sector."""
        number = self._table_at.pop(sector)
        content = entries_of(_without_zeroed(raw))
        named = TABLE_ENTRIES - content.count(0)
        if named:
            self._expected[number] = content
            self._missing += named

    def tables_end(self, *, at_byte: int) -> None:
        """The grains begin. Raises LeaseFailed when a table did not come before them."""
        if self._table_at:
            number = min(self._table_at.values())
            raise damaged(f"grain table {number} is not in front of the grains", at_byte=at_byte)

    def seen(self, grain: int, sector: int) -> None:
        """A grain whose marker stands at that sector. Raises LeaseFailed unless its table says so, once."""
        number, entry = divmod(grain, TABLE_ENTRIES)
        table = self._expected.get(number)
        if table is None or table[entry] != sector:
            raise damaged(f"grain {grain} is not where its table says, or comes twice", at_byte=sector * 512)
        table[entry] = 0
        self._missing -= 1

    def complete(self, *, at_byte: int) -> None:
        """Raises LeaseFailed when a grain that a table names did not come."""
        if self._missing:
            raise damaged(f"the stream ends and {self._missing} grains did not come", at_byte=at_byte)


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()
