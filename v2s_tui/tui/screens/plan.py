"""Screen 3: the plan. Waves with their VMs, policies, pre-flight findings; saved as YAML."""

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from v2s_tui.domain.planning import edit
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.preflight.findings import Finding
from v2s_tui.domain.planning.resolved import ResolvedPlan
from v2s_tui.domain.planning.show import plan_size
from v2s_tui.domain.planning.source_power import power_by_wave
from v2s_tui.domain.units import counted
from v2s_tui.presentation.columns import Column
from v2s_tui.presentation.findings import findings_of, grouped_lines
from v2s_tui.presentation.wave_rows import PLAN_COLUMNS, PlanRow, plan_rows, power_of_row, window_text
from v2s_tui.tui.excludes import choose_exclusion
from v2s_tui.tui.looks import alarm_style, alarmed
from v2s_tui.tui.modals.ask import Ask
from v2s_tui.tui.modals.choose import Choose
from v2s_tui.tui.modals.findings import FindingsView
from v2s_tui.tui.screens.editing_screen import for_names
from v2s_tui.tui.screens.plan_file import FILE_BINDINGS, PlanFileScreen
from v2s_tui.tui.screens.wave_window import parse_window, window_problem, written_window
from v2s_tui.tui.widgets.virtual_table import VirtualTable

_NEW_WAVE = "new wave..."
_PATH_CELLS = 40
_BEGIN = ": mark VMs on screen 1 and press p, or ctrl+o opens a plan file"
_IF_EMPTY = (
    "nothing is planned yet",
    "mark VMs on screen 1 with space, then p plans them",
    "ctrl+o opens a plan file, e writes one in your editor",
)
_UNDECLARED = "this wave is not declared in the plan: w makes one"


