"""The immutable picture of a batch that screens, `batch status` and the socket render; nothing else is
needed.

A live runner makes one ten times a second (engine/sampler.py); without one, the state alone gives a picture
in which nothing moves (`picture_of`).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from v2s_tui.domain.execution.batch import BatchState, BatchStatus, GateState, WaveState, WaveStatus
from v2s_tui.domain.execution.job import JobState
from v2s_tui.domain.planning.limits import Limit
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.source_power import TouchedPower, touched_power
from v2s_tui.domain.planning.stages import JobStatus, Stage


@dataclass(frozen=True, slots=True)
class BlockedBy:
    """Why a VM waits. limit: `disk_io`, `per_esxi_host:esxi-01`, `work_space`, `paused`... holders: VM
    names.
    """

    limit: str
    holders: tuple[str, ...] = ()
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class VmRow:
    """One VM. rate_bytes: per second (0 unknown). eta_seconds: of this stage, None unknown. stalled_seconds:
    since the stage last reported progress (0 it moves). waits_for: what a stage polls, "" none. seconds:
    since the VM started, waiting included. failure_title, failure_fix: "" unless failed. quarantine: why it
    may not start. stage_seconds: of completed stages.
    """

    name: str
    wave: str
    status: JobStatus
    stage: Stage | None
    target_type: str = ""
    zone: str = ""
    os_family: str = ""
    esxi_host: str = ""
    done_bytes: int = 0
    total_bytes: int = 0
    rate_bytes: float = 0.0
    eta_seconds: float | None = None
    stalled_seconds: float = 0.0
    activity: str = ""
    waits_for: str = ""
    blocked_by: BlockedBy | None = None
    attempt: int = 0
    seconds: float = 0.0
    stages: tuple[Stage, ...] = ()
    completed: tuple[Stage, ...] = ()
    stage_seconds: dict[str, float] = field(default_factory=dict)
    failure_title: str = ""
    failure_cause: str = ""
    failure_fix: str = ""
    failure_detail: str = ""
    quarantine: str = ""
    note: str = ""
    server_id: str = ""
    image_id: str = ""
    migration_id: str = ""

    @property
    def fraction(self) -> float:
        """Of the whole pipeline, 0.0 to 1.0: completed stages plus the running one's share."""
        if not self.stages:
            return 0.0
        part = self.done_bytes / self.total_bytes if self.total_bytes else 0.0
        return min(1.0, (len(self.completed) + min(1.0, part)) / len(self.stages))


@dataclass(frozen=True, slots=True)
class WaveRow:
    """One wave with its counts. note: why it has no gate."""

    name: str
    policy: PausePolicy
    status: WaveStatus
    total: int
    complete: int
    failed: int
    active: int
    pending: int
    skipped: int = 0
    approved: bool = False
    started_at: datetime | None = None
    ended_at: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One limit. name: `disk_io` or `per_esxi_host:esxi-01`. holders: VM names; waiting: how many want it."""

    name: str
    limit: Limit
    capacity: int
    in_use: int
    holders: tuple[str, ...] = ()
    waiting: int = 0
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Counters:
    """Sums over the batch."""

    total: int = 0
    pending: int = 0
    active: int = 0
    complete: int = 0
    failed: int = 0
    skipped: int = 0
    cancelled: int = 0
    quarantined: int = 0
    rate_bytes: float = 0.0
    moved_bytes: int = 0


@dataclass(frozen=True, slots=True)
class BatchSnapshot:
    """The whole picture. live: False when no runner works on the batch. write_token: who may command (""
    free).

    lag_seconds: how late the runner's event loop is. forecast_seconds: for the whole batch, as estimated
    before it began, gates left out; None when nothing was. power_ahead: what approving the closed gate
    does to the power of sources; None when nothing is behind it.
    """

    batch_id: str
    status: BatchStatus
    at: datetime
    plan_path: str
    current_wave: int
    waves: tuple[WaveRow, ...]
    vms: tuple[VmRow, ...]
    limits: tuple[LimitRow, ...] = ()
    gate: GateState | None = None
    paused: bool = False
    counters: Counters = Counters()
    started_at: datetime | None = None
    completed_at: datetime | None = None
    live: bool = False
    runner_pid: int = 0
    write_token: str = ""
    work_free_bytes: int | None = None
    work_reserved_bytes: int = 0
    eta_seconds: float | None = None
    lag_seconds: float = 0.0
    message: str = ""
    forecast_seconds: float | None = None
    power_ahead: TouchedPower | None = None


def row_of(job: JobState, now: datetime) -> VmRow:
    """A VM's row from the record alone."""
    end = job.completed_at or now
    failure = job.failure if job.status is JobStatus.FAILED else None
    return VmRow(
        name=job.vm_name,
        wave=job.wave,
        status=job.status,
        stage=job.stage,
        target_type=job.target_type,
        zone=job.zone,
        os_family=job.os_family,
        esxi_host=job.esxi_host,
        attempt=job.attempts.get(job.stage.value, 0) if job.stage else 0,
        seconds=(end - job.started_at).total_seconds() if job.started_at else 0.0,
        stages=job.stages,
        completed=job.completed_stages,
        stage_seconds=job.stage_timings,
        failure_title=failure.title if failure else "",
        failure_cause=failure.cause if failure else "",
        failure_fix=failure.fix if failure else "",
        failure_detail=failure.detail if failure else "",
        quarantine=job.quarantine,
        note=job.note,
        server_id=job.artifacts.server_id,
        image_id=job.artifacts.image_id,
        migration_id=job.migration_id,
    )


