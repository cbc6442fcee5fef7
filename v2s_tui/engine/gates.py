"""The gate after a wave: waiting for a command, for an answer on the terminal, or not at all; and what
follows.
"""

import asyncio
import threading
from typing import TYPE_CHECKING

from v2s_tui.domain.execution import events
from v2s_tui.domain.execution.batch import GateState
from v2s_tui.domain.execution.events import Actor, Decision
from v2s_tui.domain.execution.failures import quarantined
from v2s_tui.domain.planning.stages import JobStatus
from v2s_tui.engine.outcome import Stop, Stopped
from v2s_tui.engine.settings import GateMode, RunnerSettings

if TYPE_CHECKING:
    from v2s_tui.engine.batch_runner import BatchRunner

Answer = tuple[Decision, Actor]


class GateKeeper:
    """Waits for the decision at one gate at a time. On the event loop; a terminal's question is asked in a
    thread of its own.
    """

    def __init__(self, settings: RunnerSettings) -> None:
        self._settings = settings
        self._answer: asyncio.Future[Answer | None] | None = None
        self._gate: GateState | None = None
        self._asking = False

    @property
    def waiting(self) -> bool:
        """True while a decision is awaited."""
        return self._answer is not None and not self._answer.done()

    async def decide(self, gate: GateState) -> Answer | None:
        """The operator's decision; None when nobody is there to decide, or when `wake` was called."""
        mode = self._settings.gate_mode
        if mode is GateMode.APPROVE:
            return Decision.APPROVE, Actor(self._settings.actor.who, f"{self._settings.actor.origin} --yes")
        if mode is GateMode.STOP:
            return None
        self._gate, self._answer = gate, asyncio.get_running_loop().create_future()
        if mode is GateMode.ASK and not self._asking:
            self._put_question(gate)
        try:
            return await self._answer
        finally:
            self._answer = None

    def answer(self, decision: Decision, actor: Actor) -> None:
        """A decision from a command; nothing happens when none is awaited."""
        self._resolve((decision, actor))

    def wake(self) -> None:
        """Something else happened: `decide` returns None and the gate is looked at again."""
        self._resolve(None)

    def _resolve(self, value: Answer | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(value)

    def _put_question(self, gate: GateState) -> None:
        """In a daemon thread: a question nobody answers never keeps the runner from leaving."""
        self._asking, loop = True, asyncio.get_running_loop()

        def ask() -> None:
            decision = self._settings.ask_gate(gate) if self._settings.ask_gate else None
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._asked, gate, decision or Decision.HOLD)

        threading.Thread(target=ask, daemon=True).start()

    def _asked(self, gate: GateState, decision: Decision) -> None:
        """The terminal has answered: about the gate that it was asked about and no other. When that one was
        decided elsewhere meanwhile, it is asked about the one that is closed now.
        """
        self._asking = False
        closed = self._gate
        if closed is None or (closed.index, closed.window) == (gate.index, gate.window):
            self._resolve((decision, self._settings.actor))
        elif self.waiting:
            self._put_question(closed)


class GatePassage:
    """Stands at gates for a BatchRunner and acts on the decisions."""

    def __init__(self, runner: "BatchRunner", settings: RunnerSettings) -> None:
        self._runner = runner
        self._settings = settings

    async def stand(self, index: int, reason: str, *, window: bool) -> None:
        """Wait for a decision and act on it; returns to look again when something else happened.

        window: the reason is a closed window, which `--yes` does not open. Raises Stopped.
        """
        runner, mode = self._runner, self._settings.gate_mode
        gate = await self._reached(index, reason, window=window)
        runner.raise_if_stopped()
        if runner.runners or runner.closed_by(index) != reason:
            return  # a command came while the gate was put on record: nobody would wake us for it again
        if window and mode is GateMode.APPROVE:
            raise Stopped(Stop.WINDOW)
        answer = await runner.gates.decide(gate)
        runner.raise_if_stopped()
        if answer is not None:
            await self.decided(index, *answer)
            if answer[0] is not Decision.HOLD:
                runner.start_wave_vms(index)
        elif mode is GateMode.STOP:
            raise Stopped(Stop.GATE)

    async def _reached(self, index: int, reason: str, *, window: bool) -> GateState:
        """The gate on record, recorded now unless it was closed for this reason before."""
        known = self._runner.state.header.gate
        if known is not None and (known.index, known.reason) == (index, reason):
            return known
        wave, now = self._runner.state.header.waves[index].name, self._runner.now()
        await self._runner.record(
            events.GateReached(at=now, wave=wave, index=index, reason=reason, window=window)
        )
        return GateState(wave, index, reason, now, window=window)

    async def decided(self, index: int, decision: Decision, actor: Actor) -> None:
        """Record a decision and change the wave's VMs as it says; none is started here.

        Raises Stopped for abort, and for hold if nobody waits.
        """
        runner, gate = self._runner, self._runner.state.header.gate
        wave = runner.state.header.waves[index].name
        await runner.record(
            events.GateDecided(at=runner.now(), wave=wave, index=index, decision=decision, actor=actor)
        )
        if decision is Decision.ABORT:
            raise Stopped(Stop.ABORT)
        if decision is Decision.HOLD:
            if self._settings.gate_mode is not GateMode.WAIT:
                raise Stopped(Stop.HOLD)
            return
        if decision is Decision.APPROVE_RETRY_FAILED:
            await self._reopen_failed(index, actor)
        elif gate is None or not gate.window:
            await self._give_up_quarantined(index)

    async def _reopen_failed(self, index: int, actor: Actor) -> None:
        for name in self._runner.state.header.waves[index].vm_names:
            job = self._runner.state.jobs[name]  # as it is now: a retry by name may have come meanwhile
            if job.status is JobStatus.FAILED or job.quarantine:
                await self._runner.record(
                    events.VmRetried(at=self._runner.now(), vm=job.vm_name, actor=actor)
                )

    async def _give_up_quarantined(self, index: int) -> None:
        """Going on without the quarantined VMs: they count as failed, so that a resume takes them up."""
        for job in self._runner.state.jobs_of_wave(index):
            if job.quarantine and job.status is JobStatus.PENDING:
                failure = quarantined(job.quarantine, "similar-failures")
                await self._runner.record(
                    events.VmFailed(at=self._runner.now(), vm=job.vm_name, stage=None, failure=failure)
                )