class PlanScreen(PlanFileScreen):
    """Waves and VMs in one list; edits are undone with u."""

    STEP = "plan"
    HELP_TITLE = "Plan: waves, policies, excludes, pre-flight"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Mark", id="plan.mark"),
        Binding("w", "wave", "To wave", id="plan.wave"),
        Binding("f", "findings", "Findings", id="plan.findings"),
        *FILE_BINDINGS,
        Binding("o", "policy", "Policy", id="plan.policy"),
        Binding("W", "window", "Window", id="plan.window"),
        Binding("u", "undo", "Undo", id="plan.undo"),
        Binding("x", "exclude", "Remove", id="plan.exclude"),
        Binding("X", "excludes", "Excludes...", id="plan.excludes"),
        Binding("plus,equals_sign", "priority(-1)", "Sooner", id="plan.sooner", show=False, key_display="+"),
        Binding("minus", "priority(1)", "Later", id="plan.later", show=False, key_display="-"),
        Binding("left_square_bracket", "move_wave(-1)", "Wave up", id="plan.up", show=False, key_display="["),
        Binding(
            "right_square_bracket", "move_wave(1)", "Wave down", id="plan.down", show=False, key_display="]"
        ),
        Binding("A", "unmark", "Unmark all", id="plan.unmark", show=False),
        Binding("U", "redo", "Redo", id="plan.redo", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="plan-screen")
        self._marked: frozenset[str] = frozenset()

    def compose_body(self) -> ComposeResult:
        """A line, the list, findings of what is under the cursor."""
        yield Static(id="plan-sum", markup=False)
        yield VirtualTable[PlanRow](PLAN_COLUMNS, row_key=lambda row: row.key, tone=_tone, id="plan-table")
        yield Static(id="plan-findings", markup=False)

    @property
    def table(self) -> VirtualTable[PlanRow]:
        """Waves and VMs."""
        return self.query_one("#plan-table", VirtualTable)

    @property
    def resolved(self) -> ResolvedPlan | None:
        """What the plan means for this inventory."""
        return self.v2s.outlook.resolved if self.v2s.outlook else None

    def on_mount(self) -> None:
        """The keyboard is in the list."""
        self.table.focus()

    # --- showing -----------------------------------------------------------------------------------

    def refresh_view(self, what: str) -> None:
        """Waves, VMs and findings."""
        outlook = self.v2s.outlook
        blocks, warns = findings_of(outlook.findings) if outlook else ({}, {})
        self.table.marked = self._marked
        self.table.if_empty = self._why_empty(_IF_EMPTY)
        self.table.set_rows(plan_rows(outlook.resolved, blocks, warns) if outlook else [])
        self._say_sum()
        self._show_findings()

    def _say_sum(self) -> None:
        outlook, path = self.v2s.outlook, self.workspace.plan_path
        parts: list[str | tuple[str, str]] = [_short(path) if path else "plan not saved yet"]
        parts += [(" *", "bold")] if self.workspace.dirty else []
        if outlook is None:
            parts.append((f"  {self.v2s.outlook_note or 'nothing is planned yet'}", "dim"))
            parts += [] if self.workspace.plan.migrations else [(_BEGIN, "dim")]
        else:
            excluded = f", {len(outlook.resolved.excluded)} excluded" if outlook.resolved.excluded else ""
            parts.append(f"  {plan_size(outlook.resolved)}{excluded}")
            if outlook.blocking:
                parts += ["  ", (f" {len(outlook.blocking)} block ", "bold reverse")]
            touched = sum(len(each.names) for each in power_by_wave(outlook.resolved))
            parts += (
                ["  ", (f" POWER of {counted(touched, 'source')} ", alarm_style(self.app))] if touched else []
            )
            parts.append((f"  {self.v2s.outlook_note}" if self.v2s.outlook_note else "", "dim"))
        self.query_one("#plan-sum", Static).update(Content.assemble(*parts), layout=False)

    def on_virtual_table_highlighted(self, event: VirtualTable.Highlighted) -> None:
        """Findings of the row under the cursor."""
        self._show_findings()

    def _show_findings(self) -> None:
        """What is known of the row under the cursor: whose power it touches, its window, its findings."""
        outlook, row = self.v2s.outlook, self.table.current
        power = power_of_row(outlook.resolved, row) if outlook is not None and row is not None else []
        lines = [*power]
        if row is not None and row.planned is None and (window := window_text(row.wave)):
            lines.append(f"window {window}; what has started is finished")
        if outlook is not None and row is not None:
            names = {row.planned.name} if row.planned else set(row.wave.vm_names)
            about = [each for each in outlook.findings if each.vm in names or not each.vm]
            lines += grouped_lines(about, notes=row.planned is not None)
        more = [f"... and {len(lines) - 4} more: f shows all"] if len(lines) > 5 else []
        shown = [*lines[: 4 if more else 5], *more]
        text = alarmed(self.app, shown or ["no findings" if outlook is not None else ""], power)
        self.query_one("#plan-findings", Static).update(text, layout=False)

    # --- keys --------------------------------------------------------------------------------------

    def _names(self) -> list[str]:
        """Marked VMs, else the VM under the cursor, else all VMs of the wave under the cursor."""
        if self._marked:
            return [row.planned.name for row in self.table.rows if row.planned and row.key in self._marked]
        row = self.table.current
        if row is None:
            return []
        return [row.planned.name] if row.planned else list(row.wave.vm_names)

    def action_mark(self) -> None:
        """Mark or unmark a VM; on a wave, all its VMs."""
        row = self.table.current
        if row is None:
            return
        keys = frozenset({row.key} if row.planned else {f"vm:{name}" for name in row.wave.vm_names})
        self._marked = self._marked - keys if keys <= self._marked else self._marked | keys
        self.table.marked = self._marked
        self.table.move_cursor(self.table.cursor + 1)

    def action_wave(self) -> None:
        """Move VMs to another wave, or a new one."""
        names = self._names()
        if not names or self.resolved is None:
            return
        declared = [wave.name for wave in self.workspace.plan.waves]
        column: Column[str] = Column("wave", "Wave", 40, lambda name: name)

        def chosen(name: str | None) -> None:
            if name == _NEW_WAVE:
                self.app.push_screen(Ask("Name of the new wave", check=self._wave_name_wrong), named)
            elif name is not None:
                named(name)

        def named(name: str | None) -> None:
            if name:
                self._marked = frozenset()
                self._edit_lines(edit.in_wave, names, name)

        self.app.push_screen(Choose[str](for_names("Wave", names), (column,), [*declared, _NEW_WAVE]), chosen)

    def _wave_name_wrong(self, name: str) -> str:
        if not name.strip():
            return "a wave needs a name"
        taken = any(wave.name == name for wave in self.workspace.plan.waves)
        return "there is a wave of that name" if taken else ""

    def action_policy(self) -> None:
        """What happens after the wave under the cursor: continue, pause on failure, pause."""
        row = self.table.current
        declared = {wave.name: wave for wave in self.workspace.plan.waves}
        if row is None or row.wave.name not in declared:
            self.notify(_UNDECLARED, timeout=6, markup=False)
            return
        order = list(PausePolicy)
        after = order[(order.index(declared[row.wave.name].pause_after) + 1) % len(order)]
        self._edit(edit.with_policy(self.workspace.plan, row.wave.name, after))

    def action_move_wave(self, step: int) -> None:
        """The wave goes earlier or later."""
        row = self.table.current
        if row is not None:
            self._edit(edit.with_wave_moved(self.workspace.plan, row.wave.name, step))

    def action_exclude(self) -> None:
        """Take VMs out of the plan (undo brings them back)."""
        names = self._names()
        if names:
            self._marked = frozenset()
            self._remove(names)

    def action_excludes(self) -> None:
        """Exclude VMs by a filter, or let in again what is excluded."""
        choose_exclusion(self.app, self.workspace.plan, self.v2s.kept_filters(), self._edit)

    def action_window(self) -> None:
        """When VMs of the wave under the cursor may start."""
        row = self.table.current
        declared = {wave.name: wave for wave in self.workspace.plan.waves}
        if row is None or row.wave.name not in declared:
            self.notify(_UNDECLARED, timeout=6, markup=False)
            return
        wave = declared[row.wave.name]

        def given(text: str | None) -> None:
            if text is not None:
                begin, end = parse_window(text)
                self._edit(edit.with_window(self.workspace.plan, wave.name, begin, end))

        ask = Ask(
            f"VMs of wave {wave.name} start",
            value=written_window(wave.not_before, wave.not_after),
            hint="FROM .. UNTIL, such as 2026-05-01T22:00 .. 2026-05-02T04:00; either may be left out",
            check=window_problem,
        )
        self.app.push_screen(ask, given)

    def action_priority(self, step: int) -> None:
        """VMs go sooner or later within their wave."""
        names = self._names()
        planned = {row.planned.name: row.planned.priority for row in self.table.rows if row.planned}
        if names:
            priority = max(1, min(1000, planned[names[0]] + step))
            self._edit_lines(edit.with_priority, names, priority)

    def action_unmark(self) -> None:
        """Unmark everything."""
        self._marked = frozenset()
        self.table.marked = self._marked

    def action_findings(self) -> None:
        """All findings with why and fix; go there, or accept one."""
        outlook = self.v2s.outlook
        if outlook is None:
            return
        if not outlook.findings:
            self.notify("nothing was found", timeout=6, markup=False)
            return
        self.app.push_screen(FindingsView(outlook.findings), self._answered)

    def _answered(self, answer: tuple[str, Finding] | None) -> None:
        if answer is None:
            return
        what, finding = answer
        if what == "jump":
            self._go_to(finding.vm)
        elif finding.accepted:
            self._edit_lines(edit.with_accepted, finding.code, finding.vm, None)
        else:
            self._ask_reason(finding)

    def _ask_reason(self, finding: Finding) -> None:
        def given(reason: str | None) -> None:
            if reason:
                self._edit_lines(edit.with_accepted, finding.code, finding.vm, reason)

        ask = Ask(
            f"Why is {finding.code} acceptable on {finding.vm or 'the batch'}?",
            hint="kept in the plan and in the report",
            check=lambda text: "" if text.strip() else "a reason is needed",
        )
        self.app.push_screen(ask, given)

    def _go_to(self, vm: str) -> None:
        for index, row in enumerate(self.table.rows):
            if row.planned is not None and row.planned.name == vm:
                self.table.move_cursor(index)


def _tone(row: PlanRow, column: str) -> str:
    if row.planned is None:
        return "busy" if column == "name" else ""
    if column == "findings":
        return "fail" if row.blocks else "warn"
    return "fail" if column == "after" and not row.planned.target_type else ""


def _short(path: Path) -> str:
    """The path, or only its end: what follows it on the line matters more."""
    return str(path) if len(str(path)) <= _PATH_CELLS else f"...{str(path)[3 - _PATH_CELLS :]}"
