"""Screen 5: watch and steer the batch. The picture comes from its runner; leaving never stops it."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from v2s_tui.domain.execution.snapshot import BatchSnapshot, VmRow
from v2s_tui.domain.planning.stages import JobStatus
from v2s_tui.presentation.run_columns import RUN_COLUMNS, batch_line, limit_text, row_tone, wave_text
from v2s_tui.presentation.run_detail import failure_lines, gate_lines, vm_lines
from v2s_tui.tui.modals.confirm import Confirm
from v2s_tui.tui.modals.text_view import TextView
from v2s_tui.tui.screens.flow_screen import FlowScreen
from v2s_tui.tui.widgets.virtual_table import VirtualTable

_LIMIT_KEYS = ("disk_io", "s3_upload", "scw_api", "global")


class RunScreen(FlowScreen):
    """Waves, VMs, limits, the gate."""

    STEP = "run"
    HELP_TITLE = "Run: watch and steer the batch; leaving the app does not stop it"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "start", "Start", id="run.start"),
        Binding("c", "approve", "Approve wave", id="run.approve"),
        Binding("C", "approve_retry", "Approve, retry failed", id="run.approve_retry", show=False),
        Binding("h", "hold", "Hold", id="run.hold", show=False),
        Binding("enter", "detail", "Detail", id="run.detail"),
        Binding("t", "retry", "Retry", id="run.retry"),
        Binding("k", "skip", "Skip", id="run.skip", show=False),
        Binding("x", "cancel", "Cancel VM", id="run.cancel", show=False),
        Binding("p", "pause", "Pause", id="run.pause"),
        Binding("X", "abort", "Abort batch", id="run.abort", show=False),
        Binding("plus,equals_sign", "limit(1)", "Limit +", id="run.more", show=False, key_display="+"),
        Binding("minus", "limit(-1)", "Limit -", id="run.less", show=False, key_display="-"),
        Binding("l", "next_limit", "Choose limit", id="run.limit", show=False),
        Binding("w", "take", "Take over", id="run.take", show=False),
        Binding("s", "sort", "Sort", id="run.sort", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="run-screen")
        self._limit = 0
        self._sort = ""

    def compose_body(self) -> ComposeResult:
        """Sums, waves, limits; the gate when one is closed; the VMs; what the one under the cursor does."""
        yield Static(id="run-sum", markup=False)
        yield Static(id="run-waves", markup=False)
        yield Static(id="run-limits", markup=False)
        yield Static(id="run-gate", markup=False)
        yield VirtualTable[VmRow](RUN_COLUMNS, row_key=lambda row: row.name, tone=row_tone, id="run-table")
        yield Static(id="run-vm", markup=False)

    @property
    def table(self) -> VirtualTable[VmRow]:
        """The VMs."""
        return self.query_one("#run-table", VirtualTable)

    @property
    def snapshot(self) -> BatchSnapshot | None:
        """The picture as last seen."""
        return self.v2s.batch

    def on_mount(self) -> None:
        """The keyboard is in the list."""
        self.table.focus()

    # --- showing -----------------------------------------------------------------------------------

    def refresh_view(self, what: str) -> None:
        """Repaint from the picture; the app calls this at a steady rate while a batch runs."""
        snapshot = self.snapshot
        self._say("run-sum", self._sum_line(snapshot))
        self._say("run-waves", _waves_line(snapshot))
        self._say("run-limits", self._limits_line(snapshot))
        gate = self.query_one("#run-gate", Static)
        gate.display = bool(snapshot and snapshot.gate)
        if snapshot is not None and snapshot.gate is not None:
            gate.update("\n".join(gate_lines(snapshot)))
        self.table.set_rows(self._sorted(snapshot))
        self._show_current()

    def _say(self, widget: str, text: Text | str) -> None:
        shown = Text(text, no_wrap=True, overflow="ellipsis") if isinstance(text, str) else text
        self.query_one(f"#{widget}", Static).update(shown, layout=False)

    def _sum_line(self, snapshot: BatchSnapshot | None) -> Text:
        text = Text(no_wrap=True, overflow="ellipsis")
        if snapshot is None:
            ready = "n starts the plan" if self.workspace.plan.migrations else "nothing is planned"
            return text.append(f"no batch is open: {ready}, 6 shows earlier ones", style="dim")
        state = "GATE" if snapshot.gate else snapshot.status.value
        text.append(f"batch {snapshot.batch_id} {state}", style="bold")
        if not snapshot.live and not snapshot.completed_at:
            text.append("  NO RUNNER (R on screen 6 resumes)", style="bold red")
        text.append(f"  {batch_line(snapshot)}")
        if snapshot.paused:
            text.append("  PAUSED", style="bold")
        if snapshot.message:
            text.append(f"  {snapshot.message}", style="dim")
        return text

    def _limits_line(self, snapshot: BatchSnapshot | None) -> Text:
        text = Text(no_wrap=True, overflow="ellipsis")
        for limit in snapshot.limits if snapshot else ():
            chosen = limit.name == _LIMIT_KEYS[self._limit]
            text.append(limit_text(limit), style="reverse" if chosen else "")
            text.append("  ")
        return text

    def _sorted(self, snapshot: BatchSnapshot | None) -> list[VmRow]:
        rows = list(snapshot.vms) if snapshot else []
        column = next((each for each in RUN_COLUMNS if each.name == self._sort), None)
        if column is not None:
            rows.sort(key=column.key)  # type: ignore[arg-type]
        return rows

    def _show_current(self) -> None:
        row = self.table.current
        self._say("run-vm", Text("\n".join(vm_lines(row)) if row else "", no_wrap=True, overflow="ellipsis"))

    def on_virtual_table_highlighted(self, event: VirtualTable.Highlighted) -> None:
        """Show what the VM under the cursor does."""
        self._show_current()

    def on_virtual_table_opened(self, event: VirtualTable.Opened) -> None:
        """Enter shows all of it."""
        self.action_detail()

    # --- keys --------------------------------------------------------------------------------------

    def action_detail(self) -> None:
        """Everything of the VM: stages with times, failure with cause and fix."""
        row = self.table.current
        if row is not None:
            self.app.push_screen(TextView(row.name, [*vm_lines(row), "", *failure_lines(row)]))

    def action_start(self) -> None:
        """Start the plan in a runner of its own, after saying what it will do."""
        self.v2s.ask_to_start()

    def action_approve(self) -> None:
        """Let the batch pass its gate."""
        self._decide("approve")

    def action_approve_retry(self) -> None:
        """Pass the gate, and run the failed VMs again."""
        self._decide("approve_retry_failed")

    def action_hold(self) -> None:
        """Leave the gate closed on purpose."""
        self._decide("hold")

    def _decide(self, decision: str) -> None:
        if self.snapshot is None or self.snapshot.gate is None:
            self.notify("no gate is closed", timeout=2)
            return
        self.v2s.command(decision)

    def action_retry(self) -> None:
        """Run the failed VM again from where its evidence holds."""
        row = self.table.current
        if row is None or row.status not in {JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.SKIPPED}:
            self.notify("only a failed, cancelled or skipped VM can be retried", timeout=3)
            return
        self.v2s.command("retry", vm=row.name)

    def action_skip(self) -> None:
        """Leave the VM out of this batch."""
        row = self.table.current
        if row is not None:
            lines = [f"{row.name} is left out of this batch; what it made so far stays until undo."]
            self._confirm("Skip this VM?", lines, "Skip", "skip", vm=row.name)

    def action_cancel(self) -> None:
        """Stop the VM's work now."""
        row = self.table.current
        if row is not None:
            lines = [f"{row.name}: running work stops, leases and uploads are given up, finished files stay."]
            self._confirm("Cancel this VM?", lines, "Cancel it", "cancel", vm=row.name)

    def action_pause(self) -> None:
        """Start nothing new; running stages end. Again: go on."""
        snapshot = self.snapshot
        if snapshot is not None:
            self.v2s.command("resume" if snapshot.paused else "pause")

    def action_abort(self) -> None:
        """Stop the whole batch."""
        snapshot = self.snapshot
        if snapshot is None or not snapshot.live:
            return
        running = [row.name for row in snapshot.vms if row.stage and not row.status.terminal]
        lines = [f"{len(running)} VMs stop where they are: {', '.join(running[:8])}", "Resume goes on later."]
        self._confirm("Abort the batch?", lines, "Abort", "abort", typed=snapshot.batch_id)

    def _confirm(
        self, title: str, lines: list[str], action: str, command: str, *, typed: str = "", **values: object
    ) -> None:
        def answered(go: bool | None) -> None:
            if go:
                self.v2s.command(command, **values)

        self.app.push_screen(Confirm(title, lines, action=action, danger=True, typed=typed), answered)

    def action_next_limit(self) -> None:
        """Choose which limit + and - change."""
        self._limit = (self._limit + 1) % len(_LIMIT_KEYS)
        self._say("run-limits", self._limits_line(self.snapshot))

    def action_limit(self, step: int) -> None:
        """One more or one less of the chosen limit, while running."""
        name = _LIMIT_KEYS[self._limit]
        limits = self.snapshot.limits if self.snapshot else ()
        limit = next((each for each in limits if each.name == name), None)
        if limit is not None and limit.capacity + step >= 1:
            self.v2s.command("set_limit", limit=name, value=limit.capacity + step)

    def action_take(self) -> None:
        """Take the right to command from whoever has it."""
        self.v2s.command("take_over")

    def action_sort(self) -> None:
        """Sort by the next column; after the last one, the plan's order."""
        names = ["", *(each.name for each in RUN_COLUMNS)]
        self._sort = names[(names.index(self._sort) + 1) % len(names)]
        self.table.sort_column = self._sort
        self.refresh_view("sort")


def _waves_line(snapshot: BatchSnapshot | None) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    for index, wave in enumerate(snapshot.waves if snapshot else ()):
        if index:
            text.append(" > ", style="dim")
        current = snapshot is not None and index == snapshot.current_wave
        text.append(wave_text(wave), style="bold" if current else "dim")
    return text
