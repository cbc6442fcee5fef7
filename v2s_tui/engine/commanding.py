"""What each command does to a running batch. On the event loop only."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from v2s_tui.domain.errors import InputError
from v2s_tui.domain.execution import events
from v2s_tui.domain.execution.events import Event
from v2s_tui.domain.execution.job import JobState
from v2s_tui.domain.planning.limits import Limit
from v2s_tui.domain.planning.stages import JobStatus
from v2s_tui.engine.commands import DECISIONS, Command
from v2s_tui.engine.outcome import Stop

if TYPE_CHECKING:
    from v2s_tui.engine.batch_runner import BatchRunner

_HIGHEST_LIMIT = 1000
_GATE_LOOKS = 1000
_GATE_LOOK_SECONDS = 0.01


class Commanding:
    """Carries out commands; each handler returns what was done as a sentence, or raises InputError."""

    def __init__(self, runner: "BatchRunner") -> None:
        self._runner = runner
        self._handlers: Mapping[str, Callable[[Command], Awaitable[str]]] = {
            **dict.fromkeys(DECISIONS, self._decide),
            "abort": self._abort,
            "retry": self._retry,
            "skip": self._skip,
            "cancel": self._cancel,
            "pause": self._pause,
            "resume": self._resume,
            "pause_limit": self._pause_limit,
            "resume_limit": self._resume_limit,
            "set_limit": self._set_limit,
        }

    async def carry_out(self, command: Command) -> str:
        """Do it."""
        return await self._handlers[command.name](command)

    async def _decide(self, command: Command) -> str:
        if not await self._at_gate():
            if self._runner.runners and self._runner.state.header.gate is not None:
                raise InputError("VMs of this wave run again", hint="decide once they have stopped")
            raise InputError("no gate is waiting", hint="approve, hold and retry at the gate after a wave")
        closed = self._runner.state.header.gate
        if closed is not None and command.gate not in {None, closed.index}:
            raise InputError(
                f"that gate is open already; the one closed now is after wave {closed.wave}",
                hint="look at what comes behind it, then decide",
            )
        self._runner.gates.answer(DECISIONS[command.name], command.actor)
        return f"{command.name.replace('_', ' ')}: noted for {command.actor.who}"

    async def _at_gate(self) -> bool:
        """True once the gate takes answers: it is on record (and on screens) a moment earlier."""
        for _ in range(_GATE_LOOKS):
            closed = self._runner.state.header.gate is not None and not self._runner.runners
            if self._runner.gates.waiting or not closed:
                break
            await asyncio.sleep(_GATE_LOOK_SECONDS)
        return self._runner.gates.waiting

    async def _abort(self, command: Command) -> str:
        if self._runner.gates.waiting:
            return await self._decide(command)
        self._runner.stop(Stop.ABORT)
        return "the batch stops; what is finished is kept"

    # --- one VM

    async def _retry(self, command: Command) -> str:
        job = self._retriable(command)
        if job.vm_name in self._runner.runners:
            await self._runner.runners[job.vm_name].ended.wait()
        await self._edit(command)
        self._retriable(command)  # another command, or the gate, may have been quicker
        await self._record(
            events.VmRetried(
                at=self._now(), vm=job.vm_name, actor=command.actor, from_stage=command.from_stage
            )
        )
        if self._runner.leaving:
            return f"{job.vm_name} will run when the batch is resumed: this runner leaves"
        if self._runner.state.wave_of(job.vm_name) > self._runner.state.header.current_wave:
            return f"{job.vm_name} will run in its wave"
        if shut := self._runner.windows.shut(self._runner.state.header.current_wave):
            self._runner.gates.wake()
            return f"{job.vm_name} runs once the gate is approved: {shut}"
        self._runner.start(job.vm_name)
        self._runner.gates.wake()
        return f"{job.vm_name} runs again"

    def _retriable(self, command: Command) -> JobState:
        job = self._job(command)
        if job.status is JobStatus.COMPLETE:
            raise InputError(f"{job.vm_name} is complete and never runs again")
        if job.active:
            raise InputError(f"{job.vm_name} is under way", hint="cancel it first")
        if not job.status.terminal and not job.quarantine:
            raise InputError(f"{job.vm_name} waits for its turn already")
        self._require_staying()
        return job

    def _require_staying(self) -> None:
        if self._runner.leaving:
            raise InputError("this runner is leaving", hint="`v2s batch resume` starts another")

    async def _edit(self, command: Command) -> None:
        if command.planned is None:
            return
        if command.planned.name != command.vm:
            raise InputError(f"the edited entry is of {command.planned.name}, not of {command.vm}")
        await self._record(
            events.PlanEdited(at=self._now(), vm=command.vm, actor=command.actor, planned=command.planned)
        )

    async def _skip(self, command: Command) -> str:
        def ending(at: datetime) -> Event:
            return events.VmSkipped(at=at, vm=command.vm, actor=command.actor, reason=command.reason)

        await self._end(command, ending)
        return f"{command.vm} is left out"

    async def _cancel(self, command: Command) -> str:
        def ending(at: datetime) -> Event:
            return events.VmCancelled(at=at, vm=command.vm, actor=command.actor)

        if self._job(command).status.terminal:
            raise InputError(f"{command.vm} is not under way")
        await self._end(command, ending)
        return f"{command.vm} is being stopped; its finished artifacts are kept"

    async def _end(self, command: Command, ending: Callable[[datetime], Event]) -> None:
        job = self._job(command)
        if job.status is JobStatus.COMPLETE:
            raise InputError(f"{job.vm_name} is complete")
        self._require_staying()
        if job.runs and not job.status.terminal and job.vm_name not in self._runner.runners:
            self._runner.start(job.vm_name)  # only to be given up: its source may be off because of us
        if job.vm_name in self._runner.runners:
            self._runner.runners[job.vm_name].stop(ending, giving_up=True)
        else:
            await self._record(ending(self._now()))
        self._runner.gates.wake()

    def _job(self, command: Command) -> JobState:
        job = self._runner.state.jobs.get(command.vm)
        if job is None:
            raise InputError(f"the batch has no VM {command.vm!r}")
        return job

    # --- the batch and its limits

    async def _pause(self, command: Command) -> str:
        await self._record(events.BatchPaused(at=self._now(), actor=command.actor))
        self._runner.limits_changed()
        return "paused: running stages end, nothing new begins"

    async def _resume(self, command: Command) -> str:
        await self._record(events.BatchContinued(at=self._now(), actor=command.actor))
        self._runner.limits_changed()
        return "the batch goes on"

    async def _pause_limit(self, command: Command) -> str:
        limit = _limit(command)
        await self._record(events.LimitPaused(at=self._now(), actor=command.actor, limit=limit))
        self._runner.limits_changed()
        return f"{limit.value} is paused"

    async def _resume_limit(self, command: Command) -> str:
        limit = _limit(command)
        await self._record(events.LimitContinued(at=self._now(), actor=command.actor, limit=limit))
        self._runner.limits_changed()
        return f"{limit.value} goes on"

    async def _set_limit(self, command: Command) -> str:
        limit = _limit(command)
        if not 1 <= command.value <= _HIGHEST_LIMIT:
            raise InputError(f"{limit.value} must be from 1 to {_HIGHEST_LIMIT}")
        await self._record(
            events.LimitChanged(at=self._now(), actor=command.actor, limit=limit, value=command.value)
        )
        self._runner.limits_changed()
        return f"{limit.value} is {command.value} now"

    async def _record(self, event: Event) -> None:
        await self._runner.record(event)

    def _now(self) -> datetime:
        return self._runner.now()


def _limit(command: Command) -> Limit:
    if command.limit is None:
        raise InputError("which limit?", hint=", ".join(each.value for each in Limit))
    return command.limit
