"""Screen 1: browse the vCenter inventory with a live filter and facets, mark VMs, plan them."""

from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from v2s_tui.domain.planning.edit import with_vms
from v2s_tui.domain.source.filters import Filter
from v2s_tui.domain.source.filters_facets import FACETS, facet_counts
from v2s_tui.domain.source.vm import PowerState, Vm
from v2s_tui.domain.units import counted
from v2s_tui.presentation.facet_columns import toggled
from v2s_tui.presentation.findings import finding_lines
from v2s_tui.presentation.inventory_columns import INVENTORY_COLUMNS, age_text
from v2s_tui.presentation.vm_detail import vm_detail_lines
from v2s_tui.tui.modals.ask import Ask
from v2s_tui.tui.modals.text_view import TextView
from v2s_tui.tui.narrowing import Narrowing
from v2s_tui.tui.path_suggester import PathSuggester
from v2s_tui.tui.saved_filters import choose_filter
from v2s_tui.tui.screens.table_screen import TABLE_BINDINGS, TableScreen
from v2s_tui.tui.widgets.facet_pane import FacetPane
from v2s_tui.tui.widgets.filter_bar import FilterBar, FilterInput
from v2s_tui.tui.widgets.virtual_table import VirtualTable
from v2s_tui.tui.workspace import vm_key
from v2s_tui.usecases.export_inventory import export_inventory, export_problem

_BAR_FACETS = ("os", "state", "firmware", "cluster")
_NONE_SEEN = ("this account sees no VM in vCenter", "`v2s doctor` names the rights that it lacks")
_NONE_PASSES = ("no VM passes this filter", "escape empties it")
_FACETS_WIDTH = 150
"""Columns from which the facets are open without being asked for."""


