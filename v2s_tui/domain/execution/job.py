"""One VM's migration as a state: an event in, a new state out. Nothing here does anything.

A job that was caught mid-stage when its runner died reads as it was written (`exporting`); a BatchStarted
event turns it back to pending with its completed stages kept, so nothing is skipped silently.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from v2s_tui.domain.execution import events
from v2s_tui.domain.execution.artifacts import Artifacts
from v2s_tui.domain.execution.events import Event
from v2s_tui.domain.execution.failures import Failure
from v2s_tui.domain.execution.restart import needs
from v2s_tui.domain.planning.plan_options import Consistency
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.planning.stages import STATUS_OF_STAGE, JobStatus, Stage, stage_order, stages_for


@dataclass(frozen=True, slots=True)
class RetryNote:
    """A transient failure that was tried again, or an operator's retry (`actor` says who)."""

    at: datetime
    stage: Stage | None
    title: str
    actor: str = ""


@dataclass(frozen=True, slots=True)
class JobState:
    """Where one VM stands.

    stage: the running one, or where it stopped. stages: those of its plan entry, in order. stage_timings:
    seconds of the successful attempt; stage_bytes: bytes over the wire; attempts: runs of each stage so
    far. quarantine: why it may not start ("" free). note: why it restarted, was skipped or interrupted.
    runs: how often it was started.
    """

    vm_name: str
    migration_id: str
    wave: str
    target_type: str
    zone: str
    os_family: str
    esxi_host: str
    firmware: str
    stages: tuple[Stage, ...]
    artifacts: Artifacts
    status: JobStatus = JobStatus.PENDING
    stage: Stage | None = None
    completed_stages: tuple[Stage, ...] = ()
    stage_timings: dict[str, float] = field(default_factory=dict)
    stage_bytes: dict[str, int] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    retries: tuple[RetryNote, ...] = ()
    failure: Failure | None = None
    error: str = ""
    error_stage: str = ""
    started_at: datetime | None = None
    stage_started_at: datetime | None = None
    completed_at: datetime | None = None
    runs: int = 0
    quarantine: str = ""
    note: str = ""

    @property
    def active(self) -> bool:
        """True from its start in the wave until a terminal status (or an interruption)."""
        return self.status is not JobStatus.PENDING and not self.status.terminal

    @property
    def next_stage(self) -> Stage | None:
        """First stage that is not complete; None when all are."""
        return next((stage for stage in self.stages if stage not in self.completed_stages), None)


def new_job(planned: PlannedVm, migration_id: str) -> JobState:
    """The state of a VM before anything happened."""
    return JobState(
        vm_name=planned.name,
        migration_id=migration_id,
        wave=planned.wave,
        target_type=planned.target_type,
        zone=planned.zone,
        os_family=planned.vm.os_family.value,
        esxi_host=planned.vm.host,
        firmware=planned.vm.firmware.value,
        stages=stages_of(planned),
        artifacts=Artifacts(migration_id=migration_id),
    )


def stages_of(planned: PlannedVm) -> tuple[Stage, ...]:
    """The stages of a plan entry, in order."""
    return stages_for(
        skip_validation=planned.skip_validation,
        create_instance=planned.create_instance,
        cold=planned.consistency is Consistency.COLD,
        adapt=planned.adapt,
        windows=planned.windows,
        rehearse=planned.rehearses,
    )


def interrupted(job: JobState, reason: str) -> JobState:
    """The job as it waits for another runner: completed stages and artifacts kept."""
    return replace(job, status=JobStatus.PENDING, stage_started_at=None, note=reason) if job.active else job


def _started(job: JobState, event: events.VmStarted) -> JobState:
    return replace(
        job,
        status=STATUS_OF_STAGE[event.stage],
        stage=event.stage,
        completed_stages=tuple(each for each in job.completed_stages if each not in event.dropped),
        started_at=job.started_at or event.at,
        completed_at=None,
        failure=None,
        error="",
        error_stage="",
        runs=job.runs + 1,
        note=event.reason,
    )


def _stage_started(job: JobState, event: events.StageStarted) -> JobState:
    runs = job.attempts.get(event.stage.value, 0) + 1
    return replace(
        job,
        status=STATUS_OF_STAGE[event.stage],
        stage=event.stage,
        stage_started_at=event.at,
        attempts={**job.attempts, event.stage.value: runs},
    )


def _checkpoint(job: JobState, event: events.StageCheckpoint) -> JobState:
    return replace(job, artifacts=event.artifacts)


def _stage_ended(job: JobState, event: events.StageEnded) -> JobState:
    name = event.stage.value
    done = [each for each in job.completed_stages if each is not event.stage]
    return replace(
        job,
        artifacts=event.artifacts,
        completed_stages=tuple(sorted([*done, event.stage], key=stage_order)),
        stage_timings={**job.stage_timings, name: round(event.seconds, 3)},
        stage_bytes={**job.stage_bytes, name: event.moved_bytes} if event.moved_bytes else job.stage_bytes,
        stage_started_at=None,
    )


def _retrying(job: JobState, event: events.StageRetrying) -> JobState:
    note = RetryNote(event.at, event.stage, event.failure.title)
    return replace(job, retries=(*job.retries, note), stage_started_at=None)


