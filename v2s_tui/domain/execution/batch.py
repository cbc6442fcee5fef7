"""A batch as a state: header, jobs, ledger and plan; an event in, a new state out. Pure, no I/O.

`apply` is the only way a batch changes. What it returns is what the journal keeps, what screens show and what
resume begins with.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from v2s_tui.domain.execution import events
from v2s_tui.domain.execution.events import Decision, Event
from v2s_tui.domain.execution.job import JobState, apply_to_job, interrupted, new_job
from v2s_tui.domain.execution.ledger import Effect
from v2s_tui.domain.planning.limits import Limit, Limits
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.resolved import PlannedVm, ResolvedPlan
from v2s_tui.domain.planning.stages import JobStatus
from v2s_tui.domain.units import counted

STATE_VERSION = 1


class BatchStatus(StrEnum):
    """The specification's words (seed-system.md A7). PARTIAL: some VMs are complete and some are not."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETE = "complete"
    FAILED = "failed"
    PARTIAL = "partial"


class WaveStatus(StrEnum):
    """GATE: through, and waiting for an operator."""

    PENDING = "pending"
    RUNNING = "running"
    GATE = "gate"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class WaveState:
    """One wave. approved: an operator let the batch pass its gate. note: why it has no gate, or ""."""

    name: str
    policy: PausePolicy
    vm_names: tuple[str, ...]
    status: WaveStatus = WaveStatus.PENDING
    started_at: datetime | None = None
    ended_at: datetime | None = None
    approved: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class GateState:
    """A closed gate: waiting for an operator since. held_by: who chose to hold ("" nobody yet)."""

    wave: str
    index: int
    reason: str
    since: datetime
    held_by: str = ""


@dataclass(frozen=True, slots=True)
class Approval:
    """A decision at a gate, for the record: who, when, from where."""

    wave: str
    decision: Decision
    who: str
    origin: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RunNote:
    """One runner process that worked on the batch. left: why it left ("" it still runs, or was killed)."""

    at: datetime
    pid: int
    host: str
    who: str
    origin: str
    left: str = ""


@dataclass(frozen=True, slots=True)
class BatchHeader:
    """Everything of a batch that is not one VM's.

    current_wave: index from 0. forecast: seconds by stage as estimated at the start, and `total`. overridden:
    pre-flight findings the operator chose to ignore.
    """

    batch_id: str
    plan_path: str
    config_path: str
    created_at: datetime
    waves: tuple[WaveState, ...]
    limits: Limits
    version: int = STATE_VERSION
    status: BatchStatus = BatchStatus.PENDING
    started_at: datetime | None = None
    completed_at: datetime | None = None
    current_wave: int = 0
    total_waves: int = 0
    gate: GateState | None = None
    paused: bool = False
    paused_limits: tuple[Limit, ...] = ()
    approvals: tuple[Approval, ...] = ()
    runners: tuple[RunNote, ...] = ()
    forecast: dict[str, float] = field(default_factory=dict)
    overridden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchState:
    """A whole batch. jobs, planned: by VM name, in plan order; effects: by effect id, oldest first.

    numbers: document id of each VM, counted from 1 in plan order.
    """

    header: BatchHeader
    plan: ResolvedPlan
    planned: Mapping[str, PlannedVm]
    jobs: Mapping[str, JobState]
    effects: Mapping[str, Effect] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)

    def wave_of(self, vm_name: str) -> int:
        """Index of the VM's wave."""
        name = self.jobs[vm_name].wave
        return next(index for index, wave in enumerate(self.header.waves) if wave.name == name)

    def jobs_of_wave(self, index: int) -> tuple[JobState, ...]:
        """The wave's jobs in starting order."""
        return tuple(self.jobs[name] for name in self.header.waves[index].vm_names)


