"""The proof that every grain came, by tables before or behind the grains."""

import struct
from array import array

import pytest

from v2s_tui.adapters.disk.grain_tables import TablesBehind, TablesInFront
from v2s_tui.adapters.disk.vmdk_header import DIRECTORY_AT_END, TABLE_ENTRIES, SparseHeader
from v2s_tui.domain.errors import LeaseFailed

HEADER = SparseHeader(capacity_sectors=128 * 1024, directory_sector=DIRECTORY_AT_END, overhead_sectors=128)
FOOTER = SparseHeader(capacity_sectors=128 * 1024, directory_sector=900, overhead_sectors=128)


def table(**sectors: int) -> bytes:
    """A grain table: `g3=200` puts grain 3 at sector 200."""
    entries = array("I", bytes(4 * TABLE_ENTRIES))
    for name, sector in sectors.items():
        entries[int(name[1:])] = sector
    return entries.tobytes()


def directory(*pointers: int) -> bytes:
    return struct.pack("<2I", *pointers)


def with_grains(*grains: tuple[int, int]) -> TablesBehind:
    tables = TablesBehind(HEADER)
    for grain, sector in grains:
        tables.seen(grain, sector)
    return tables


def finish(tables: TablesBehind) -> None:
    tables.footer(FOOTER, at_byte=0)
    tables.complete(at_byte=0)


def test_tables_right_behind_their_grains() -> None:
    tables = with_grains((0, 128), (3, 130))
    tables.table(140, table(g0=128, g3=130))
    tables.seen(512, 150)
    tables.table(160, table(g0=150))
    tables.directory(900, directory(140, 160))
    finish(tables)


def test_tables_all_at_the_end_and_in_any_order() -> None:
    tables = with_grains((512, 150), (3, 130), (0, 160))
    tables.table(300, table(g0=150))
    tables.table(310, table(g0=160, g3=130))
    tables.directory(900, directory(310, 300))
    finish(tables)


def test_entry_for_a_grain_of_zeros_needs_no_grain() -> None:
    tables = with_grains((0, 128))
    tables.table(140, table(g0=128, g7=1))
    tables.directory(900, directory(140, 0))
    finish(tables)


def test_lost_grain_is_told_by_its_table() -> None:
    tables = with_grains((0, 128))
    tables.table(140, table(g0=128, g3=130))
    with pytest.raises(LeaseFailed, match="grains 0 to 511"):
        tables.directory(900, directory(140, 0))


@pytest.mark.parametrize(("pointers", "word"), [((141, 0), "beside"), ((140, 141), "missing")])
def test_directory_must_point_to_tables(pointers: tuple[int, int], word: str) -> None:
    tables = with_grains((0, 128))
    tables.table(140, table(g0=128))
    with pytest.raises(LeaseFailed, match=word):
        tables.directory(900, directory(*pointers))


def test_grain_that_no_table_names() -> None:
    tables = with_grains((0, 128), (600, 130))
    with pytest.raises(LeaseFailed, match=r"grains 0 to 511|missing"):
        tables.directory(900, directory(0, 0))


@pytest.mark.parametrize("sector", [129, 128])
def test_repeated_grain(sector: int) -> None:
    with pytest.raises(LeaseFailed, match="twice"):
        with_grains((0, 128), (0, sector))


def test_grain_behind_its_table_or_the_directory() -> None:
    tables = with_grains((0, 128))
    tables.table(140, table(g0=128))
    with pytest.raises(LeaseFailed, match="after its table"):
        tables.seen(1, 150)
    tables.directory(900, directory(140, 0))
    tables.seen(600, 950)
    with pytest.raises(LeaseFailed, match="follow"):
        tables.complete(at_byte=0)


def test_front_tables_cross_grains_out() -> None:
    tables = TablesInFront(FOOTER)
    tables.directory(directory(30, 40))
    assert (tables.next_table(22), tables.next_table(34), tables.next_table(44)) == (30, 40, None)
    tables.table(30, table(g0=128, g5=1))
    tables.table(40, table(g2=130))
    tables.tables_end(at_byte=0)
    tables.seen(0, 128)
    with pytest.raises(LeaseFailed, match="1 grains did not come"):
        tables.complete(at_byte=0)
    tables.seen(514, 130)
    tables.complete(at_byte=0)
    for grain, sector in ((0, 128), (1, 131), (2000, 1)):
        with pytest.raises(LeaseFailed, match="not where its table says"):
            tables.seen(grain, sector)
