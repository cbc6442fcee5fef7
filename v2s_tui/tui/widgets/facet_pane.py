"""The pane beside the inventory: click or enter a value to show only those VMs, again to drop it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from v2s_tui.domain.source.filters import Filter
from v2s_tui.domain.source.filters_terms import Term
from v2s_tui.domain.source.vm import Vm
from v2s_tui.presentation.facet_columns import FACET_COLUMNS, FacetRow, facet_rows
from v2s_tui.tui.widgets.virtual_table import VirtualTable


class FacetPane(VirtualTable[FacetRow]):
    """Facets with live counts. Counting is put off until the keys rest: a filter key stays instant."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "open", "Only these", show=False),
        Binding("escape", "leave", "Back to the list", show=False),
    ]
    REST_SECONDS: ClassVar[float] = 0.1

    @dataclass
    class Toggled(Message):
        """Put this term into the filter, or take it out."""

        term: Term

    @dataclass
    class Left(Message):
        """The operator goes back to the list."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(FACET_COLUMNS, row_key=_key, tone=_tone, id=id)
        self._asked: tuple[Sequence[Vm], Filter, Sequence[Vm]] = ((), Filter(), ())
        self._pending = False

    def count(self, vms: Sequence[Vm], wanted: Filter, shown: Sequence[Vm]) -> None:
        """Show the facets of these VMs soon."""
        self._asked = (vms, wanted, shown)
        if self.display and not self._pending:
            self._pending = True
            self.set_timer(self.REST_SECONDS, self._count)

    def _count(self) -> None:
        self._pending = False
        self.set_rows(facet_rows(*self._asked))

    def action_open(self) -> None:
        """Toggle the value under the cursor."""
        row = self.current
        if row is not None and row.term is not None:
            self.post_message(self.Toggled(row.term))

    def action_leave(self) -> None:
        """Hand the keyboard back."""
        self.post_message(self.Left())


def _key(row: FacetRow) -> tuple[str, str]:
    return row.key, str(row.term)


def _tone(row: FacetRow, column: str) -> str:
    if row.term is None:
        return "busy"
    return "ok" if row.chosen else "dim" if not row.count else ""
