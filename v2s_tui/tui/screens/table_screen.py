"""A step whose main thing is a table: sorted by any column, columns chosen and ordered, all of it kept."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from v2s_tui.presentation.columns import Column
from v2s_tui.tui.modals.choose import Choose
from v2s_tui.tui.modals.columns import ChooseColumns
from v2s_tui.tui.screens.flow_screen import FlowScreen
from v2s_tui.tui.table_look import TableLook
from v2s_tui.tui.widgets.virtual_table import VirtualTable

_UNSORTED: Column[Any] = Column("", "as it comes", 10, lambda row: "")
_SORT_COLUMNS: tuple[Column[Column[Any]], ...] = (
    Column("title", "Sort by", 30, lambda column: column.title or column.name),
)


TABLE_BINDINGS: tuple[BindingType, ...] = (
    Binding("s", "sort", "Sort by...", id="table.sort", show=False),
    Binding("S", "sort_reverse", "Reverse order", id="table.reverse", show=False),
    Binding("O", "columns", "Columns...", id="table.columns", show=False),
    Binding("y", "copy", "Copy row", id="table.copy", show=False),
)
"""For the subclass to put among its own: inherited ones would come first in hints and help."""


class TableScreen(FlowScreen):
    """Subclasses give COLUMNS, TABLE_BINDINGS and `table`; they call `look.sorted` on their rows."""

    AUTO_FOCUS = "VirtualTable"  # keys typed after a dialog are for the list, not for a filter line above it
    COLUMNS: ClassVar[Sequence[Column[Any]]] = ()

    @property
    def table(self) -> VirtualTable[Any]:
        """The main table."""
        raise NotImplementedError

    @property
    def look(self) -> TableLook:
        """How the operator wants the table."""
        return self.workspace.looks.get(self.STEP, TableLook())

    def on_screen_resume(self) -> None:
        """The look may come from the session."""
        self._show_look()
        super().on_screen_resume()

    def _change_look(self, look: TableLook) -> None:
        self.workspace.looks[self.STEP] = look
        self._show_look()
        self.refresh_view("all")

    def _show_look(self) -> None:
        look, table = self.look, self.table
        table.sort_column, table.sort_reverse = look.sort, look.reverse
        table.set_columns(look.shown(self.COLUMNS))

    def on_virtual_table_header_clicked(self, event: VirtualTable.HeaderClicked) -> None:
        """Sort by the column that was clicked."""
        if event.table is self.table:
            self._change_look(self.look.sorted_by(event.column))

    def action_sort(self) -> None:
        """Choose the column to sort by; the one chosen again turns the order round."""

        def chosen(column: Column[Any] | None) -> None:
            if column is not None:
                self._change_look(self.look.sorted_by(column.name))

        offered = [_UNSORTED, *self.COLUMNS]
        selected = next((each for each in offered if each.name == self.look.sort), None)
        self.app.push_screen(Choose[Column[Any]]("Sort", _SORT_COLUMNS, offered, selected=selected), chosen)

    def action_sort_reverse(self) -> None:
        """Turn the order round."""
        self._change_look(replace(self.look, reverse=not self.look.reverse))

    def action_copy(self) -> None:
        """Copy the row under the cursor as it is shown (OSC 52, works over SSH)."""
        row = self.table.current
        if row is not None:
            cells = [column.cell(row) for column in self.table.columns]
            self.app.copy_to_clipboard("\t".join(cells))
            self.notify(f"copied {cells[0].strip()}", timeout=3, markup=False)

    def action_columns(self) -> None:
        """Choose, order and resize the columns."""

        def chosen(look: TableLook | None) -> None:
            if look is not None:
                self._change_look(look)

        self.app.push_screen(ChooseColumns(self.COLUMNS, self.look), chosen)
