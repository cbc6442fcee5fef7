"""Starting the plan in hand and resuming a batch: first what will happen, then a runner of its own."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from v2s_tui.domain.errors import InputError
from v2s_tui.domain.planning.preflight.findings import Finding
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.domain.units import counted
from v2s_tui.engine.resume import VmRestart
from v2s_tui.engine.settings import GateMode
from v2s_tui.presentation.start_lines import power_lines, start_lines
from v2s_tui.tui.modals.confirm import Confirm
from v2s_tui.usecases.earlier_batches import migrated_before, migrated_elsewhere, refuse_double_work
from v2s_tui.usecases.look_ahead import Outlook
from v2s_tui.usecases.reopen_vm import reopen_vm
from v2s_tui.usecases.run_batch import create_batch, entry_as_planned, restart_lines
from v2s_tui.usecases.start_runner import start_runner

if TYPE_CHECKING:
    from v2s_tui.tui.app import V2sApp


class Starting:
    """The questions before a runner starts; a thread starts it, the Run screen then watches it."""

    def __init__(self, app: "V2sApp") -> None:
        self._app = app

    def ask_to_start(self) -> None:
        """Say what the plan will do, and start it when confirmed; else say what is in the way."""
        outlook = self._app.outlook
        if (self._app.batch is not None and self._app.batch.live) or self._app.runs.starting:
            self._warn("a batch is running here already")
        elif outlook is None or not outlook.resolved.vms or self._app.outlook_note:
            self._warn(self._app.outlook_note or "nothing is planned yet")
        elif outlook.blocking:
            self._say_blocked(outlook.blocking)
        else:
            # It takes up to a second; keys are read meanwhile.
            work = partial(self._look_around, outlook)
            self._app.background.ask("before-start", work, partial(self._question, outlook))

    def _look_around(self, outlook: Outlook) -> list[str]:
        """Make the forecast, and find out who was migrated before. Raises StateError for who is now."""
        refuse_double_work(self._app.services, outlook.resolved)
        _ = outlook.forecast
        return migrated_before(self._app.services, outlook.resolved)

    def _warn(self, text: str) -> None:
        self._app.notify(text, severity="warning", timeout=8, markup=False)

    def _say_blocked(self, blocking: Sequence[Finding]) -> None:
        first = blocking[0]
        self._app.notify(
            f"{first.vm or 'batch'}: {first.title}. f on screen 3 shows all with their fixes",
            title=f"pre-flight: {counted(len(blocking), 'finding')} in the way of the start",
            severity="error",
            timeout=20,
            markup=False,
        )

    def _question(self, outlook: Outlook, before: Sequence[str]) -> None:
        def answered(go: bool | None) -> None:
            if go:
                self._app.background.ask("start", lambda: self._start(outlook), self._started)

        resolved = outlook.resolved
        lines = [*before, *start_lines(resolved, outlook.cost, outlook.forecast)]
        alarms = [*before, *power_lines(resolved)]
        confirm = Confirm("Start this plan?", lines, action="Start", danger=bool(alarms), alarms=alarms)
        self._app.push_screen(confirm, answered)

    def _start(self, outlook: Outlook) -> str:
        plan_path = self._app.workspace.plan_path or Path("plan of the app, not saved")
        batch_id = create_batch(self._app.services, outlook, plan_path=plan_path)
        start_runner(self._app.services, batch_id, GateMode.WAIT)
        return batch_id

    def ask_to_resume(self, batch_id: str) -> None:
        """Say where every VM would go on, then start a runner; failed VMs are tried again."""
        services = self._app.services

        def look() -> tuple[tuple[VmRestart, ...], list[str]]:
            restarts = restart_lines(services, batch_id)
            return restarts, migrated_elsewhere(services, batch_id, [each.vm_name for each in restarts])

        def known(found: tuple[tuple[VmRestart, ...], list[str]]) -> None:
            restarts, twice = found
            lines = [each.describe() + (" (had failed)" if each.reopened else "") for each in restarts]
            lines = [*twice, *lines] or ["every VM is through: the batch only has to end"]
            title = f"Resume batch {batch_id}? Complete VMs stay untouched."
            confirm = Confirm(title, lines, action="Resume", danger=bool(twice), alarms=twice)
            self._app.push_screen(confirm, answered)

        def answered(go: bool | None) -> None:
            if go:
                self._app.background.ask("start", lambda: self._resume(batch_id), self._started)

        self._app.notify("looking where each VM goes on...", timeout=5, markup=False)
        self._app.background.ask("restarts", look, known)

    def ask_to_reopen(
        self,
        batch_id: str,
        *,
        vm: str,
        from_stage: str | None = None,
        planned: Mapping[str, Any] | None = None,
    ) -> None:
        """Retry a VM of a batch that nobody works on: say what else goes on with it, then start a runner."""
        begins = f" from {from_stage}" if from_stage else ""
        as_planned = ", as the plan in hand has it now" if planned else ""
        waiting = self._app.batch.counters.pending if self._app.batch is not None else 0
        lines = [f"Batch {batch_id} has no runner: one is started, {vm} runs again{begins}{as_planned}."]
        lines += [f"What else waits in it goes on too: {counted(waiting, 'VM')}."] if waiting else []

        def answered(go: bool | None) -> None:
            if go:
                work = partial(self._reopen, batch_id, vm, from_stage, planned)
                self._app.background.ask("start", work, self._started)

        self._app.push_screen(Confirm(f"Retry {vm}?", lines, action="Retry"), answered)

    def _reopen(
        self, batch_id: str, vm: str, from_stage: str | None, planned: Mapping[str, Any] | None
    ) -> str:
        stage = Stage(from_stage) if from_stage else None
        reopen_vm(self._app.services, batch_id, vm, from_stage=stage, planned=planned)
        start_runner(self._app.services, batch_id, GateMode.WAIT)
        return batch_id

    def retry_as_planned(self, vm_name: str) -> None:
        """Let the runner run the VM again with its entry as the plan in hand has it now."""
        outlook = self._app.outlook
        if outlook is None:
            self._warn(self._app.outlook_note or "nothing is planned yet")
            return
        try:
            planned = entry_as_planned(outlook, vm_name)
        except InputError as err:
            self._warn(err.title)
        else:
            self._app.command("retry", vm=vm_name, planned=planned)

    def _resume(self, batch_id: str) -> str:
        start_runner(self._app.services, batch_id, GateMode.WAIT, retry_failed=True)
        return batch_id

    def _started(self, batch_id: str) -> None:
        """A runner was started: show it."""
        self._app.runs.watch(batch_id, started=True)
        self._app.go_to("run")