def wave_row(wave: WaveState, jobs: Mapping[str, JobState]) -> WaveRow:
    """A wave's row with counts by status."""
    statuses = Counter(jobs[name].status for name in wave.vm_names)
    stopped = {
        JobStatus.COMPLETE,
        JobStatus.FAILED,
        JobStatus.SKIPPED,
        JobStatus.CANCELLED,
        JobStatus.PENDING,
    }
    return WaveRow(
        name=wave.name,
        policy=wave.policy,
        status=wave.status,
        total=len(wave.vm_names),
        complete=statuses[JobStatus.COMPLETE],
        failed=statuses[JobStatus.FAILED] + statuses[JobStatus.CANCELLED],
        active=sum(count for status, count in statuses.items() if status not in stopped),
        pending=statuses[JobStatus.PENDING],
        skipped=statuses[JobStatus.SKIPPED],
        approved=wave.approved,
        started_at=wave.started_at,
        ended_at=wave.ended_at,
        note=wave.note,
    )


def counters_of(state: BatchState, rate_bytes: float = 0.0) -> Counters:
    """Sums over all jobs."""
    statuses = Counter(job.status for job in state.jobs.values())
    named = {
        "pending": JobStatus.PENDING,
        "complete": JobStatus.COMPLETE,
        "failed": JobStatus.FAILED,
        "skipped": JobStatus.SKIPPED,
        "cancelled": JobStatus.CANCELLED,
    }
    counts = {name: statuses[status] for name, status in named.items()}
    return Counters(
        total=len(state.jobs),
        active=len(state.jobs) - sum(counts.values()),
        quarantined=sum(
            bool(job.quarantine) and job.status is JobStatus.PENDING for job in state.jobs.values()
        ),
        rate_bytes=rate_bytes,
        moved_bytes=sum(sum(job.stage_bytes.values()) for job in state.jobs.values()),
        **counts,
    )


def power_ahead(state: BatchState) -> TouchedPower | None:
    """Sources of the wave that approving the closed gate starts (or goes on with) whose power it touches;
    those that are through are not.
    """
    gate, waves = state.header.gate, state.header.waves
    if gate is None or gate.index + (not gate.window) >= len(waves):
        return None
    wave = waves[gate.index + (not gate.window)]
    through = {JobStatus.COMPLETE, JobStatus.SKIPPED}
    if gate.window:
        through |= {JobStatus.FAILED, JobStatus.CANCELLED}
    vms = (state.planned[name] for name in wave.vm_names if state.jobs[name].status not in through)
    return touched_power(wave.name, vms, state.plan.post_migration)


def picture_of(state: BatchState, now: datetime, *, message: str = "") -> BatchSnapshot:
    """The picture of a batch that nobody runs: from its record alone."""
    header = state.header
    return BatchSnapshot(
        batch_id=header.batch_id,
        status=header.status,
        at=now,
        plan_path=header.plan_path,
        current_wave=header.current_wave,
        waves=tuple(wave_row(wave, state.jobs) for wave in header.waves),
        vms=tuple(row_of(job, now) for job in state.jobs.values()),
        limits=tuple(LimitRow(each.value, each, header.limits.of(each), 0) for each in Limit),
        gate=header.gate,
        paused=header.paused,
        counters=counters_of(state),
        started_at=header.started_at,
        completed_at=header.completed_at,
        message=message,
        forecast_seconds=header.forecast.get("total"),
        power_ahead=power_ahead(state) if state.jobs else None,
    )


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter({"snapshot": BatchSnapshot, "row": VmRow}[name])


def snapshot_to_json(snapshot: BatchSnapshot) -> dict[str, Any]:
    """Plain JSON data."""
    data: dict[str, Any] = _adapter("snapshot").dump_python(snapshot, mode="json")
    return data


def snapshot_from_json(data: Mapping[str, Any]) -> BatchSnapshot:
    """The snapshot again."""
    snapshot: BatchSnapshot = _adapter("snapshot").validate_python(data)
    return snapshot


def row_to_json(row: VmRow) -> dict[str, Any]:
    """One row as plain JSON data."""
    data: dict[str, Any] = _adapter("row").dump_python(row, mode="json")
    return data


def row_from_json(data: Mapping[str, Any]) -> VmRow:
    """One row again."""
    row: VmRow = _adapter("row").validate_python(data)
    return row
