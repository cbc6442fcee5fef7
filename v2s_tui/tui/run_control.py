"""The batch on the Run screen: watching it, telling its runner. Starting one is starting.py.

The runner is another process; the app only looks and asks. A lost runner leaves the record, which is shown.
"""

import asyncio
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual.screen import ModalScreen

from v2s_tui.domain.errors import StateError, V2sError
from v2s_tui.domain.execution.snapshot import BatchSnapshot
from v2s_tui.engine.attach import RunnerClient, living_runner
from v2s_tui.presentation.run_columns import batch_line
from v2s_tui.presentation.run_detail import ComingWave
from v2s_tui.tui.notice import call_operator
from v2s_tui.usecases.services import Services
from v2s_tui.usecases.show_batches import batch_path, batch_picture

if TYPE_CHECKING:
    from v2s_tui.tui.app import V2sApp

REPAINT_SECONDS = 0.25
_LOOK_AGAIN_SECONDS = 1.0
_STARTING_SECONDS = 20.0
"""A runner that was started answers within a second or two; later than that it is told as missing."""
_GROUP = "run"


class RunControl:
    """Holds the connection to one runner at a time. snapshot: the newest picture, None when none is open."""

    def __init__(self, app: "V2sApp") -> None:
        self._app = app
        self._client: RunnerClient | None = None
        self.batch_id = ""
        self.snapshot: BatchSnapshot | None = None
        self.coming: ComingWave | None = None
        self._starting_until = 0.0

    # --- watching ----------------------------------------------------------------------------------

    @property
    def starting(self) -> bool:
        """True while a runner that was started for this batch has not answered yet."""
        return time.monotonic() < self._starting_until

    def watch(self, batch_id: str, *, started: bool = False) -> None:
        """Show this batch, live while it has a runner. started: one was started a moment ago."""
        self.batch_id = batch_id
        self._starting_until = time.monotonic() + _STARTING_SECONDS if started else 0.0
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
        self._client, self._starting_until = client, 0.0
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
            if picture.completed_at != before.completed_at:
                self._starting_until = 0.0  # it came, found nothing to do, and left
            self._ring(before, picture)
        if _gate_of(picture) != _gate_of(before):
            self._look_behind_gate(picture)
        self._app.refresh_screen("batch")

    def _look_behind_gate(self, picture: BatchSnapshot) -> None:
        """Work out what the next wave takes, once for each gate."""
        self.coming = None
        if picture.gate is not None:
            services, batch_id = self._app.services, picture.batch_id
            self._app.background.ask("coming", lambda: _coming(services, batch_id), self._coming_known)

    def _coming_known(self, coming: ComingWave | None) -> None:
        self.coming = coming
        self._app.refresh_screen("batch")

    def _ring(self, before: BatchSnapshot, now: BatchSnapshot) -> None:
        """Call the operator when one is wanted: a gate closed, a VM failed, the batch ended."""
        seen = self._app.current_mode == "run" and not isinstance(self._app.screen, ModalScreen)
        call = partial(call_operator, self._app, toast=not seen)
        if now.gate is not None and before.gate is None:
            call(f"GATE after wave {now.gate.wave}", now.gate.reason)
        if now.completed_at is not None and before.completed_at is None:
            call(f"batch {now.status.value}", batch_line(now), severity="information")
        if now.counters.failed > before.counters.failed:
            known = {row.name for row in before.vms if row.failure_title}
            for row in now.vms:
                if row.failure_title and row.name not in known:
                    call(f"{row.name} failed", row.failure_title, severity="error")

    # --- telling -----------------------------------------------------------------------------------

    def command(self, name: str, **values: object) -> None:
        """Tell the runner; what it answers is shown. Without one a retry is asked about, and starts one."""
        if self._client is None and name == "retry" and self.batch_id:
            self._app.starting.ask_to_reopen(self.batch_id, **values)  # type: ignore[arg-type]
            return
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


def _gate_of(picture: BatchSnapshot | None) -> tuple[str, int] | None:
    return (picture.batch_id, picture.gate.index) if picture is not None and picture.gate else None


def _coming(services: Services, batch_id: str) -> ComingWave | None:
    from v2s_tui.usecases.next_wave import coming_wave  # noqa: PLC0415 - no gate is closed at the first paint

    return coming_wave(services, batch_id)