class InventoryScreen(TableScreen):
    """The list of VMs."""

    STEP = "inventory"
    HELP_TITLE = "Inventory: find VMs, mark them, plan them"
    COLUMNS = INVENTORY_COLUMNS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", id="inventory.filter", key_display="/"),
        Binding("space", "mark", "Mark", id="inventory.mark"),
        Binding("a", "mark_visible", "Mark shown", id="inventory.mark_visible"),
        Binding("p", "plan", "Plan", id="inventory.plan"),
        Binding("f", "facets", "Facets", id="inventory.facets"),
        Binding("F", "saved_filters", "Saved filters...", id="inventory.saved", show=False),
        Binding("r", "reload", "Refresh", id="inventory.reload", show=False),
        Binding("A", "unmark", "Unmark all", id="inventory.unmark", show=False),
        Binding("v", "range", "Mark range", id="inventory.range", show=False),
        Binding("e", "export", "Export shown...", id="inventory.export", show=False),
        Binding("y", "copy", "Copy path", id="inventory.copy", show=False),
        Binding("escape", "clear_filter", "Clear filter", id="inventory.clear", show=False),
        *TABLE_BINDINGS,
    ]

    def __init__(self) -> None:
        super().__init__(id="inventory-screen")
        self._filter = Filter()
        self._narrowing = Narrowing()
        self._detailed: Vm | None = None
        self._range_from: int | None = None
        self._facets: bool | None = None

    def compose_body(self) -> ComposeResult:
        """Filter line, facets, table, and beside it the VM under the cursor where there is room."""
        yield FilterBar(id="filter-bar")
        with Horizontal():
            yield FacetPane(id="facets")
            yield VirtualTable[Vm](INVENTORY_COLUMNS, row_key=vm_key, tone=_tone, id="vms")
            yield Static(id="vm-detail", markup=False)

    @property
    def table(self) -> VirtualTable[Vm]:
        """The list."""
        return self.query_one("#vms", VirtualTable)

    def on_mount(self) -> None:
        """Start with the list in hand and the filter of the last session."""
        bar = self.query_one(FilterBar)
        bar.kept = self.v2s.kept_filters()
        bar.on_filter = self._filtered
        bar.input.value = self.workspace.filter_text
        self.table.focus()

    # --- showing ----------------------------------------------------------------------------------

    def refresh_view(self, what: str) -> None:
        """List, marks and counts."""
        if what == "outlook":
            self._detailed = None
            self._show_detail(self.table.current)
        if what in {"all", "inventory", "partial"}:
            self._detailed = None
            self._suggest_values()
            bar = self.query_one(FilterBar)
            bar.kept = self.v2s.kept_filters()
            if not bar.input.has_focus and bar.input.value != self.workspace.filter_text:
                bar.input.value = self.workspace.filter_text
            self._show_facets()
            self._show_rows()
        elif what == "marks":
            self.table.marked = self.workspace.marked
            self._say_counts()

    def _filtered(self, parsed: Filter, text: str) -> None:
        self._filter = parsed
        self.workspace.filter_text = text
        self._show_rows()

    def _show_rows(self) -> None:
        vms = self.workspace.inventory or ()
        rows = self.look.sorted(INVENTORY_COLUMNS, self._narrowing.select(vms, self._filter))
        table = self.table
        table.marked = self.workspace.marked
        table.if_empty = (
            _NONE_PASSES if len(vms) else _NONE_SEEN if self.workspace.inventory is not None else ()
        )
        table.set_rows(rows)
        self._say_counts()
        self._show_detail(table.current)
        self.query_one(FacetPane).count(tuple(vms), self._filter, rows)

    def _show_facets(self) -> None:
        pane = self.query_one(FacetPane)
        roomy = self.app.size.width >= _FACETS_WIDTH
        pane.display = roomy if self._facets is None else self._facets
        self.set_class(pane.display and not roomy, "facets-instead")

    def _say_counts(self) -> None:
        bar = self.query_one(FilterBar)
        if bar.error is not None:
            return
        inventory, shown = self.workspace.inventory, self.table.rows
        if inventory is None:
            note = self.v2s.inventory_note or "no inventory yet: r reads it from vCenter"
            bar.say(Content.styled(note, "$text-muted"))
            return
        marked = len(self.workspace.marked)
        hidden = self.workspace.hidden_marks(shown)
        note = self.v2s.inventory_note or age_text(inventory, self.v2s.services.clock.now())
        chips = [facet_counts(shown, key)[:3] for key in _BAR_FACETS]
        more = [
            " ".join(f"{term.value} {count:,}" for term, count in each) for each in chips if len(each) > 1
        ]
        bar.say(
            Content.assemble(
                (f"{len(shown):,} of {len(inventory):,} VMs", "bold"),
                (f"  {marked:,} marked" if marked else "", "bold $text-secondary"),
                (f" ({hidden:,} hidden)" if hidden else "", "bold $text-warning"),
                ("  ".join(["", note] if note else ["", *more]), "$text-muted"),
            )
        )

    def _suggest_values(self) -> None:
        vms = self.workspace.inventory or ()
        self.query_one(FilterBar).input.values = {
            "@": tuple((name, 0) for name in self.v2s.kept_filters()),
            **{key: tuple((str(each.value), n) for each, n in facet_counts(vms, key)) for key in FACETS},
        }

    def on_virtual_table_highlighted(self, event: VirtualTable.Highlighted) -> None:
        """Show the VM under the cursor beside the list."""
        if event.table is self.table:
            self._show_detail(self.table.current)
            if self._range_from is not None:
                self._say_range()

    def _show_detail(self, vm: Vm | None) -> None:
        pane = self.query_one("#vm-detail", Static)
        if pane.display and vm is not self._detailed:
            self._detailed = vm
            pane.update("\n".join(self._detail(vm)) if vm else "", layout=False)

    def _detail(self, vm: Vm) -> list[str]:
        """What vCenter says of it, and what pre-flight found where it is planned."""
        outlook = self.v2s.outlook
        names = {each.name for each in outlook.resolved.vms if each.vm is vm} if outlook else set()
        found = [each for each in outlook.findings if each.vm in names] if outlook else []
        planned = ["", "in the plan", *finding_lines(found)] if names else []
        return [*vm_detail_lines(vm), *planned]

    def on_virtual_table_opened(self, event: VirtualTable.Opened) -> None:
        """Everything that is known of the VM."""
        vm = self.table.current
        if vm is not None and event.table is self.table:
            self.v2s.push_screen(TextView(vm.name, self._detail(vm)))

    # --- filter and facets ------------------------------------------------------------------------

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
            self._say_counts()
        else:
            self._set_filter("")

    def _set_filter(self, text: str) -> None:
        self.query_one(FilterBar).input.value = text

    def action_facets(self) -> None:
        """Open the facets and go there; close them when the keyboard is there already."""
        pane = self.query_one(FacetPane)
        self._facets = not (pane.display and pane.has_focus)
        self._show_facets()
        pane.count(tuple(self.workspace.inventory or ()), self._filter, self.table.rows)
        (pane if self._facets else self.table).focus()

    def on_facet_pane_toggled(self, event: FacetPane.Toggled) -> None:
        """Show only those VMs, or no longer only those."""
        self._set_filter(str(toggled(self._filter, event.term)))

    def on_facet_pane_left(self, event: FacetPane.Left) -> None:
        """Back to the list."""
        self.table.focus()

    def action_saved_filters(self) -> None:
        """Use a saved filter, keep the one in hand under a name, or forget one."""
        choose_filter(self.v2s, self.workspace, self.v2s.services.settings.filters, self._set_filter)

    # --- marks ------------------------------------------------------------------------------------

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

    def _say_range(self) -> None:
        """How many the range holds now, and how it ends."""
        number = abs(self.table.cursor - (self._range_from or 0)) + 1
        text = f"range of {counted(number, 'VM')}: move, v marks them, escape gives up"
        self.query_one(FilterBar).say(Content.styled(text, "bold $text-accent"))

    def action_range(self) -> None:
        """First press: begin here. Second press: mark everything between."""
        table = self.table
        if self._range_from is None:
            self._range_from = table.cursor
            self._say_range()
            return
        first, last = sorted((self._range_from, table.cursor))
        self._range_from = None
        new = [vm for vm in table.rows[first : last + 1] if vm_key(vm) not in self.workspace.marked]
        if new:
            self.workspace.toggle_marks(new)

    # --- other keys -------------------------------------------------------------------------------

    def action_reload(self) -> None:
        """Read the inventory anew; the list stays usable meanwhile."""
        self.v2s.reload_inventory()

    def action_copy(self) -> None:
        """Copy the VM's path (OSC 52, works over SSH)."""
        vm = self.table.current
        if vm is not None:
            self.app.copy_to_clipboard(vm.path)
            self.notify(f"copied {vm.path}", timeout=4, markup=False)

    def action_export(self) -> None:
        """Write the VMs shown, in their order, to a CSV, JSON or YAML file."""
        inventory, shown = self.workspace.inventory, tuple(self.table.rows)
        if inventory is None or not shown:
            self.notify("nothing is shown that could be written", severity="warning", markup=False)
            return

        def named(text: str | None) -> None:
            if text:
                path = Path(text).expanduser()
                write = partial(export_inventory, inventory, shown, path)
                self.v2s.background.ask("export", write, self._exported)

        ask = Ask(
            f"Write the {len(shown):,} VMs shown to",
            value="inventory.csv",
            hint="the ending tells the format: .csv, .json or .yaml",
            suggester=PathSuggester(),
            check=lambda text: export_problem(Path(text).expanduser()),
        )
        self.app.push_screen(ask, named)

    def _exported(self, path: Path) -> None:
        self.notify(f"written: {path}", timeout=8, markup=False)

    def action_plan(self) -> None:
        """Put the marked VMs (without marks: the one under the cursor) into the plan and go on to sizing."""
        inventory = self.workspace.inventory
        current = self.table.current
        vms = self.workspace.marked_vms() or ((current,) if current is not None else ())
        if inventory is None or not vms:
            self.notify("nothing to plan: mark VMs with space", severity="warning", markup=False)
            return
        names = [inventory.unambiguous_name(vm) for vm in vms]
        self.workspace.edit(with_vms(self.workspace.plan, names, inventory=self.workspace.inventory))
        hidden = self.workspace.hidden_marks(self.table.rows)
        note = f", {hidden} of them hidden by the filter" if hidden else ""
        self.notify(f"{counted(len(names), 'VM')} put in the plan{note}", timeout=6, markup=False)
        self.v2s.go_to("sizing")


def _tone(vm: Vm, column: str) -> str:
    if not vm.readable or vm.connection_state != "connected":
        return "fail" if column == "name" else "dim"
    if column == "power":
        return "ok" if vm.power_state is PowerState.ON else "dim"
    return ""
