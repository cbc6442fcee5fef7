"""One run of one stage as its function sees it: the StageContext of stage_contract.py.

Lives in two threads: the stage's worker thread calls it, the event loop lends and takes the limits.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from v2s_tui.domain.errors import Cancelled
from v2s_tui.domain.execution.artifacts import Artifacts
from v2s_tui.domain.execution.events import StageCheckpoint
from v2s_tui.domain.execution.progress import StageProgress
from v2s_tui.domain.planning.scheduling import Request
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.engine.ledger_writer import BATCH, ledger_of
from v2s_tui.engine.parts import Parts
from v2s_tui.engine.stage_contract import LedgerWriter


class StageRun:
    """StageContext of one stage run. holding: whether its limits are with it (read on the loop)."""

    def __init__(
        self,
        parts: Parts,
        *,
        vm_name: str,
        stage: Stage,
        request: Request,
        ledger: LedgerWriter,
        progress: StageProgress,
        cancelled: threading.Event,
    ) -> None:
        self.ports = replace(parts.ports, source=parts.ports.source.heard_by(self))
        self.progress = progress
        self.cancelled = cancelled
        self.ledger: LedgerWriter = ledger
        self.holding = True
        self._parts = parts
        self._vm_name = vm_name
        self._stage = stage
        self._request = request
        self._loop = asyncio.get_running_loop()
        self._lent = False

    @contextmanager
    def polling(self, waits_for: str) -> Iterator[None]:
        """Give the limits back while inside; an error inside leaves them given back."""
        if self._lent:
            yield
            return
        self._lent = True
        self.progress.waits_for = waits_for
        self._loop.call_soon_threadsafe(self.release)
        try:
            yield
        finally:
            self.progress.waits_for = ""
        asyncio.run_coroutine_threadsafe(self._take_back(), self._loop).result()
        self._lent = False

    def pause(self, seconds: float) -> None:
        """Sleep, or raise Cancelled as soon as the operator cancels."""
        if self._parts.settings.pause(seconds, self.cancelled):
            raise Cancelled(f"{self._vm_name} was stopped while it waited")

    def waits(self, what: str) -> None:
        """Show what the vCenter is waited for."""
        self.progress.waits_for = what

    @contextmanager
    def shared(self, what: str) -> Iterator[LedgerWriter]:
        """Alone among the batch's VMs; its own ledger has the effects that belong to no VM."""
        with self._parts.shared.alone(what, self.cancelled):
            yield ledger_of(self._parts.recorder, self._parts.clock, BATCH)

    def checkpoint(self, artifacts: Artifacts) -> None:
        """Journal the artifacts reached so far."""
        event = StageCheckpoint(
            at=self._parts.clock.now(), vm=self._vm_name, stage=self._stage, artifacts=artifacts
        )
        self._parts.recorder.record_and_wait(event)

    def release(self) -> None:
        """Give the limits back if they are with us (loop only)."""
        if self.holding:
            self.holding = False
            self._parts.leases.give_back(self._request)

    async def _take_back(self) -> None:
        if self.cancelled.is_set():
            raise Cancelled(f"{self._vm_name} was stopped")
        await self._parts.leases.take(self._request, continuing=True)
        self.holding = True
