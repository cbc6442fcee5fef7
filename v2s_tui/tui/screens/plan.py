"""Screen 3: the plan. Waves with their VMs, policies, pre-flight findings; saved as YAML."""

import os
import shlex
import subprocess
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from v2s_tui.domain.errors import V2sError
from v2s_tui.domain.planning import edit
from v2s_tui.domain.planning.plan import BatchPlan, PausePolicy
from v2s_tui.domain.planning.resolved import ResolvedPlan
from v2s_tui.presentation.columns import Column
from v2s_tui.presentation.findings import finding_lines, findings_of
from v2s_tui.presentation.wave_rows import PLAN_COLUMNS, PlanRow, plan_rows
from v2s_tui.tui.modals.ask import Ask
from v2s_tui.tui.modals.choose import Choose
from v2s_tui.tui.modals.text_view import TextView
from v2s_tui.tui.screens.flow_screen import FlowScreen
from v2s_tui.tui.widgets.virtual_table import VirtualTable

_NEW_WAVE = "new wave..."


class PlanScreen(FlowScreen):
    """Waves and VMs in one list; edits are undone with u."""

    STEP = "plan"
    HELP_TITLE = "Plan: waves, policies, excludes, pre-flight"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Mark", id="plan.mark"),
        Binding("w", "wave", "To wave", id="plan.wave"),
        Binding("o", "policy", "Policy", id="plan.policy"),
        Binding("left_square_bracket", "move_wave(-1)", "Wave up", id="plan.up", show=False),
        Binding(
            "right_square_bracket", "move_wave(1)", "Wave down", id="plan.down", show=False, key_display="]"
        ),
        Binding("x", "exclude", "Remove", id="plan.exclude"),
        Binding("f", "findings", "Findings", id="plan.findings"),
        Binding("ctrl+s", "save", "Save", id="plan.save"),
        Binding("ctrl+o", "open", "Open", id="plan.open", show=False),
        Binding("e", "editor", "Edit YAML", id="plan.editor"),
        Binding("u", "undo", "Undo", id="plan.undo"),
        Binding("U", "redo", "Redo", id="plan.redo", show=False),
        Binding("N", "new", "New plan", id="plan.new", show=False),
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
        self.table.set_rows(plan_rows(outlook.resolved, blocks, warns) if outlook else [])
        self._say_sum()
        self._show_findings()

    def _say_sum(self) -> None:
        text = Text(no_wrap=True, overflow="ellipsis")
        outlook, path = self.v2s.outlook, self.workspace.plan_path
        text.append(str(path) if path else "plan not saved yet")
        text.append(" *" if self.workspace.dirty else "", style="bold")
        if outlook is None:
            text.append(f"  {self.v2s.outlook_note or 'nothing is planned yet'}", style="dim")
        else:
            excluded = f", {len(outlook.resolved.excluded)} excluded" if outlook.resolved.excluded else ""
            text.append(f"  {len(outlook.resolved.vms)} VMs in {len(outlook.resolved.waves)} waves{excluded}")
            text.append(f"  {len(outlook.blocking)} block" if outlook.blocking else "", style="bold red")
        self.query_one("#plan-sum", Static).update(text, layout=False)

    def on_virtual_table_highlighted(self, event: VirtualTable.Highlighted) -> None:
        """Findings of the row under the cursor."""
        self._show_findings()

    def _show_findings(self) -> None:
        outlook, row = self.v2s.outlook, self.table.current
        lines: list[str] = []
        if outlook is not None and row is not None:
            names = {row.planned.name} if row.planned else set(row.wave.vm_names)
            lines = finding_lines([each for each in outlook.findings if each.vm in names or not each.vm])
        text = Text("\n".join(lines[:5]) or "no findings", no_wrap=True, overflow="ellipsis")
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

    def _edit(self, plan: BatchPlan) -> None:
        self.workspace.edit(plan)

    def action_mark(self) -> None:
        """Mark or unmark a VM; on a wave, all its VMs."""
        row = self.table.current
        if row is None:
            return
        keys = frozenset({row.key} if row.planned else {f"vm:{name}" for name in row.wave.vm_names})
        self._marked = self._marked - keys if keys <= self._marked else self._marked | keys
        self.table.set_marked(self._marked)
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
                self._edit(edit.in_wave(self.workspace.plan, names, name))

        title = f"Wave for {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
        self.app.push_screen(Choose[str](title, (column,), [*declared, _NEW_WAVE]), chosen)

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
            self.notify("this wave is not declared in the plan: w makes one", timeout=3, markup=False)
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
            self._edit(edit.without_vms(self.workspace.plan, names))
            self.notify(f"{len(names)} VMs left the plan, u brings them back", timeout=4, markup=False)

    def action_findings(self) -> None:
        """All findings with why and fix."""
        outlook = self.v2s.outlook
        if outlook is not None:
            lines = finding_lines(outlook.findings, fixes=True) or ["nothing was found"]
            self.app.push_screen(TextView("Pre-flight findings", lines))

    def action_undo(self) -> None:
        """Back one edit."""
        if not self.workspace.undo():
            self.notify("nothing to undo", timeout=2)

    def action_redo(self) -> None:
        """Forward one undone edit."""
        if not self.workspace.redo():
            self.notify("nothing to redo", timeout=2)

    def action_new(self) -> None:
        """Begin an empty plan."""
        self.workspace.open_plan(BatchPlan(), None)

    def action_save(self) -> None:
        """Write the plan to its file (asks for one the first time)."""
        if self.workspace.plan_path is not None:
            self.v2s.save_plan(self.workspace.plan_path)
            return

        def named(text: str | None) -> None:
            if text:
                self.v2s.save_plan(Path(text).expanduser())

        self.app.push_screen(Ask("Save the plan as", value="plan.yaml"), named)

    def action_open(self) -> None:
        """Read a plan file."""

        def named(text: str | None) -> None:
            if text:
                self.v2s.open_plan(Path(text).expanduser())

        self.app.push_screen(Ask("Open which plan file", value="plan.yaml"), named)

    def action_editor(self) -> None:
        """Open the YAML in $EDITOR; come back validated."""
        path = self.workspace.plan_path
        if path is None or self.workspace.dirty:
            self.notify("save the plan first (ctrl+s)", severity="warning", timeout=3)
            return
        editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
        with self.app.suspend():
            subprocess.run([*editor, str(path)], check=False)
        try:
            self.v2s.open_plan(path)
        except V2sError as error:
            self.v2s.show_error(error)


def _tone(row: PlanRow, column: str) -> str:
    if row.planned is None:
        return "busy" if column == "name" else ""
    if column == "findings":
        return "fail" if row.blocks else "warn"
    return "fail" if column == "after" and not row.planned.target_type else ""
