"""What earlier batches left outside, with its monthly cost; remove some of it after typing a word."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label, Static

from v2s_tui.domain.leftovers import Leftover
from v2s_tui.domain.units import counted, format_eur
from v2s_tui.presentation.leftover_columns import LEFTOVER_COLUMNS
from v2s_tui.tui.widgets.virtual_table import VirtualTable


class LeftoversView(ModalScreen[tuple[Leftover, ...] | None]):
    """Those to remove, None when left. Nothing is removed here."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Close", id="leftovers.close"),
        Binding("space", "mark", "Mark", id="leftovers.mark"),
        Binding("a", "mark_all", "Mark all", id="leftovers.mark_all"),
        Binding("d", "remove", "Remove marked", id="leftovers.remove"),
    ]

    def __init__(self, found: Sequence[Leftover]) -> None:
        super().__init__()
        self._found = found
        self._marked: frozenset[object] = frozenset()

    def compose(self) -> ComposeResult:
        """The list, why the one under the cursor is a leftover, the keys."""
        cost = format_eur(sum(each.monthly_eur for each in self._found))
        with Vertical(classes="modal-box wide"):
            yield Label(
                f"{counted(len(self._found), 'leftover')}, {cost} per month",
                markup=False,
                classes="modal-title",
            )
            yield VirtualTable[Leftover](LEFTOVER_COLUMNS, row_key=id, id="leftovers")
            yield Static(id="leftover-why", markup=False)
            yield Label("space mark   a all   d remove   esc close", markup=False, classes="modal-keys")

    @property
    def table(self) -> VirtualTable[Leftover]:
        """The leftovers, dearest first."""
        return self.query_one("#leftovers", VirtualTable)

    def on_mount(self) -> None:
        """The dearest first."""
        self.table.set_rows(self._found)
        self.table.focus()
        self._show()

    def on_virtual_table_highlighted(self, event: VirtualTable.Highlighted) -> None:
        """Tell more of it."""
        self._show()

    def _show(self) -> None:
        each = self.table.current
        can = " Its batch can still be resumed and would use it." if each and each.resumable else ""
        text = f"{each.found.kind.value} {each.found.name}: {each.reason}.{can}" if each else ""
        self.query_one("#leftover-why", Static).update(text)

    def action_mark(self) -> None:
        """Mark or unmark, and go on to the next."""
        current = self.table.current
        if current is not None:
            self._marked ^= {id(current)}
            self.table.marked = self._marked
            self.table.move_cursor(self.table.cursor + 1)

    def action_mark_all(self) -> None:
        """Mark all; again: none."""
        everything = frozenset(id(each) for each in self._found)
        self._marked = frozenset() if self._marked == everything else everything
        self.table.marked = self._marked

    def action_remove(self) -> None:
        """Answer with the marked ones, else the one under the cursor."""
        current = self.table.current
        chosen = tuple(each for each in self._found if id(each) in self._marked)
        if chosen or current is not None:
            self.dismiss(chosen or ((current,) if current else ()))

    def action_leave(self) -> None:
        """Nothing is removed."""
        self.dismiss(None)
