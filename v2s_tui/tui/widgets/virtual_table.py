"""A table that stays instant on 10,000 rows: it draws only the lines on screen (Textual's Line API).

It owns drawing, cursor and marks; which rows there are, and in which order, is decided by whoever calls
set_rows. Cells are plain text, never markup. Reference: terminal.md section 1 (30 times less CPU per key than
DataTable).
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from v2s_tui.presentation.columns import Column
from v2s_tui.tui.widgets.column_layout import GAP, MARGIN, cell_text, fit_columns

Row = TypeVar("Row")


class VirtualTable(ScrollView, Generic[Row], can_focus=True):
    """Rows of any type shown through Columns. Messages: Highlighted, Opened, MarksChanged."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "virtual-table--header",
        "virtual-table--cursor",
        "virtual-table--marked",
        "virtual-table--ok",
        "virtual-table--warn",
        "virtual-table--fail",
        "virtual-table--dim",
        "virtual-table--busy",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "cursor(-1)", "Up", show=False),
        Binding("down,j", "cursor(1)", "Down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False),
        Binding("home,g", "edge(-1)", "First", show=False),
        Binding("end,G", "edge(1)", "Last", show=False),
        Binding("enter", "open", "Open", show=False),
    ]

    @dataclass
    class Highlighted(Message):
        """The cursor stands on another row (row is None when the table is empty)."""

        table: "VirtualTable[object]"
        row: object | None

        @property
        def control(self) -> "VirtualTable[object]":
            return self.table

    @dataclass
    class Opened(Message):
        """Enter or a click on the row under the cursor."""

        table: "VirtualTable[object]"
        row: object

        @property
        def control(self) -> "VirtualTable[object]":
            return self.table

    @dataclass
    class HeaderClicked(Message):
        """A click on the title of that column."""

        table: "VirtualTable[object]"
        column: str

        @property
        def control(self) -> "VirtualTable[object]":
            return self.table

    def __init__(
        self,
        columns: Sequence[Column[Row]],
        *,
        row_key: Callable[[Row], Hashable],
        tone: Callable[[Row, str], str] | None = None,
        id: str | None = None,  # noqa: A002 - Textual's own name
        classes: str | None = None,
    ) -> None:
        """row_key: identity of a row, kept by cursor and marks. tone(row, column name): one of "", ok, warn,
        fail, dim, busy. `if_empty`: lines shown while there are no rows.
        """
        super().__init__(id=id, classes=classes)
        self._columns: tuple[Column[Row], ...] = tuple(columns)
        self._row_key = row_key
        self._tone = tone
        self._rows: Sequence[Row] = ()
        self._layout: list[tuple[Column[Row], int]] = []
        self._lines: dict[tuple[int, bool], Strip] = {}
        self._styles: dict[tuple[str, bool, bool], Style] = {}
        self.cursor = 0
        self.sort_column = ""
        self.sort_reverse = False
        self._marked: frozenset[Hashable] = frozenset()
        self.if_empty: Sequence[str] = ()

    # --- rows -------------------------------------------------------------------------------------

    @property
    def rows(self) -> Sequence[Row]:
        """The rows shown, in order."""
        return self._rows

    @property
    def columns(self) -> tuple[Column[Row], ...]:
        """All columns, shown or not."""
        return self._columns

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self._rows[self.cursor] if 0 <= self.cursor < len(self._rows) else None

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show these rows. The cursor stays on the row it was on, where that row is still there.

        Only lines that show another row now are drawn: each is bytes to the terminal.
        """
        before, held, top, was = self._rows, self.current, self.scroll_offset.y, self.cursor
        key = self._row_key(held) if held is not None else None
        self._rows = rows
        self.cursor = self._index_of(held, key, near=was)
        self._resize_content()
        self._keep_cursor_visible()
        if self.scroll_offset.y == top and rows and before:
            self._refresh_changed(before, top, {was, self.cursor} if was != self.cursor else set())
        else:
            self._lines.clear()
            self.refresh()
        now = self.current
        if (self._row_key(now) if now is not None else None) != key:
            self._announce()

    def _refresh_changed(self, before: Sequence[Row], top: int, moved: set[int]) -> None:
        """Draw the lines on screen that show another row than before, and those the cursor left or met."""
        seen = range(top, top + max(0, self.size.height - 1))
        old, new = before[top : seen.stop], self._rows[top : seen.stop]
        self._lines = {at: line for at, line in self._lines.items() if at[0] in seen}
        same = min(len(old), len(new))
        changed = {top + at for at in range(same) if old[at] is not new[at] and old[at] != new[at]}
        self.refresh_rows(changed | moved | set(range(top + same, top + max(len(old), len(new)))))

    def _index_of(self, held: Row | None, key: Hashable | None, *, near: int) -> int:
        """Where that row is now, as the same object or under its key; near where it was when it is gone."""
        if held is not None:
            near_rows = self._rows[near : near + 1]
            if near_rows and self._row_key(near_rows[0]) == key:
                return near
            same = next((at for at, row in enumerate(self._rows) if row is held), None)
            if same is not None:
                return same
            for index, row in enumerate(self._rows):
                if self._row_key(row) == key:
                    return index
        return max(0, min(near, len(self._rows) - 1))

    def set_columns(self, columns: Sequence[Column[Row]]) -> None:
        """Show other columns, or the same in another order."""
        self._columns = tuple(columns)
        self._fit()
        self.refresh()

    @property
    def marked(self) -> frozenset[Hashable]:
        """Keys of the rows drawn as marked; marks of rows not shown are kept."""
        return self._marked

    @marked.setter
    def marked(self, marked: frozenset[Hashable]) -> None:
        if marked != self._marked:
            self._marked = marked
            self._lines.clear()
            self.refresh()

    def cell_region(self, column_name: str) -> Region | None:
        """Where on the screen the cursor's cell of that column lies; None while it is not shown."""
        left = MARGIN
        for column, width in self._layout:
            if column.name == column_name and self._rows:
                y = self.cursor - self.scroll_offset.y + 1
                return Region(self.region.x + left, self.region.y + y, width, 1)
            left += width + GAP
        return None

    def refresh_rows(self, indexes: Iterable[int]) -> None:
        """Redraw these rows (their content changed in place)."""
        top = self.scroll_offset.y
        height = self.size.height - 1
        for index in indexes:
            self._lines.pop((index, False), None)
            self._lines.pop((index, True), None)
            if top <= index < top + height:
                self.refresh(Region(0, index - top + 1, self.size.width, 1))

    # --- drawing ----------------------------------------------------------------------------------

    def _resize_content(self) -> None:
        size = Size(max(1, self.size.width - 1), len(self._rows) + 1)
        if size != self.virtual_size:
            # Assigning it would lay the whole screen out anew at every key of a filter.
            self.set_reactive(Widget.virtual_size, size)
            self._scroll_update(size)

    def _fit(self) -> None:
        self._layout = fit_columns(self._columns, self.scrollable_content_region.width or self.size.width)
        self._lines.clear()

    def on_resize(self, event: Resize) -> None:
        """The terminal changed: choose columns again."""
        self._fit()
        self._resize_content()
        self._keep_cursor_visible()
        self.refresh()

    def notify_style_update(self) -> None:
        """The theme changed."""
        super().notify_style_update()
        self._lines.clear()
        self._styles.clear()

    def render_line(self, y: int) -> Strip:
        """One line of the screen: the header, a row, or nothing."""
        width = self.size.width
        if y == 0:
            return self._header_line(width)
        index = self.scroll_offset.y + y - 1
        if index >= len(self._rows):
            return self._blank_line(y, width)
        is_cursor = index == self.cursor
        cached = self._lines.get((index, is_cursor))
        if cached is None:
            cached = self._lines[index, is_cursor] = self._row_line(self._rows[index], is_cursor, width)
        return cached

    def _blank_line(self, y: int, width: int) -> Strip:
        """Nothing, or in a table without rows what to do about it."""
        place = y - 2
        if self._rows or not 0 <= place < len(self.if_empty):
            return Strip.blank(width, self._style("", False, False))
        style = self._style("" if place == 0 else "dim", False, False)
        return Strip([Segment(set_cell_size(" " * MARGIN + self.if_empty[place], width), style)], width)

    def _header_line(self, width: int) -> Strip:
        style = self.get_component_rich_style("virtual-table--header")
        cells = [" " * MARGIN]
        for column, cell_width in self._layout:
            arrow = ("v" if self.sort_reverse else "^") if column.name == self.sort_column else ""
            cells.append(cell_text(column.title + arrow, cell_width, right=column.right) + " " * GAP)
        return Strip([Segment(set_cell_size("".join(cells), width), style)], width)

    def _row_line(self, row: Row, is_cursor: bool, width: int) -> Strip:
        """Neighbouring cells of one style are one segment: fewer bytes to the terminal."""
        marked = self._row_key(row) in self._marked
        base = self._style("", is_cursor, marked)
        segments, text, style = [], (">" if is_cursor else " ") + ("*" if marked else " "), base
        for column, cell_width in self._layout:
            tone = self._tone(row, column.name) if self._tone and not is_cursor else ""
            own = self._style(tone, is_cursor, marked) if tone else base
            if own is not style:
                segments.append(Segment(text, style))
                text, style = "", own
            text += cell_text(column.cell(row), cell_width, right=column.right) + " " * GAP
        return Strip([*segments, Segment(text, style)]).adjust_cell_length(width, base)

    def _style(self, tone: str, is_cursor: bool, marked: bool) -> Style:
        """Of a cell; kept until the theme changes, for working it out takes longer than drawing the cell."""
        key = (tone, is_cursor, marked)
        if key not in self._styles:
            name = "cursor" if is_cursor else "marked" if marked else ""
            base = self.get_component_rich_style(f"virtual-table--{name}") if name else self.rich_style
            colour = self.get_component_rich_style(f"virtual-table--{tone}").color if tone else None
            self._styles[key] = base + Style(color=colour) if tone else base
        return self._styles[key]

    # --- cursor -----------------------------------------------------------------------------------

    def move_cursor(self, index: int) -> None:
        """Put the cursor on the row of that index (kept inside the table) and scroll it into sight."""
        target = max(0, min(index, len(self._rows) - 1))
        if target == self.cursor:
            return
        before, self.cursor = self.cursor, target
        self._keep_cursor_visible()
        self.refresh_rows((before, target))
        self._announce()

    def _keep_cursor_visible(self) -> None:
        height = max(1, self.size.height - 1)
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, immediate=True)

    def _announce(self) -> None:
        self.post_message(self.Highlighted(self, self.current))  # type: ignore[arg-type]

    def action_cursor(self, step: int) -> None:
        """Up or down."""
        self.move_cursor(self.cursor + step)

    def action_page(self, step: int) -> None:
        """A screenful up or down."""
        self.move_cursor(self.cursor + step * max(1, self.size.height - 2))

    def action_edge(self, step: int) -> None:
        """First or last row."""
        self.move_cursor(0 if step < 0 else len(self._rows) - 1)

    def action_open(self) -> None:
        """Enter."""
        if self.current is not None:
            self.post_message(self.Opened(self, self.current))  # type: ignore[arg-type]

    def on_click(self, event: Click) -> None:
        """A click moves the cursor, a second one on the same row opens it; on a title it names the column."""
        if event.y == 0:
            self._click_header(event.x)
            return
        index = self.scroll_offset.y + event.y - 1
        if not 0 <= index < len(self._rows):
            return
        if index == self.cursor:
            self.action_open()
        else:
            self.move_cursor(index)

    def _click_header(self, x: int) -> None:
        left = MARGIN
        for column, width in self._layout:
            if left <= x < left + width + GAP:
                self.post_message(self.HeaderClicked(self, column.name))  # type: ignore[arg-type]
                return
            left += width + GAP