def new_batch(
    *,
    batch_id: str,
    plan: ResolvedPlan,
    plan_path: str,
    config_path: str,
    created_at: datetime,
    new_migration_id: Callable[[], str],
    forecast: Mapping[str, float] | None = None,
    overridden: tuple[str, ...] = (),
) -> BatchState:
    """A batch before its first run. A gate after the last wave is pointless, and its note says so."""
    last = len(plan.waves) - 1
    waves = tuple(
        WaveState(
            wave.name,
            wave.pause_after,
            wave.vm_names,
            note="no gate: nothing follows the last wave"
            if index == last and wave.pause_after is not PausePolicy.CONTINUE
            else "",
        )
        for index, wave in enumerate(plan.waves)
    )
    header = BatchHeader(
        batch_id=batch_id,
        plan_path=plan_path,
        config_path=config_path,
        created_at=created_at,
        waves=waves,
        limits=plan.limits,
        total_waves=len(waves),
        forecast=dict(forecast or {}),
        overridden=overridden,
    )
    planned = {each.name: each for each in plan.vms}
    jobs = {each.name: new_job(each, new_migration_id()) for each in plan.vms}
    return BatchState(header, plan, planned, jobs, numbers=numbered(jobs))


def numbered(names: Iterable[str]) -> Mapping[str, int]:
    """Document ids for VM names, in their order."""
    return {name: number for number, name in enumerate(names, start=1)}


# --- rules --------------------------------------------------------------------------------------------------


def gate_reason(state: BatchState, index: int) -> str:
    """Why the wave's gate is closed now that all its VMs have stopped; "" when the batch goes on by
    itself.
    """
    wave = state.header.waves[index]
    jobs = state.jobs_of_wave(index)
    held_back = [job.vm_name for job in jobs if job.quarantine and job.status is JobStatus.PENDING]
    if held_back:
        return f"{counted(len(held_back), 'VM')} in quarantine: similar ones failed alike"
    if wave.approved or index == len(state.header.waves) - 1:
        return ""
    failed = sum(job.status in {JobStatus.FAILED, JobStatus.CANCELLED} for job in jobs)
    if wave.policy is PausePolicy.PAUSE:
        return f"the wave's policy is pause ({failed} of {len(jobs)} VMs failed)"
    if wave.policy is PausePolicy.PAUSE_ON_FAILURE and failed:
        return f"{failed} of {len(jobs)} VMs failed"
    return ""


def final_status(jobs: Mapping[str, JobState]) -> BatchStatus:
    """Status of a batch whose waves are all through."""
    wanted = [job for job in jobs.values() if job.status is not JobStatus.SKIPPED]
    complete = sum(job.status is JobStatus.COMPLETE for job in wanted)
    if complete == len(wanted):
        return BatchStatus.COMPLETE
    return BatchStatus.PARTIAL if complete else BatchStatus.FAILED


# --- transitions --------------------------------------------------------------------------------------------


def _wave_changed(header: BatchHeader, index: int, **changes: Any) -> tuple[WaveState, ...]:
    return tuple(replace(wave, **changes) if at == index else wave for at, wave in enumerate(header.waves))


def _started(header: BatchHeader, event: events.BatchStarted) -> BatchHeader:
    note = RunNote(event.at, event.pid, event.host, event.actor.who, event.actor.origin)
    return replace(
        header,
        status=BatchStatus.RUNNING,
        started_at=header.started_at or event.at,
        completed_at=None,
        paused=False,
        runners=(*header.runners, note),
    )


def _wave_started(header: BatchHeader, event: events.WaveStarted) -> BatchHeader:
    wave = header.waves[event.index]
    started = wave.started_at or event.at
    waves = _wave_changed(header, event.index, status=WaveStatus.RUNNING, started_at=started, ended_at=None)
    return replace(header, waves=waves, current_wave=event.index, gate=None, status=_busy(header))


def _busy(header: BatchHeader) -> BatchStatus:
    return BatchStatus.PAUSED if header.paused else BatchStatus.RUNNING


def _wave_ended(header: BatchHeader, event: events.WaveEnded) -> BatchHeader:
    waves = _wave_changed(header, event.index, status=WaveStatus.ENDED, ended_at=event.at)
    return replace(header, waves=waves, gate=None)


