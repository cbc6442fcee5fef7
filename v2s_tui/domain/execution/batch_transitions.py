"""How a batch changes: an event in, a new state out. Pure, no I/O.

`apply` is the only way. What it returns is what the journal keeps, what screens show and what resume begins
with.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from v2s_tui.domain.execution import events
from v2s_tui.domain.execution.batch import (
    Approval,
    BatchHeader,
    BatchState,
    BatchStatus,
    GateState,
    RunNote,
    WaveState,
    WaveStatus,
    final_status,
)
from v2s_tui.domain.execution.events import Decision, Event
from v2s_tui.domain.execution.job import apply_to_job, interrupted


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
        gate=GateState(event.wave, event.index, event.reason, event.at, window=event.window),
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
    passed = {"late": True} if header.gate and header.gate.window else {"approved": True}
    waves = _wave_changed(header, event.index, status=WaveStatus.RUNNING, **passed)
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
    if isinstance(event, events.VmUndone) and state.header.completed_at is not None:
        return replace(state, header=replace(state.header, status=final_status(state.jobs)))
    return state
