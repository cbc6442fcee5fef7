"""Screen 2: the sizing map. Which Instance type each planned VM goes to, and what it costs."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from v2s_tui.domain.planning import edit
from v2s_tui.domain.planning.plan import BatchPlan, SizingStrategy
from v2s_tui.domain.target.instance_types import InstanceType
from v2s_tui.domain.target.sizing import misfits, need_of
from v2s_tui.domain.units import format_eur
from v2s_tui.presentation.plan_columns import (
    SIZING_COLUMNS,
    TYPE_COLUMNS,
    SizingRow,
    catalogue_note,
    type_text,
)
from v2s_tui.tui.modals.choose import Choose
from v2s_tui.tui.modals.text_view import TextView
from v2s_tui.tui.screens.flow_screen import FlowScreen
from v2s_tui.tui.widgets.virtual_table import VirtualTable
from v2s_tui.usecases.look_ahead import Outlook


class SizingScreen(FlowScreen):
    """The editable map VM -> type."""

    STEP = "sizing"
    HELP_TITLE = "Sizing: which Instance type each VM goes to"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,t", "choose_type", "Type", id="sizing.type", key_display="enter"),
        Binding("space", "mark", "Mark", id="sizing.mark"),
        Binding("A", "unmark", "Unmark all", id="sizing.unmark", show=False),
        Binding("a", "mark_all", "Mark all", id="sizing.mark_all", show=False),
        Binding("c", "strategy", "Strategy", id="sizing.strategy"),
        Binding("z", "zone", "Zone", id="sizing.zone"),
        Binding("backspace", "automatic", "Automatic", id="sizing.automatic", show=False),
        Binding("x", "remove", "Remove", id="sizing.remove"),
        Binding("s", "sort", "Sort", id="sizing.sort", show=False),
        Binding("i", "why", "Why", id="sizing.why"),
        Binding("u", "undo", "Undo", id="sizing.undo"),
        Binding("U", "redo", "Redo", id="sizing.redo", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="sizing-screen")
        self._marked: frozenset[str] = frozenset()
        self._sort = ""

    def compose_body(self) -> ComposeResult:
        """A line that sums up, and the map."""
        yield Static(id="sizing-sum", markup=False)
        yield VirtualTable[SizingRow](
            SIZING_COLUMNS, row_key=lambda row: row.planned.name, tone=_tone, id="sizing-table"
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
        outlook = self.v2s.outlook
        rows = list(_rows(outlook)) if outlook else []
        column = next((each for each in SIZING_COLUMNS if each.name == self._sort), None)
        if column is not None:
            rows.sort(key=column.key)  # type: ignore[arg-type]
        self._marked &= frozenset(row.planned.name for row in rows)
        self.table.marked = self._marked
        self.table.set_rows(rows)
        self._say_sums(outlook, rows)

    def _say_sums(self, outlook: Outlook | None, rows: list[SizingRow]) -> None:
        self.query_one("#sizing-sum", Static).update(self._sums(outlook, rows))

    def _sums(self, outlook: Outlook | None, rows: list[SizingRow]) -> Text:
        text = Text(no_wrap=True)
        if not self.workspace.plan.migrations:
            return text.append("no VM is planned yet: mark some on screen 1 and press p", style="dim")
        if outlook is None:
            return text.append(self.v2s.outlook_note or "working it out...", style="dim")
        total = sum(row.target.price_month_eur for row in rows if row.target)
        missing = sum(row.target is None for row in rows)
        strategy = self.workspace.plan.defaults.sizing_strategy.value
        text.append(f"{len(rows)} VMs  {format_eur(total)}/month for Instances  strategy {strategy}")
        if self._marked:
            text.append(f"  {len(self._marked)} marked", style="bold")
        if missing:
            text.append(f"  {missing} without a type", style="bold red")
        notes = {note for each in outlook.catalogues.values() if (note := catalogue_note(each))}
        return text.append("  " + "; ".join(sorted(notes)), style="dim") if notes else text

    # --- keys --------------------------------------------------------------------------------------

    def _targets(self) -> list[SizingRow]:
        """Marked rows, else the one under the cursor."""
        marked = [row for row in self.table.rows if row.planned.name in self._marked]
        current = self.table.current
        return marked or ([current] if current is not None else [])

    def _edit(self, plan: BatchPlan) -> None:
        self.workspace.edit(plan)

    def on_virtual_table_opened(self, event: VirtualTable.Opened) -> None:
        """Enter chooses a type."""
        self.action_choose_type()

    def action_choose_type(self) -> None:
        """Pick a type for the marked VMs from those that can take every one of them."""
        rows, outlook = self._targets(), self.v2s.outlook
        if not rows or outlook is None:
            return
        fitting = _fitting_types(outlook, rows)
        names = [row.planned.name for row in rows]
        title = f"Instance type for {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")

        def chosen(target: InstanceType | None) -> None:
            if target is not None:
                self._edit(edit.with_type(self.workspace.plan, names, target.name))

        choose = Choose[InstanceType](title, TYPE_COLUMNS, fitting, selected=rows[0].target)
        self.app.push_screen(choose, chosen)

    def action_automatic(self) -> None:
        """Let the strategy choose again."""
        names = [row.planned.name for row in self._targets()]
        self._edit(edit.with_type(self.workspace.plan, names, None))

    def action_strategy(self) -> None:
        """The next sizing strategy for all VMs without a type of their own."""
        order = list(SizingStrategy)
        defaults = self.workspace.plan.defaults
        after = order[(order.index(defaults.sizing_strategy) + 1) % len(order)]
        changed = defaults.model_copy(update={"sizing_strategy": after})
        self._edit(self.workspace.plan.model_copy(update={"defaults": changed}))

    def action_zone(self) -> None:
        """The next known zone for the marked VMs."""
        zones = self.v2s.zones()
        names = [row.planned.name for row in self._targets()]
        if names and zones:
            now = self._targets()[0].planned.zone
            after = zones[(zones.index(now) + 1) % len(zones)] if now in zones else zones[0]
            self._edit(edit.with_zone(self.workspace.plan, names, after))

    def action_remove(self) -> None:
        """Take the marked VMs out of the plan (undo brings them back)."""
        names = [row.planned.name for row in self._targets()]
        if names:
            self._edit(edit.without_vms(self.workspace.plan, names))
            self.notify(f"{len(names)} VMs left the plan, u brings them back", timeout=4, markup=False)

    def action_mark(self) -> None:
        """Mark or unmark and go on to the next."""
        current = self.table.current
        if current is not None:
            self._marked ^= {current.planned.name}
            self.table.set_marked(self._marked)
            self.table.move_cursor(self.table.cursor + 1)
            self._say_sums(self.v2s.outlook, list(self.table.rows))

    def action_mark_all(self) -> None:
        """Mark every VM of the plan."""
        self._marked = frozenset(row.planned.name for row in self.table.rows)
        self.refresh_view("marks")

    def action_unmark(self) -> None:
        """Unmark everything."""
        self._marked = frozenset()
        self.refresh_view("marks")

    def action_sort(self) -> None:
        """Sort by the next column; after the last one, the plan's order."""
        names = ["", *(each.name for each in SIZING_COLUMNS)]
        self._sort = names[(names.index(self._sort) + 1) % len(names)]
        self.table.sort_column = self._sort
        self.refresh_view("sort")

    def action_why(self) -> None:
        """Why this type, and what each type that costs less lacks."""
        row, outlook = self.table.current, self.v2s.outlook
        if row is not None and outlook is not None:
            self.app.push_screen(TextView(f"Why {row.planned.name} goes there", _why(outlook, row)))

    def action_undo(self) -> None:
        """Back one edit."""
        if not self.workspace.undo():
            self.notify("nothing to undo", timeout=2)

    def action_redo(self) -> None:
        """Forward one undone edit."""
        if not self.workspace.redo():
            self.notify("nothing to redo", timeout=2)


