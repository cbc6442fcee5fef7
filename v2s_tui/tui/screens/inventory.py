"""Screen 1: browse the vCenter inventory with a live filter, mark VMs, plan them."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Static

from v2s_tui.domain.planning.edit import with_vms
from v2s_tui.domain.source.filters import Filter
from v2s_tui.domain.source.filters_facets import FACETS, facet_counts
from v2s_tui.domain.source.vm import PowerState, Vm
from v2s_tui.presentation.columns import Column
from v2s_tui.presentation.inventory_columns import INVENTORY_COLUMNS
from v2s_tui.presentation.vm_detail import vm_detail_lines
from v2s_tui.tui.modals.text_view import TextView
from v2s_tui.tui.screens.flow_screen import FlowScreen
from v2s_tui.tui.widgets.filter_bar import FilterBar, FilterInput
from v2s_tui.tui.widgets.virtual_table import VirtualTable
from v2s_tui.tui.workspace import vm_key

_BAR_FACETS = ("os", "state", "firmware", "cluster")


class InventoryScreen(FlowScreen):
    """The list of VMs."""

    STEP = "inventory"
    HELP_TITLE = "Inventory: find VMs, mark them, plan them"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", id="inventory.filter", key_display="/"),
        Binding("space", "mark", "Mark", id="inventory.mark"),
        Binding("a", "mark_visible", "Mark shown", id="inventory.mark_visible"),
        Binding("A", "unmark", "Unmark all", id="inventory.unmark", show=False),
        Binding("v", "range", "Mark range", id="inventory.range", show=False),
        Binding("p", "plan", "Plan marked", id="inventory.plan"),
        Binding("s", "sort", "Sort", id="inventory.sort"),
        Binding("S", "sort_reverse", "Reverse sort", id="inventory.sort_reverse", show=False),
        Binding("r", "reload", "Refresh", id="inventory.reload"),
        Binding("y", "copy", "Copy name", id="inventory.copy", show=False),
        Binding("escape", "clear_filter", "Clear filter", id="inventory.clear", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="inventory-screen")
        self._filter = Filter()
        self._range_from: int | None = None
        self._sort = ""
        self._reverse = False

    def compose_body(self) -> ComposeResult:
        """Filter line, table, and beside it the VM under the cursor where there is room."""
        yield FilterBar(id="filter-bar")
        with Horizontal():
            yield VirtualTable[Vm](INVENTORY_COLUMNS, row_key=vm_key, tone=_tone, id="vms")
            yield Static(id="vm-detail", markup=False)

    @property
    def table(self) -> VirtualTable[Vm]:
        """The list."""
        return self.query_one("#vms", VirtualTable)

    def on_mount(self) -> None:
        """Start with the list in hand and the filter of the last session."""
        bar = self.query_one(FilterBar)
        bar.on_filter = self._filtered
        with self.prevent(FilterInput.Changed):
            bar.input.value = self.workspace.filter_text
        self.table.focus()

    # --- showing ----------------------------------------------------------------------------------

    def refresh_view(self, what: str) -> None:
        """List, marks and counts."""
        if what in {"all", "inventory"}:
            self._suggest_values()
            bar = self.query_one(FilterBar)
            if bar.input.value != self.workspace.filter_text:
                bar.input.value = self.workspace.filter_text
            self._show_rows()
        elif what == "marks":
            self.table.set_marked(self.workspace.marked)
            self._say_counts()

    def _filtered(self, parsed: Filter, text: str) -> None:
        self._filter = parsed
        self.workspace.filter_text = text
        self._show_rows()

    def _show_rows(self) -> None:
        rows: Sequence[Vm] = self._filter.select(self.workspace.inventory or ())
        column = self._sort_column()
        if column is not None:
            rows = sorted(rows, key=column.key, reverse=self._reverse)  # type: ignore[arg-type]
        table = self.table
        table.marked = self.workspace.marked
        table.set_rows(rows)
        self._say_counts()
        self._show_detail(table.current)

    def _say_counts(self) -> None:
        bar = self.query_one(FilterBar)
        if bar.error is not None:
            return
        inventory, shown = self.workspace.inventory, self.table.rows
        if inventory is None:
            bar.say(Text(self.v2s.inventory_note or "no inventory yet: r reads it from vCenter", style="dim"))
            return
        marked = len(self.workspace.marked)
        hidden = self.workspace.hidden_marks(shown)
        text = Text(f"{len(shown)} of {len(inventory)} VMs", no_wrap=True)
        if marked:
            text.append(f"  {marked} marked", style="bold")
            text.append(f" ({hidden} hidden)" if hidden else "", style="bold")
        for key in _BAR_FACETS:
            counts = facet_counts(shown, key)[:3]
            if len(counts) > 1:
                text.append("  " + " ".join(f"{term.value} {count}" for term, count in counts), style="dim")
        if self.v2s.inventory_note:
            text.append(f"  {self.v2s.inventory_note}", style="dim")
        bar.say(text)

    def _suggest_values(self) -> None:
        vms = self.workspace.inventory or ()
        self.query_one(FilterBar).suggester.values = {
            key: tuple(str(term.value) for term, _ in facet_counts(vms, key)) for key in FACETS
        }

    def on_virtual_table_highlighted(self, event: VirtualTable.Highlighted) -> None:
        """Show the VM under the cursor beside the list."""
        self._show_detail(self.table.current)
        if self._range_from is not None:
            self._say_counts()

    def _show_detail(self, vm: Vm | None) -> None:
        pane = self.query_one("#vm-detail", Static)
        if pane.display:
            pane.update("\n".join(vm_detail_lines(vm)) if vm else "", layout=False)

    def on_virtual_table_opened(self, event: VirtualTable.Opened) -> None:
        """Everything that is known of the VM."""
        vm = self.table.current
        if vm is not None:
            self.v2s.push_screen(TextView(vm.name, vm_detail_lines(vm)))

    # --- keys -------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterBar).input.focus()

    def on_filter_input_left(self, event: FilterInput.Left) -> None:
        """Typing ended."""
        self.table.focus()

    def action_clear_filter(self) -> None:
        """End a range, else empty the filter."""
        if self._range_from is not None:
            self._range_from = None
        else:
            self.query_one(FilterBar).input.value = ""

    def action_mark(self) -> None:
        """Mark or unmark the VM under the cursor and go on to the next."""
        table = self.table
        if table.current is not None:
            self.workspace.toggle_marks([table.current])
            table.move_cursor(table.cursor + 1)

    def action_mark_visible(self) -> None:
        """Mark all VMs the filter shows (again: unmark them)."""
        self.workspace.toggle_marks(self.table.rows)

    def action_unmark(self) -> None:
        """Unmark everything, hidden VMs too."""
        self.workspace.clear_marks()

    def action_range(self) -> None:
        """First press: begin here. Second press: mark everything between."""
        table = self.table
        if self._range_from is None:
            self._range_from = table.cursor
            self.notify("range begins here: move, then v again", timeout=3, markup=False)
            return
        first, last = sorted((self._range_from, table.cursor))
        self._range_from = None
        new = [vm for vm in table.rows[first : last + 1] if vm_key(vm) not in self.workspace.marked]
        if new:
            self.workspace.toggle_marks(new)

    def _sort_column(self) -> Column[Vm] | None:
        return next((each for each in INVENTORY_COLUMNS if each.name == self._sort), None)

    def action_sort(self) -> None:
        """Sort by the next column; after the last one, vCenter's own order."""
        names = ["", *(each.name for each in INVENTORY_COLUMNS)]
        self._sort = names[(names.index(self._sort) + 1) % len(names)]
        self._show_sorted()

    def action_sort_reverse(self) -> None:
        """Turn the order round."""
        self._reverse = not self._reverse
        self._show_sorted()

    def _show_sorted(self) -> None:
        self.table.sort_column, self.table.sort_reverse = self._sort, self._reverse
        self._show_rows()

    def action_reload(self) -> None:
        """Read the inventory anew; the list stays usable meanwhile."""
        self.v2s.reload_inventory()

    def action_copy(self) -> None:
        """Copy the VM's path (OSC 52, works over SSH)."""
        vm = self.table.current
        if vm is not None:
            self.app.copy_to_clipboard(vm.path)
            self.notify(f"copied {vm.path}", timeout=2, markup=False)

    def action_plan(self) -> None:
        """Put the marked VMs (without marks: the one under the cursor) into the plan and go on to sizing."""
        inventory = self.workspace.inventory
        current = self.table.current
        vms = self.workspace.marked_vms() or ((current,) if current is not None else ())
        if inventory is None or not vms:
            self.notify("nothing to plan: mark VMs with space", severity="warning", markup=False)
            return
        names = [inventory.unambiguous_name(vm) for vm in vms]
        self.workspace.edit(with_vms(self.workspace.plan, names))
        self.notify(f"{len(names)} VMs are in the plan", timeout=3, markup=False)
        self.v2s.action_step("sizing")


def _tone(vm: Vm, column: str) -> str:
    if not vm.readable or vm.connection_state != "connected":
        return "fail" if column == "name" else "dim"
    if column == "power":
        return "ok" if vm.power_state is PowerState.ON else "dim"
    return ""