def _gate_reached(header: BatchHeader, event: events.GateReached) -> BatchHeader:
    return replace(
        header,
        waves=_wave_changed(header, event.index, status=WaveStatus.GATE),
        current_wave=event.index,
        gate=GateState(event.wave, event.index, event.reason, event.at),
        status=BatchStatus.PAUSED,
    )


def _gate_decided(header: BatchHeader, event: events.GateDecided) -> BatchHeader:
    note = Approval(event.wave, event.decision, event.actor.who, event.actor.origin, event.at)
    header = replace(header, approvals=(*header.approvals, note))
    if event.decision is Decision.HOLD:
        gate = header.gate and replace(header.gate, held_by=event.actor.who)
        return replace(header, gate=gate)
    if event.decision is Decision.ABORT:
        return header
    waves = _wave_changed(header, event.index, approved=True, status=WaveStatus.RUNNING)
    return replace(header, waves=waves, gate=None, status=_busy(header))


def _limit_changed(header: BatchHeader, event: events.LimitChanged) -> BatchHeader:
    return replace(header, limits=header.limits.changed(event.limit, event.value))


def _limit_paused(header: BatchHeader, event: events.LimitPaused) -> BatchHeader:
    return replace(header, paused_limits=tuple({*header.paused_limits, event.limit}))


def _limit_continued(header: BatchHeader, event: events.LimitContinued) -> BatchHeader:
    kept = tuple(each for each in header.paused_limits if each is not event.limit)
    return replace(header, paused_limits=kept)


def _paused(header: BatchHeader, _event: events.BatchPaused) -> BatchHeader:
    return replace(header, paused=True, status=BatchStatus.PAUSED)


def _continued(header: BatchHeader, _event: events.BatchContinued) -> BatchHeader:
    return replace(header, paused=False, status=BatchStatus.PAUSED if header.gate else BatchStatus.RUNNING)


def _stopped(header: BatchHeader, event: events.RunnerStopped) -> BatchHeader:
    runners = header.runners
    if runners:
        runners = (*runners[:-1], replace(runners[-1], left=event.reason))
    return replace(header, runners=runners, status=BatchStatus.PAUSED)


_HEADER_TRANSITIONS: Mapping[type[Event], Callable[[BatchHeader, Any], BatchHeader]] = {
    events.BatchStarted: _started,
    events.WaveStarted: _wave_started,
    events.WaveEnded: _wave_ended,
    events.GateReached: _gate_reached,
    events.GateDecided: _gate_decided,
    events.LimitChanged: _limit_changed,
    events.LimitPaused: _limit_paused,
    events.LimitContinued: _limit_continued,
    events.BatchPaused: _paused,
    events.BatchContinued: _continued,
    events.RunnerStopped: _stopped,
}


def apply(state: BatchState, event: Event) -> BatchState:
    """The batch after the event. Parts that did not change are the same objects, so a diff is by identity.

    Raises KeyError for a VM the batch does not have and ValueError for what must never happen.
    """
    if isinstance(event, events.EffectRecorded):
        return replace(state, effects={**state.effects, event.effect.id: event.effect})
    if isinstance(event, events.VmEvent):
        return _apply_to_vm(state, event)
    if isinstance(event, events.BatchEnded):
        done = replace(state.header, status=final_status(state.jobs), completed_at=event.at, gate=None)
        return replace(state, header=done)
    header = _HEADER_TRANSITIONS[type(event)](state.header, event)
    if isinstance(event, events.BatchStarted):
        jobs = {name: interrupted(job, "its runner stopped") for name, job in state.jobs.items()}
        return replace(state, header=header, jobs=jobs)
    return replace(state, header=header)


def _apply_to_vm(state: BatchState, event: events.VmEvent) -> BatchState:
    before = state.jobs[event.vm]
    after = apply_to_job(before, event)
    if after is before:
        return state
    state = replace(state, jobs={**state.jobs, event.vm: after})
    if isinstance(event, events.PlanEdited):
        return replace(state, planned={**state.planned, event.vm: event.planned})
    return state
