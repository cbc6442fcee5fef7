"""Screen 2: the sizing map. Which Instance type each planned VM goes to, and what it costs."""

from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from v2s_tui.domain.planning import edit
from v2s_tui.domain.planning.plan import SizingStrategy
from v2s_tui.domain.planning.plan_options import VolumeClass
from v2s_tui.domain.source.filters import combine_filters
from v2s_tui.domain.target.instance_types import InstanceType
from v2s_tui.presentation.columns import Column
from v2s_tui.presentation.plan_columns import SIZING_COLUMNS, SizingRow, type_columns
from v2s_tui.presentation.strategy_columns import STRATEGY_COLUMNS, StrategyRow
from v2s_tui.tui.excludes import filter_problem
from v2s_tui.tui.modals.ask import Ask
from v2s_tui.tui.modals.choose import Choose
from v2s_tui.tui.modals.text_view import TextView
from v2s_tui.tui.screens.editing_screen import EditingScreen, for_names
from v2s_tui.tui.screens.sizing_rows import (
    fitting_types,
    most_needed,
    sizing_rows,
    sizing_tone,
    sums_text,
    why_lines,
)
from v2s_tui.tui.screens.table_screen import TABLE_BINDINGS, TableScreen
from v2s_tui.tui.widgets.cell_editor import CellEditor
from v2s_tui.tui.widgets.virtual_table import VirtualTable
from v2s_tui.usecases.compare_strategies import compare_strategies

_IF_EMPTY = ("no VM is planned yet", "mark VMs on screen 1 with space, then p plans them")