def _failed(job: JobState, event: events.VmFailed) -> JobState:
    return replace(
        job,
        status=JobStatus.FAILED,
        stage=event.stage,
        failure=event.failure,
        error=event.failure.title,
        error_stage=event.stage.value if event.stage else "",
        completed_at=event.at,
        stage_started_at=None,
    )


def _completed(job: JobState, event: events.VmCompleted) -> JobState:
    return replace(
        job, status=JobStatus.COMPLETE, stage=None, completed_at=event.at, stage_started_at=None, note=""
    )


def _interrupted(job: JobState, event: events.VmInterrupted) -> JobState:
    return interrupted(job, f"interrupted: {event.reason}")


def _cancelled(job: JobState, event: events.VmCancelled) -> JobState:
    note = f"cancelled by {event.actor.who} ({event.actor.origin}){_problem(event)}"
    return replace(
        job,
        status=JobStatus.CANCELLED,
        completed_at=event.at,
        stage_started_at=None,
        note=note,
        quarantine="",
    )


def _problem(event: events.VmCancelled | events.VmSkipped) -> str:
    return f". {event.problem}" if event.problem else ""


def _skipped(job: JobState, event: events.VmSkipped) -> JobState:
    why = f": {event.reason}" if event.reason else ""
    note = f"skipped by {event.actor.who} ({event.actor.origin}){why}{_problem(event)}"
    return replace(
        job, status=JobStatus.SKIPPED, completed_at=event.at, stage_started_at=None, note=note, quarantine=""
    )


def kept_stages(job: JobState, from_stage: Stage | None) -> tuple[Stage, ...]:
    """Completed stages that a retry keeps: those before from_stage, else before the one its failure names."""
    first = from_stage or _blamed(job)
    if first is None:
        return job.completed_stages
    return tuple(each for each in job.completed_stages if stage_order(each) < stage_order(first))


def _blamed(job: JobState) -> Stage | None:
    """The earlier stage (or the failed one itself) whose result the failure calls into question; None none.

    Only what the failed stage reads can be at fault: a cleanup that cannot remove a snapshot or an object
    must not send a VM that runs at Scaleway back to its snapshot or upload.
    """
    first = job.failure.retry_from if job.failure else None
    if first is None or job.stage is None:
        return None
    return first if first in {job.stage, *needs(job.stage, job.stages)} else None


def _retried(job: JobState, event: events.VmRetried) -> JobState:
    who = f"{event.actor.who} ({event.actor.origin})"
    kept = kept_stages(job, event.from_stage)
    return replace(
        job,
        status=JobStatus.PENDING,
        completed_stages=kept,
        artifacts=job.artifacts.unread() if _reads_anew(job, event, kept) else job.artifacts,
        completed_at=None,
        quarantine="",
        retries=(*job.retries, RetryNote(event.at, job.stage, job.error or job.note, who)),
        note=f"retried by {who}",
    )


def _reads_anew(job: JobState, event: events.VmRetried, kept: tuple[Stage, ...]) -> bool:
    """True when the retry is meant to read the source again: the operator said so, or a finished export is
    called into question. What an export that failed halfway has read is good.
    """
    asked = event.from_stage is not None and stage_order(event.from_stage) <= stage_order(Stage.EXPORT)
    return asked or (Stage.EXPORT in job.completed_stages and Stage.EXPORT not in kept)


def _quarantined(job: JobState, event: events.VmQuarantined) -> JobState:
    return replace(job, quarantine=event.reason)


def _undone(job: JobState, event: events.VmUndone) -> JobState:
    return replace(
        job,
        status=JobStatus.CANCELLED,
        stage=None,
        completed_stages=(),
        stage_timings={},
        stage_bytes={},
        artifacts=Artifacts(migration_id=job.migration_id),
        failure=None,
        error="",
        error_stage="",
        completed_at=event.at,
        note=f"undone by {event.actor.who} ({event.actor.origin})",
    )


def _edited(job: JobState, event: events.PlanEdited) -> JobState:
    planned = event.planned
    return replace(job, target_type=planned.target_type, zone=planned.zone, stages=stages_of(planned))


_TRANSITIONS: Mapping[type[Event], Callable[[JobState, Any], JobState]] = {
    events.VmStarted: _started,
    events.StageStarted: _stage_started,
    events.StageCheckpoint: _checkpoint,
    events.StageEnded: _stage_ended,
    events.StageRetrying: _retrying,
    events.VmFailed: _failed,
    events.VmCompleted: _completed,
    events.VmInterrupted: _interrupted,
    events.VmCancelled: _cancelled,
    events.VmSkipped: _skipped,
    events.VmRetried: _retried,
    events.VmQuarantined: _quarantined,
    events.PlanEdited: _edited,
    events.VmUndone: _undone,
}


def apply_to_job(job: JobState, event: Event) -> JobState:
    """The job after the event; the same object when the event does not concern its state.

    Raises ValueError for what must never happen: anything but undo happening to a completed VM.
    """
    transition = _TRANSITIONS.get(type(event))
    if transition is None:
        return job
    if job.status is JobStatus.COMPLETE and not isinstance(event, events.VmUndone):
        raise ValueError(f"{job.vm_name} is complete and never runs again, yet {event.kind} happened to it")
    return transition(job, event)
