"""The batch on the Run screen: watching it, telling its runner, starting and resuming runners.

The runner is another process; the app only looks and asks. A lost runner leaves the record, which is shown.
"""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from v2s_tui.domain.errors import StateError, V2sError
from v2s_tui.domain.execution.snapshot import BatchSnapshot
from v2s_tui.engine.attach import RunnerClient, living_runner
from v2s_tui.engine.resume import VmRestart
from v2s_tui.engine.settings import GateMode
from v2s_tui.presentation.run_columns import batch_line
from v2s_tui.presentation.run_detail import ComingWave
from v2s_tui.presentation.start_lines import power_lines, start_lines
from v2s_tui.tui.modals.confirm import Confirm
from v2s_tui.tui.notice import call_operator
from v2s_tui.usecases.look_ahead import Outlook
from v2s_tui.usecases.next_wave import coming_wave
from v2s_tui.usecases.run_batch import create_batch, restart_lines
from v2s_tui.usecases.show_batches import batch_path, batch_picture
from v2s_tui.usecases.start_runner import start_runner

if TYPE_CHECKING:
    from v2s_tui.tui.app import V2sApp

REPAINT_SECONDS = 0.25
_LOOK_AGAIN_SECONDS = 1.0
_GROUP = "run"


class RunControl:
    """Holds the connection to one runner at a time. snapshot: the newest picture, None when none is open."""

    def __init__(self, app: "V2sApp") -> None:
        self._app = app
        self._client: RunnerClient | None = None
        self.batch_id = ""
        self.snapshot: BatchSnapshot | None = None
        self.coming: ComingWave | None = None

    # --- watching ----------------------------------------------------------------------------------

    def watch(self, batch_id: str) -> None:
        """Show this batch, live while it has a runner."""
        self.batch_id = batch_id
        self._app.run_worker(self._follow(batch_id), group=_GROUP, exclusive=True, exit_on_error=False)

    async def leave(self) -> None:
        """Detach; the runner goes on."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()

    async def _follow(self, batch_id: str) -> None:
        await self.leave()
        services = self._app.services
        try:
            path = batch_path(services, batch_id)
            while True:
                if living_runner(path) is not None:
                    await self._follow_live(path)
                self._show(await asyncio.to_thread(batch_picture, services, batch_id))
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        except V2sError as error:
            self._app.show_error(error)

    async def _follow_live(self, path: Path) -> None:
        """Until the runner ends: its newest picture at a steady rate."""
        try:
            client = await RunnerClient.connect(path)
        except StateError:
            # The runner ended between the look at its lock and the connection; the record is shown instead.
            return
        self._client = client
        try:
            while not client.closed.is_set():
                self._show(client.picture)
                await asyncio.sleep(REPAINT_SECONDS)
        finally:
            if self._client is client:
                self._client = None
            await client.close()

    def _show(self, picture: BatchSnapshot) -> None:
        before, self.snapshot = self.snapshot, picture
        if before is not None and before.batch_id == picture.batch_id:
            if before == picture:
                return
            self._ring(before, picture)
        if _gate_of(picture) != _gate_of(before):
            self._look_behind_gate(picture)
        self._app.refresh_screen("batch")

    def _look_behind_gate(self, picture: BatchSnapshot) -> None:
        """Work out what the next wave takes, once for each gate."""
        self.coming = None
        if picture.gate is not None:
            services, batch_id = self._app.services, picture.batch_id
            self._app.background.ask("coming", lambda: coming_wave(services, batch_id), self._coming_known)

    def _coming_known(self, coming: ComingWave | None) -> None:
        self.coming = coming
        self._app.refresh_screen("batch")

    def _ring(self, before: BatchSnapshot, now: BatchSnapshot) -> None:
        """Call the operator when one is wanted: a gate closed, a VM failed, the batch ended."""
        if now.gate is not None and before.gate is None:
            call_operator(self._app, f"GATE after wave {now.gate.wave}", now.gate.reason)
        if now.completed_at is not None and before.completed_at is None:
            call_operator(
                self._app, f"batch {now.status.value}", batch_line(now), severity="information"
            )  # fmt: skip
        if now.counters.failed > before.counters.failed:
            known = {row.name for row in before.vms if row.failure_title}
            for row in now.vms:
                if row.failure_title and row.name not in known:
                    call_operator(self._app, f"{row.name} failed", row.failure_title, severity="error")

    # --- telling -----------------------------------------------------------------------------------

    def command(self, name: str, **values: object) -> None:
        """Tell the runner; what it answers is shown."""
        if self._client is None:
            self._app.notify(
                "no runner works on this batch: R resumes it", severity="warning", timeout=8, markup=False
            )
            return
        self._app.run_worker(self._tell(self._client, name, values), exit_on_error=False)

    async def _tell(self, client: RunnerClient, name: str, values: dict[str, object]) -> None:
        try:
            if name == "take_over":
                said = await client.take_over()
            else:
                said = await client.send(name, **values)
        except (V2sError, TimeoutError) as error:
            self._app.show_error(error)
            return
        self._app.notify(said, timeout=4, markup=False)

    # --- starting ----------------------------------------------------------------------------------

    def ask_to_start(self) -> None:
        """Say what the plan will do, and start it when confirmed."""
        outlook = self._app.outlook
        if self.snapshot is not None and self.snapshot.live:
            self._app.notify("a batch is running here already", severity="warning", timeout=8, markup=False)
            return
        if outlook is None or not outlook.resolved.vms or self._app.outlook_note:
            self._app.notify(
                self._app.outlook_note or "nothing is planned yet",
                severity="warning",
                timeout=8,
                markup=False,
            )
            return
        if outlook.blocking:
            first = outlook.blocking[0]
            self._app.notify(
                f"{first.vm or 'batch'}: {first.title}. f on screen 3 shows all with their fixes",
                title=f"pre-flight: {len(outlook.blocking)} findings forbid the start",
                severity="error",
                timeout=20,
                markup=False,
            )
            return

        def answered(go: bool | None) -> None:
            if go:
                self._app.background.ask("start", lambda: self._start(outlook), self._started)

        resolved = outlook.resolved
        lines = start_lines(resolved, outlook.cost, outlook.forecast)
        danger = bool(power_lines(resolved))
        confirm = Confirm("Start this plan?", lines, action="Start", danger=danger)
        self._app.push_screen(confirm, answered)

    def _start(self, outlook: Outlook) -> str:
        plan_path = self._app.workspace.plan_path or Path("plan of the app, not saved")
        batch_id = create_batch(self._app.services, outlook, plan_path=plan_path)
        start_runner(self._app.services, batch_id, GateMode.WAIT)
        return batch_id

    def ask_to_resume(self, batch_id: str) -> None:
        """Say where every VM would go on, then start a runner; failed VMs are tried again."""
        services = self._app.services

        def known(restarts: tuple[VmRestart, ...]) -> None:
            lines = [each.describe() + (" (had failed)" if each.reopened else "") for each in restarts]
            lines = lines or ["every VM is through: the batch only has to end"]
            title = f"Resume batch {batch_id}? Complete VMs stay untouched."
            self._app.push_screen(Confirm(title, lines, action="Resume"), answered)

        def answered(go: bool | None) -> None:
            if go:
                self._app.background.ask("start", lambda: self._resume(batch_id), self._started)

        self._app.notify("looking where each VM goes on...", timeout=5, markup=False)
        self._app.background.ask("restarts", lambda: restart_lines(services, batch_id), known)

    def _resume(self, batch_id: str) -> str:
        start_runner(self._app.services, batch_id, GateMode.WAIT, retry_failed=True)
        return batch_id

    def _started(self, batch_id: str) -> None:
        """A runner was started: show it."""
        self.watch(batch_id)
        self._app.go_to("run")


def _gate_of(picture: BatchSnapshot | None) -> tuple[str, int] | None:
    return (picture.batch_id, picture.gate.index) if picture is not None and picture.gate else None