def _rows(outlook: Outlook) -> list[SizingRow]:
    blocked: dict[str, int] = {}
    for finding in outlook.blocking:
        blocked[finding.vm] = blocked.get(finding.vm, 0) + 1
    return [
        SizingRow(
            planned,
            outlook.type_of(planned),
            chosen=planned.name in outlook.chosen_names,
            alarms=blocked.get(planned.name, 0),
        )
        for planned in outlook.resolved.vms
    ]


def _fitting_types(outlook: Outlook, rows: list[SizingRow]) -> list[InstanceType]:
    """Types of the first row's zone that can take every row, cheapest first."""
    types = outlook.catalogues[rows[0].planned.zone].types
    needs = [need_of(row.planned.vm) for row in rows]
    fitting = [each for each in types if not any(misfits(need, each) for need in needs)]
    return sorted(fitting, key=lambda each: each.price_hour_eur)


def _why(outlook: Outlook, row: SizingRow) -> list[str]:
    need = need_of(row.planned.vm)
    types = sorted(outlook.catalogues[row.planned.zone].types, key=lambda each: each.price_hour_eur)
    limit = row.target.price_hour_eur if row.target else float("inf")
    lines = [f"has {row.source_text}, {len(row.planned.vm.disks)} disks"]
    if row.target:
        lines.append(f"gets {row.target.name}: {type_text(row.target)}")
    lines += [row.planned.type_reason, "", "cheaper types and what they lack:"]
    lines += [
        f"  {each.name:<20} {format_eur(each.price_month_eur):>12}  {'; '.join(why)}"
        for each in types
        if each.price_hour_eur < limit and (why := misfits(need, each))
    ]
    return lines


def _tone(row: SizingRow, column: str) -> str:
    if column == "target" and row.target is None:
        return "fail"
    if column == "name" and row.alarms:
        return "warn"
    if column == "stock" and row.target is not None:
        return {"available": "ok", "scarce": "warn", "shortage": "fail"}.get(row.target.stock.value, "dim")
    return ""
