"""Screen 5: watch and steer the batch. The picture comes from its runner; leaving never stops it."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from v2s_tui.domain.execution.snapshot import BatchSnapshot, LimitRow, VmRow
from v2s_tui.domain.planning.stages import JobStatus, Stage
from v2s_tui.presentation.columns import Column
from v2s_tui.presentation.run_columns import RUN_COLUMNS, row_tone
from v2s_tui.presentation.run_detail import vm_lines
from v2s_tui.tui.keymap import key_lines
from v2s_tui.tui.modals.choose import Choose
from v2s_tui.tui.modals.confirm import Confirm
from v2s_tui.tui.modals.failure import FailurePanel
from v2s_tui.tui.modals.live_text import NO_LOG, LiveText
from v2s_tui.tui.screens.run_lines import limits_line, sum_line, waves_line
from v2s_tui.tui.screens.table_screen import TABLE_BINDINGS, TableScreen
from v2s_tui.tui.widgets.gate_panel import GatePanel, approval_question
from v2s_tui.tui.widgets.virtual_table import VirtualTable
from v2s_tui.usecases.runner_log import log_lines

_LIMIT_KEYS = ("disk_io", "s3_upload", "scw_api", "global")
_LOG_LINES = 8
_IF_EMPTY = (
    "no batch is open",
    "n starts the plan in hand, after saying what it will do",
    "6 shows the batches that ran here; enter there watches one",
)
_NEEDS = {
    **dict.fromkeys(("approve", "hold"), "gate"),
    "approve_retry": "gate after failures",
    **dict.fromkeys(("pause", "abort", "cancel", "skip", "take"), "runner"),
    **dict.fromkeys(("next_limit", "limit", "pause_limit"), "runner"),
    **dict.fromkeys(("retry", "retry_from", "retry_edited"), "retriable"),
    "start": "no runner", "resume": "unfinished", "detail": "row", "log": "batch",
}  # fmt: skip
"""Action -> what must hold for its key to do anything."""
_RETRIABLE = frozenset({JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.SKIPPED})
_NOT_RETRIABLE = "only a failed, cancelled or skipped VM can be retried"


class RunScreen(TableScreen):
    """Waves, VMs, limits, the gate."""

    STEP = "run"
    COLUMNS = RUN_COLUMNS
    HELP_TITLE = "Run: watch and steer the batch; leaving the app does not stop it"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "approve", "Go on", id="run.approve"),
        Binding("C", "approve_retry", "Go on + retry failed", id="run.approve_retry"),
        Binding("h", "hold", "Hold", id="run.hold"),
        Binding("n", "start", "Start plan", id="run.start"),
        Binding("R", "resume", "Resume", id="run.resume"),
        Binding("i,enter", "detail", "Detail", id="run.detail"),
        Binding("t", "retry", "Retry", id="run.retry"),
        Binding("p", "pause", "Pause", id="run.pause"),
        Binding("L", "log", "Log", id="run.log"),
        Binding("f", "retry_from", "Retry from stage", id="run.retry_from", show=False),
        Binding("E", "retry_edited", "Retry as planned now", id="run.retry_edited", show=False),
        Binding("z", "skip", "Skip VM", id="run.skip", show=False),
        Binding("x", "cancel", "Cancel VM", id="run.cancel", show=False),
        Binding("X", "abort", "Abort batch", id="run.abort", show=False),
        Binding("l", "next_limit", "Choose limit", id="run.limit", show=False),
        Binding("plus,equals_sign", "limit(1)", "Limit +", id="run.more", show=False, key_display="+"),
        Binding("minus", "limit(-1)", "Limit -", id="run.less", show=False, key_display="-"),
        Binding("P", "pause_limit", "Pause that limit", id="run.pause_limit", show=False),
        Binding("w", "take", "Take over", id="run.take", show=False),
        *TABLE_BINDINGS,
    ]

    def __init__(self) -> None:
        super().__init__(id="run-screen")
        self._limit = 0
        self._keys_for: frozenset[str] = frozenset()
        self._said: dict[str, Content] = {}

    def compose_body(self) -> ComposeResult:
        """Sums, waves, limits; the gate when one is closed; the VMs; what the one under the cursor does."""
        yield Static(id="run-sum", markup=False)
        yield Static(id="run-waves", markup=False)
        yield Static(id="run-limits", markup=False)
        yield GatePanel()
        yield VirtualTable[VmRow](RUN_COLUMNS, row_key=lambda row: row.name, tone=row_tone, id="run-table")
        yield Static(id="run-vm", markup=False)
        yield Static(id="run-log", markup=False)

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
        self.table.if_empty = _IF_EMPTY
        self.table.focus()

    # --- showing -----------------------------------------------------------------------------------

    def refresh_view(self, what: str) -> None:
        """Repaint from the picture; the app calls this at a steady rate while a batch runs."""
        snapshot = self.snapshot
        width = max(40, self.size.width - 2)
        planned = bool(self.workspace.plan.migrations)
        self._say("run-sum", sum_line(snapshot, planned=planned, starting=self.v2s.runs.starting))
        self._say("run-waves", waves_line(snapshot, width))
        self._say("run-limits", limits_line(snapshot, _LIMIT_KEYS[self._limit]))
        self.query_one(GatePanel).show(snapshot, self.v2s.runs.coming, self._gate_keys())
        self.table.set_rows(self.look.sorted(RUN_COLUMNS, snapshot.vms if snapshot else ()))
        self._show_current()

    def _gate_keys(self) -> str:
        named = (("run.approve", "go on"), ("run.approve_retry", "go on and retry failed"),
                 ("run.hold", "hold"), ("run.abort", "abort"))  # fmt: skip
        bound = {line.id: line.keys[0] for line in key_lines(self)}
        return "   ".join(f"{bound[name]} {text}" for name, text in named if name in bound)

    def _say(self, widget: str, text: Content) -> None:
        """Show it where it is another text than before: each update is bytes to the terminal."""
        before = self._said.get(widget)
        if before is None or (before.plain, before.spans) != (text.plain, text.spans):
            self._said[widget] = text
            self.query_one(f"#{widget}", Static).update(text, layout=False)

    def _show_current(self) -> None:
        self._show_keys()
        row = self.table.current
        lines = vm_lines(row) if row else []
        if self.query_one("#run-log", Static).display:
            self._say("run-log", Content("\n".join(self._log(row, _LOG_LINES))))
        self._say("run-vm", Content("\n".join(lines)))

    def _log(self, row: VmRow | None, limit: int = 200) -> tuple[str, ...]:
        """The runner's newest lines about that VM, of the whole batch without one."""
        snapshot = self.snapshot
        if snapshot is None:
            return ()
        return log_lines(self.v2s.services, snapshot.batch_id, vm=row.name if row else "", limit=limit)

    def _row(self, name: str) -> VmRow | None:
        """The newest picture of that VM."""
        return next((row for row in self.snapshot.vms if row.name == name), None) if self.snapshot else None

    def on_virtual_table_highlighted(self, event: VirtualTable.Highlighted) -> None:
        """Show what the VM under the cursor does."""
        self._show_current()

    def on_virtual_table_opened(self, event: VirtualTable.Opened) -> None:
        """Enter shows all of it."""
        self.action_detail()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key exists while it can do something: those of a gate while one is closed, and so on."""
        needs = _NEEDS.get(action)
        return needs is None or needs in self._possible()

    def _possible(self) -> frozenset[str]:
        """What of _NEEDS holds now."""
        snapshot = self.snapshot if self.is_mounted else None
        if snapshot is None:
            return frozenset({"no runner"})
        row, idle = self.table.current, not (snapshot.live or self.v2s.runs.starting)
        facts = {
            "batch": True,
            "runner": snapshot.live,
            "no runner": idle,
            "unfinished": idle and (snapshot.completed_at is None or snapshot.counters.failed > 0),
            "gate": snapshot.gate is not None,
            "gate after failures": snapshot.gate is not None and snapshot.counters.failed > 0,
            "row": row is not None,
            "retriable": (snapshot.live or idle) and row is not None and row.status in _RETRIABLE,
        }
        return frozenset(name for name, holds in facts.items() if holds)

    def _show_keys(self) -> None:
        """Offer the keys that can do something now."""
        possible = self._possible()
        if possible != self._keys_for:
            self._keys_for = possible
            self.refresh_bindings()

    # --- keys --------------------------------------------------------------------------------------

    def action_detail(self) -> None:
        """Everything of the VM: stages with times, its log; for a failed one cause, fix and what to do."""
        row = self.table.current
        if row is None:
            return
        if row.status is JobStatus.FAILED:
            self.app.push_screen(FailurePanel(row, self._log(row, 30)), self._decide_failure)
            return
        name = row.name

        def lines() -> list[str]:
            now = self._row(name)
            return [*(vm_lines(now) if now else []), "", *self._log(now)]

        self.app.push_screen(LiveText(name, lines))

    def _decide_failure(self, choice: str | None) -> None:
        if choice == "retry":
            self.action_retry()
        elif choice == "skip":
            self.action_skip()
        elif choice == "retry_from":
            self.action_retry_from()

    def action_retry_from(self) -> None:
        """Run the failed VM again from a stage you choose; what later stages made is made anew."""
        row = self.table.current
        if row is None or row.status not in _RETRIABLE:
            self.notify(_NOT_RETRIABLE, timeout=4, markup=False)
            return
        name = row.name
        possible = [*row.completed, *([row.stage] if row.stage else [])]
        column: Column[Stage] = Column("stage", "Stage", 30, lambda stage: stage.value)

        def chosen(stage: Stage | None) -> None:
            if stage is not None:
                self.v2s.command("retry", vm=name, from_stage=stage.value)

        choose = Choose[Stage](f"Retry {name} from", (column,), possible, selected=row.stage)
        self.app.push_screen(choose, chosen)

    def action_log(self) -> None:
        """The runner's log of the whole batch, live."""
        self.app.push_screen(LiveText("Runner's log", lambda: self._log(None) or (NO_LOG,)))

    def action_resume(self) -> None:
        """Go on with this batch in a new runner."""
        if self.snapshot is not None:
            self.v2s.resume_batch(self.snapshot.batch_id)

    def action_start(self) -> None:
        """Start the plan in a runner of its own, after saying what it will do."""
        self.v2s.ask_to_start()

    def action_approve(self) -> None:
        """Let the batch pass its gate."""
        self._open_gate("approve")

    def action_approve_retry(self) -> None:
        """Pass the gate, and run the failed VMs again."""
        self._open_gate("approve_retry_failed")

    def _open_gate(self, decision: str) -> None:
        """At once, but for a wave that touches its sources' power: that is asked."""
        question, seen = approval_question(self.snapshot), self._gate()
        if question is None:
            self.v2s.command(decision, gate=seen)
        else:
            self.app.push_screen(question, lambda go: self.v2s.command(decision, gate=seen) if go else None)

    def _gate(self) -> int | None:
        """The gate on screen: a decision is about that one, whichever is closed once the runner hears it."""
        return self.snapshot.gate.index if self.snapshot and self.snapshot.gate else None

    def action_hold(self) -> None:
        """Leave the gate closed on purpose."""
        self.v2s.command("hold", gate=self._gate())

    def action_retry(self) -> None:
        """Run the failed VM again from where its evidence holds."""
        row = self.table.current
        if row is None or row.status not in _RETRIABLE:
            self.notify(_NOT_RETRIABLE, timeout=4, markup=False)
            return
        self.v2s.command("retry", vm=row.name)

    def action_retry_edited(self) -> None:
        """Run the failed VM again with its entry as the plan in hand has it now."""
        if self.table.current is not None:
            self.v2s.starting.retry_as_planned(self.table.current.name)

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
            self._confirm("Cancel this VM?", lines, "Stop it", "cancel", vm=row.name)

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
        stopped = f"Stopped where they are: {', '.join(running[:8])}{' and more' * (len(running) > 8)}"
        lines = [stopped if running else "No VM is at work now.", "Resume goes on later."]
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
        self._say("run-limits", limits_line(self.snapshot, _LIMIT_KEYS[self._limit]))

    def action_limit(self, step: int) -> None:
        """One more or one less of the chosen limit, while running."""
        limit = self._limit_row()
        if limit is not None and limit.capacity + step >= 1:
            self.v2s.command("set_limit", limit=limit.name, value=limit.capacity + step)

    def action_pause_limit(self) -> None:
        """Let nothing new take the chosen limit; again: let it."""
        limit = self._limit_row()
        if limit is not None:
            self.v2s.command("resume_limit" if limit.paused else "pause_limit", limit=limit.name)

    def _limit_row(self) -> LimitRow | None:
        """The limit that + and - change."""
        name = _LIMIT_KEYS[self._limit]
        limits = self.snapshot.limits if self.snapshot else ()
        return next((each for each in limits if each.name == name), None)

    def action_take(self) -> None:
        """Take the right to command from whoever has it."""
        self.v2s.command("take_over")
