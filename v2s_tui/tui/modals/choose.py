"""Pick one row of a table; typing narrows it down."""

from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from v2s_tui.presentation.columns import Column
from v2s_tui.tui.widgets.virtual_table import VirtualTable

Row = TypeVar("Row")


class Choose(ModalScreen[Row | None], Generic[Row]):
    """The chosen row, or None. Words typed must all occur in the row's cells."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel"),
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("pagedown", "move(10)", show=False),
    ]

    def __init__(
        self,
        title: str,
        columns: Sequence[Column[Row]],
        rows: Sequence[Row],
        *,
        selected: Row | None = None,
        enter: str = "choose",
    ) -> None:
        """enter: what choosing does, for the line of keys."""
        super().__init__()
        self._title = title
        self._columns = columns
        self._rows = rows
        self._selected = selected
        self._enter = enter

    def compose(self) -> ComposeResult:
        """Title, what is typed, the rows."""
        with Vertical(classes="modal-box wide"):
            yield Label(self._title, markup=False, classes="modal-title")
            yield Input(placeholder="type to narrow down", compact=True, id="narrow")
            yield VirtualTable[Row](self._columns, row_key=id, id="choices")
            yield Label(f"enter {self._enter}   esc cancel", markup=False, classes="modal-keys")

    @property
    def table(self) -> VirtualTable[Row]:
        """The rows."""
        return self.query_one("#choices", VirtualTable)

    def on_mount(self) -> None:
        """All rows, the selected one under the cursor."""
        self.table.set_rows(self._rows)
        if self._selected in self._rows:
            self.table.move_cursor(self._rows.index(self._selected))
        self.query_one("#narrow").focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what holds every word."""
        words = event.value.lower().split()
        self.table.set_rows([row for row in self._rows if all(word in self._text(row) for word in words)])

    def _text(self, row: Row) -> str:
        return " ".join(column.cell(row) for column in self._columns).lower()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter takes the row under the cursor."""
        if self.table.current is not None:
            self.dismiss(self.table.current)

    def on_virtual_table_opened(self, event: VirtualTable.Opened) -> None:
        """So does a click."""
        self.dismiss(self.table.current)

    def action_move(self, step: int) -> None:
        """Move in the list while the keyboard is in the input."""
        self.table.move_cursor(self.table.cursor + step)

    def action_leave(self) -> None:
        """Nothing chosen."""
        self.dismiss(None)
