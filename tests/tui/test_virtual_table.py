"""The table that every screen uses: rows, cursor, marks, columns that fit, nothing parsed as markup."""

from dataclasses import dataclass

import pytest
from textual.app import App, ComposeResult

from v2s_tui.presentation.columns import Column
from v2s_tui.presentation.run_columns import RUN_COLUMNS
from v2s_tui.tui.widgets.column_layout import MOST_GROWING, fit_columns
from v2s_tui.tui.widgets.virtual_table import VirtualTable


@dataclass(frozen=True)
class Item:
    name: str
    size: int


COLUMNS: tuple[Column[Item], ...] = (
    Column("name", "Name", 10, lambda item: item.name),
    Column("size", "Size", 6, lambda item: str(item.size), lambda item: item.size, right=True),
    Column("extra", "Extra", 20, lambda item: "x", important=False),
)


class TableApp(App[None]):
    def compose(self) -> ComposeResult:
        yield VirtualTable[Item](COLUMNS, row_key=lambda item: item.name, id="table")

    @property
    def table(self) -> VirtualTable[Item]:
        return self.query_one("#table", VirtualTable)


def items(count: int) -> list[Item]:
    return [Item(f"[bold]vm-{number}[/oops]", number) for number in range(count)]


def line_text(table: VirtualTable[Item], y: int) -> str:
    return "".join(segment.text for segment in table.render_line(y))


def test_unimportant_columns_give_way_first() -> None:
    assert [column.name for column, _ in fit_columns(COLUMNS, 60)] == ["name", "size", "extra"]
    assert [column.name for column, _ in fit_columns(COLUMNS, 30)] == ["name", "size"]
    assert [column.name for column, _ in fit_columns(COLUMNS, 12)] == ["name"]


def test_spare_room_goes_to_the_first_column_until_the_eye_would_lose_its_line() -> None:
    (_, name_width), (_, size_width) = fit_columns(COLUMNS[:2], 40)
    assert (name_width, size_width) == (30, 6)
    assert fit_columns(COLUMNS[:2], 200)[0][1] == MOST_GROWING


async def test_an_empty_table_says_what_to_do() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 12)):
        app.table.if_empty = ("nothing is here", "press n")
        app.table.set_rows([])
        assert line_text(app.table, 3).strip() == "press n"
        app.table.set_rows(items(1))
        assert line_text(app.table, 3).strip() == ""


async def test_markup_in_names_is_shown_as_it_is() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 12)):
        app.table.set_rows(items(3))
        assert "[bold]vm-0" in line_text(app.table, 1)


async def test_keys_move_and_the_cursor_stays_in_sight() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 12)) as pilot:
        table = app.table
        table.focus()
        table.set_rows(items(100))
        await pilot.press("j", "j", "k", "G")
        assert table.current == table.rows[99]
        assert line_text(table, table.size.height - 1).startswith(">")
        await pilot.press("g")
        assert line_text(table, 1).startswith(">")


async def test_the_cursor_stays_on_its_row_when_rows_change() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 12)):
        table = app.table
        table.set_rows(items(50))
        table.move_cursor(20)
        table.set_rows(items(50)[15:])
        assert table.cursor == 5
        table.set_rows([])
        assert table.current is None


async def test_marks_are_signs_not_only_colour() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 12)):
        table = app.table
        table.set_rows(items(5))
        table.marked = frozenset({table.rows[2].name})
        assert line_text(table, 3).startswith(" *")


async def test_a_row_that_became_another_is_drawn_anew_and_the_rest_is_kept() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 12)) as pilot:
        table = app.table
        rows = items(5)
        table.set_rows(rows)
        await pilot.pause()
        kept = table.render_line(1)
        table.set_rows([*rows[:2], Item(rows[2].name, 777), *rows[3:]])
        await pilot.pause()
        assert "777" in line_text(table, 3)
        assert table.render_line(1) is kept


async def test_a_mark_that_went_is_not_drawn_though_its_row_stayed() -> None:
    app = TableApp()
    async with app.run_test(size=(40, 12)) as pilot:
        table = app.table
        table.set_rows(items(5))
        table.marked = frozenset({table.rows[2].name})
        await pilot.pause()
        assert line_text(table, 3).startswith(" *")
        table.marked = frozenset()
        table.set_rows(items(5))
        assert line_text(table, 3).startswith("  ")


@pytest.mark.parametrize(("width", "name"), [(78, 14), (118, 28)])
def test_names_of_a_run_are_cut_on_a_narrow_screen_only(width: int, name: int) -> None:
    fitted = fit_columns(RUN_COLUMNS, width)
    cells = {column.name: cells for column, cells in fitted}
    assert cells["name"] == name
    assert sum(cells.values()) + 2 * len(cells) <= width
    assert width < 100 or cells["why"] >= 34
