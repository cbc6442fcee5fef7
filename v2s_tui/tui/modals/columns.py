"""Choose, order and resize the columns of a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label

from v2s_tui.presentation.columns import Column
from v2s_tui.tui.table_look import TableLook
from v2s_tui.tui.widgets.virtual_table import VirtualTable


@dataclass(frozen=True, slots=True)
class _Line:
    name: str
    title: str
    width: int
    shown: bool


_LINES: tuple[Column[_Line], ...] = (
    Column("shown", "Shown", 5, lambda line: "[x]" if line.shown else "[ ]"),
    Column("title", "Column", 24, lambda line: line.title, grows=True),
    Column("width", "Width", 5, lambda line: str(line.width), right=True),
)


class ChooseColumns(ModalScreen[TableLook | None]):
    """The look as arranged, or None when left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel"),
        Binding("enter", "take", "Take over"),
        Binding("space", "show_or_hide", "Show or hide"),
        Binding("K,shift+up,left_square_bracket", "move(-1)", "Earlier"),
        Binding("J,shift+down,right_square_bracket", "move(1)", "Later"),
        Binding("plus,equals_sign,right", "widen(1)", "Wider"),
        Binding("minus,left", "widen(-1)", "Narrower"),
        Binding("0", "reset", "As delivered"),
    ]

    def __init__(self, columns: Sequence[Column[Any]], look: TableLook) -> None:
        super().__init__()
        self._columns = columns
        self._look = look

    def compose(self) -> ComposeResult:
        """The columns in order, and the keys."""
        with Vertical(classes="modal-box wide"):
            yield Label("Columns", classes="modal-title", markup=False)
            yield VirtualTable[_Line](_LINES, row_key=lambda line: line.name, id="columns")
            yield Label(
                "space show   J K move   + - width   0 as delivered", classes="modal-keys", markup=False
            )
            yield Label("enter take over   esc cancel", classes="modal-keys", markup=False)

    @property
    def table(self) -> VirtualTable[_Line]:
        """The columns as lines."""
        return self.query_one("#columns", VirtualTable)

    def on_mount(self) -> None:
        """Begin at the first."""
        self._change(self._look)
        self.table.focus()

    def _change(self, look: TableLook) -> None:
        self._look = look
        self.table.set_rows(
            [
                _Line(each.name, each.title, each.width, each.name not in look.hidden)
                for each in look.arranged(self._columns)
            ]
        )

    def on_virtual_table_opened(self, event: VirtualTable.Opened) -> None:
        """Enter takes the arrangement over."""
        self.action_take()

    def action_take(self) -> None:
        """Use it."""
        self.dismiss(self._look)

    def action_leave(self) -> None:
        """Leave everything as it was."""
        self.dismiss(None)

    def action_show_or_hide(self) -> None:
        """Show or hide the column under the cursor."""
        line = self.table.current
        if line is not None:
            self._change(self._look.toggled(line.name))

    def action_move(self, step: int) -> None:
        """Move the column; the cursor goes with it."""
        line = self.table.current
        if line is not None:
            self._change(self._look.moved(self._columns, line.name, step))

    def action_widen(self, step: int) -> None:
        """Make it wider or narrower."""
        line = self.table.current
        if line is not None:
            self._change(self._look.widened(self._columns, line.name, step))

    def action_reset(self) -> None:
        """All columns as delivered; the sort stays."""
        self._change(TableLook(sort=self._look.sort, reverse=self._look.reverse))