class SizingScreen(TableScreen, EditingScreen):
    """The editable map VM -> type."""

    STEP = "sizing"
    HELP_TITLE = "Sizing: which Instance type each VM goes to"
    COLUMNS = SIZING_COLUMNS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t,enter", "choose_type", "Type", id="sizing.type"),
        Binding("e", "edit_type", "Edit cell", id="sizing.edit"),
        Binding("space", "mark", "Mark", id="sizing.mark"),
        Binding("m", "mark_by_filter", "Mark by filter", id="sizing.mark_by_filter"),
        Binding("C", "compare", "Compare", id="sizing.compare"),
        Binding("u", "undo", "Undo", id="sizing.undo"),
        Binding("i", "why", "Why", id="sizing.why"),
        Binding("z", "zone", "Zone", id="sizing.zone", show=False),
        Binding("v", "volume_class", "Volume class", id="sizing.volume_class", show=False),
        Binding("c", "strategy", "Next strategy", id="sizing.strategy", show=False),
        Binding("backspace", "automatic", "Automatic type", id="sizing.automatic", show=False),
        Binding("x", "remove", "Remove", id="sizing.remove", show=False),
        Binding("a", "mark_all", "Mark all", id="sizing.mark_all", show=False),
        Binding("A", "unmark", "Unmark all", id="sizing.unmark", show=False),
        Binding("U", "redo", "Redo", id="sizing.redo", show=False),
        *TABLE_BINDINGS,
    ]

    def __init__(self) -> None:
        super().__init__(id="sizing-screen")
        self._marked: frozenset[str] = frozenset()

    def compose_body(self) -> ComposeResult:
        """A line that sums up, and the map."""
        yield Static(id="sizing-sum", markup=False)
        yield VirtualTable[SizingRow](
            SIZING_COLUMNS, row_key=lambda row: row.planned.name, tone=sizing_tone, id="sizing-table"
        )

    @property
    def table(self) -> VirtualTable[SizingRow]:
        """The map."""
        return self.query_one("#sizing-table", VirtualTable)

    def on_mount(self) -> None:
        """The keyboard is in the map."""
        self.table.focus()

    # --- showing -----------------------------------------------------------------------------------

    def refresh_view(self, what: str) -> None:
        """Rows and sums from the outlook."""
        rows = self.look.sorted(SIZING_COLUMNS, sizing_rows(self.v2s.outlook))
        self._marked &= frozenset(row.planned.name for row in rows)
        self.table.marked = self._marked
        self.table.if_empty = self._why_empty(_IF_EMPTY)
        self.table.set_rows(rows)
        self._say_sums()

    def _say_sums(self) -> None:
        self.query_one("#sizing-sum", Static).update(self._sums())

    def _sums(self) -> Text:
        outlook = self.v2s.outlook
        if not self.workspace.plan.migrations:
            return Text("no VM is planned yet: mark some on screen 1 and press p", style="dim")
        if outlook is None:
            return Text(self.v2s.outlook_note or "working it out...", style="dim")
        strategy = self.workspace.plan.defaults.sizing_strategy.value
        sums = sums_text(self.table.rows, outlook, strategy=strategy, marked=len(self._marked))
        return Text.assemble((f"{self.v2s.outlook_note}  ", "bold"), sums) if self.v2s.outlook_note else sums

    # --- edits -------------------------------------------------------------------------------------

    def _targets(self) -> list[SizingRow]:
        """Marked rows, else the one under the cursor."""
        marked = [row for row in self.table.rows if row.planned.name in self._marked]
        current = self.table.current
        return marked or ([current] if current is not None else [])

    def _names(self) -> list[str]:
        return [row.planned.name for row in self._targets()]

    def _title(self, what: str) -> str:
        return for_names(what, self._names())

    def on_virtual_table_opened(self, event: VirtualTable.Opened) -> None:
        """Enter chooses a type."""
        self.action_choose_type()

    def action_edit_type(self) -> None:
        """Type the name of a type into the cell, for the marked VMs or the one under the cursor."""
        outlook, rows, place = self.v2s.outlook, self._targets(), self.table.cell_region("target")
        if outlook is None or not rows or place is None:
            return
        names = [each.name for each in fitting_types(outlook, rows)]
        editor = CellEditor(place, names, rows[0].planned.target_type or "")
        self.mount(editor)
        editor.focus()

    def on_cell_editor_taken(self, event: CellEditor.Taken) -> None:
        """The type stands in the cell; go on with the next VM where only one was meant."""
        names = self._names()
        self._edit_lines(edit.with_type, names, event.choice or None)
        self.table.focus()
        if not self._marked:
            self.table.move_cursor(self.table.cursor + 1)

    def on_cell_editor_left(self, event: CellEditor.Left) -> None:
        """Nothing was typed."""
        self.table.focus()

    def action_choose_type(self) -> None:
        """Pick a type for the marked VMs from those that can take every one of them."""
        rows, outlook = self._targets(), self.v2s.outlook
        if not rows or outlook is None:
            return
        names = self._names()

        def chosen(target: InstanceType | None) -> None:
            if target is not None:
                self._edit_lines(edit.with_type, names, target.name)

        fitting = fitting_types(outlook, rows)
        columns = type_columns(most_needed(rows), rows[0].target)
        choose = Choose[InstanceType](self._title("Instance type"), columns, fitting, selected=rows[0].target)
        self.app.push_screen(choose, chosen)

    def action_automatic(self) -> None:
        """Let the strategy choose again."""
        self._edit_lines(edit.with_type, self._names(), None)

    def action_zone(self) -> None:
        """Choose the zone of the marked VMs."""
        names = self._names()
        if not names:
            return

        def chosen(zone: str | None) -> None:
            if zone is not None:
                self._edit_lines(edit.with_zone, names, zone)

        column: Column[str] = Column("zone", "Zone", 30, lambda zone: zone)
        now = self._targets()[0].planned.zone
        self.app.push_screen(
            Choose[str](self._title("Zone"), (column,), self.v2s.zones(), selected=now), chosen
        )

    def action_volume_class(self) -> None:
        """Choose the Block Storage class of the marked VMs' disks."""
        names = self._names()
        if not names:
            return

        def chosen(volume_class: VolumeClass | None) -> None:
            if volume_class is not None:
                self._edit_lines(edit.with_volume_class, names, volume_class)

        column: Column[VolumeClass] = Column(
            "class", "Class", 30, lambda each: f"{each.value} {each.iops} IOPS"
        )
        now = self._targets()[0].planned.volume_class
        choose = Choose[VolumeClass](self._title("Volume class"), (column,), list(VolumeClass), selected=now)
        self.app.push_screen(choose, chosen)

    def action_strategy(self) -> None:
        """The next sizing strategy for all VMs without a type of their own."""
        order = list(SizingStrategy)
        now = self.workspace.plan.defaults.sizing_strategy
        self._use_strategy(order[(order.index(now) + 1) % len(order)])

    def _use_strategy(self, strategy: SizingStrategy) -> None:
        changed = self.workspace.plan.defaults.model_copy(update={"sizing_strategy": strategy})
        self._edit(self.workspace.plan.model_copy(update={"defaults": changed}))

    def action_compare(self) -> None:
        """What each strategy would make of this plan; enter takes one over."""
        services, plan, inventory = self.v2s.services, self.workspace.plan, self.workspace.inventory
        if inventory is not None and plan.migrations:
            compare = partial(compare_strategies, services, plan, inventory)
            self.v2s.background.ask("strategies", compare, self._compared)

    def _compared(self, rows: tuple[StrategyRow, ...]) -> None:
        def chosen(row: StrategyRow | None) -> None:
            if row is not None:
                self._use_strategy(row.strategy)

        title = "Strategies (VMs you chose a type for keep it)"
        now = next((row for row in rows if row.current), None)
        choose = Choose[StrategyRow](title, STRATEGY_COLUMNS, rows, selected=now, enter="use it")
        self.app.push_screen(choose, chosen)

    def action_remove(self) -> None:
        """Take the marked VMs out of the plan (undo brings them back)."""
        names = self._names()
        if names:
            self._remove(names)

    # --- marks -------------------------------------------------------------------------------------

    def _mark(self, marked: frozenset[str]) -> None:
        self._marked = marked
        self.table.marked = marked
        self._say_sums()

    def action_mark(self) -> None:
        """Mark or unmark and go on to the next."""
        current = self.table.current
        if current is not None:
            self._mark(self._marked ^ {current.planned.name})
            self.table.move_cursor(self.table.cursor + 1)

    def action_mark_all(self) -> None:
        """Mark every VM of the plan."""
        self._mark(frozenset(row.planned.name for row in self.table.rows))

    def action_unmark(self) -> None:
        """Unmark everything."""
        self._mark(frozenset())

    def action_mark_by_filter(self) -> None:
        """Mark the planned VMs that a filter selects: a rule in two steps, the second is t, z or v."""
        kept = self.v2s.kept_filters()

        def given(text: str | None) -> None:
            if text:
                matches = combine_filters([text], kept).matches
                self._mark(frozenset(r.planned.name for r in self.table.rows if matches(r.planned.vm)))

        self.app.push_screen(
            Ask(
                "Mark VMs of the plan by filter",
                hint="os:linux cpu:>=4",
                check=lambda text: filter_problem(text, kept),
            ),
            given,
        )

    def action_why(self) -> None:
        """Why this type, and what each type that costs less lacks."""
        row, outlook = self.table.current, self.v2s.outlook
        if row is not None and outlook is not None:
            self.app.push_screen(TextView(f"Why {row.planned.name} goes there", why_lines(outlook, row)))
