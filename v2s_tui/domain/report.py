"""What a batch did, for the record: facts drawn from its state, before any format.

The specification's sections (seed-system.md A8) and more: forecast against actual, bytes and rates,
approvals, retries, overridden findings, artifacts with digests, cost, what is left outside, and how to go on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from v2s_tui.domain.execution.batch import Approval, BatchState, BatchStatus, RunNote, WaveState
from v2s_tui.domain.execution.job import JobState
from v2s_tui.domain.execution.ledger import Effect, EffectKind, EffectState
from v2s_tui.domain.planning.simulation import Segment
from v2s_tui.domain.planning.stages import (
    LINUX_GUEST_STAGES,
    WINDOWS_GUEST_STAGES,
    JobStatus,
    Stage,
)
from v2s_tui.domain.report_lines import (
    PROVEN,
    UNPROVEN,
    DiskLine,
    GuestChanges,
    GuestLine,
    NoteLine,
    RetryLine,
    StageLine,
    VmLine,
)

TOLD_ELSEWHERE = frozenset({"boot", "rehearsal"})
"""Notes that have a place of their own in the report."""
RESULT_KINDS = frozenset(
    {
        EffectKind.INSTANCE,
        EffectKind.PRIVATE_NIC,
        EffectKind.ADDRESS,
        EffectKind.IP,
        EffectKind.VOLUME,
        EffectKind.IMAGE,
        EffectKind.SOURCE_TAG,
        EffectKind.SOURCE_POWER,
        EffectKind.BUCKET,
    }
)
"""What a complete migration leaves on purpose. Of anything else a trace is a leftover."""


@dataclass(frozen=True, slots=True)
class BatchReport:
    """The whole record. seconds: from the first start to the end (or to now). leftovers: open ledger entries
    that are no result. resume_command: "" when there is nothing to resume.
    """

    batch_id: str
    status: BatchStatus
    plan_path: str
    made_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    seconds: float
    vms: tuple[VmLine, ...]
    stages: tuple[StageLine, ...]
    waves: tuple[WaveState, ...]
    approvals: tuple[Approval, ...]
    runners: tuple[RunNote, ...]
    retries: tuple[RetryLine, ...]
    disks: tuple[DiskLine, ...]
    guests: tuple[GuestLine, ...]
    notes: tuple[NoteLine, ...]
    leftovers: tuple[Effect, ...]
    overridden: tuple[str, ...]
    forecast_seconds: float | None
    resume_command: str

    def with_status(self, *statuses: JobStatus) -> tuple[VmLine, ...]:
        """VMs of these statuses, in plan order."""
        return tuple(line for line in self.vms if line.status in statuses)

    @property
    def monthly_eur(self) -> float | None:
        """Sum over complete VMs; None when no price is known."""
        known = [
            line.monthly_eur for line in self.with_status(JobStatus.COMPLETE) if line.monthly_eur is not None
        ]
        return sum(known) if known else None

    @property
    def moved_bytes(self) -> int:
        """What all stages moved, downloads and uploads alike."""
        return sum(line.moved_bytes for line in self.vms)


def forecast_figures(total_seconds: float, segments: Iterable[Segment]) -> dict[str, float]:
    """What a batch keeps of its forecast, to compare with later: `total`, and the mean seconds by stage."""
    seconds: dict[str, list[float]] = {}
    for segment in segments:
        seconds.setdefault(segment.stage.value, []).append(segment.ended - segment.began)
    means = {stage: sum(each) / len(each) for stage, each in seconds.items()}
    return {"total": total_seconds, **means}


def report_of(
    state: BatchState,
    now: datetime,
    *,
    monthly_eur: Mapping[str, float] | None = None,
    guest_changes: Mapping[str, GuestChanges] | None = None,
) -> BatchReport:
    """The report of a batch in this state. monthly_eur: by VM name, where prices are known; guest_changes: by
    VM name, where a manifest was read.
    """
    header = state.header
    end = header.completed_at or now
    prices = monthly_eur or {}
    return BatchReport(
        batch_id=header.batch_id,
        status=header.status,
        plan_path=header.plan_path,
        made_at=now,
        started_at=header.started_at,
        completed_at=header.completed_at,
        seconds=(end - header.started_at).total_seconds() if header.started_at else 0.0,
        vms=tuple(_vm_line(job, now, prices.get(job.vm_name)) for job in state.jobs.values()),
        stages=_stage_lines(tuple(state.jobs.values()), header.forecast),
        waves=header.waves,
        approvals=header.approvals,
        runners=header.runners,
        retries=tuple(_retry_lines(state)),
        disks=tuple(_disk_lines(state)),
        guests=tuple(_guest_lines(state, guest_changes or {})),
        notes=tuple(_note_lines(state, guest_changes or {})),
        leftovers=leftover_effects(state),
        overridden=header.overridden,
        forecast_seconds=header.forecast.get("total"),
        resume_command=_resume_command(state),
    )


def leftover_effects(state: BatchState) -> tuple[Effect, ...]:
    """Open ledger entries that are no result of a complete VM, oldest first."""
    return tuple(
        effect
        for effect in state.effects.values()
        if effect.state is not EffectState.GONE and not _is_result(state, effect)
    )


def _is_result(state: BatchState, effect: Effect) -> bool:
    job = state.jobs.get(effect.vm_name)
    if effect.kind is EffectKind.PRIVATE_NETWORK:
        return any(each.status is JobStatus.COMPLETE for each in state.jobs.values())
    complete = job is not None and job.status is JobStatus.COMPLETE
    kept_snapshot = (
        effect.kind is EffectKind.BLOCK_SNAPSHOT and job is not None and bool(job.artifacts.image_id)
    )
    return complete and (effect.kind in RESULT_KINDS or kept_snapshot)


def _resume_command(state: BatchState) -> str:
    unfinished = any(job.status not in {JobStatus.COMPLETE, JobStatus.SKIPPED} for job in state.jobs.values())
    approve = " --approve" if state.header.gate else ""
    return f"v2s batch resume --batch-id {state.header.batch_id}{approve}" if unfinished else ""


def _vm_line(job: JobState, now: datetime, monthly_eur: float | None) -> VmLine:
    failure = job.failure if job.status is JobStatus.FAILED else None
    end = job.completed_at or now
    return VmLine(
        name=job.vm_name,
        wave=job.wave,
        status=job.status,
        target_type=job.target_type,
        zone=job.zone,
        os_family=job.os_family,
        seconds=(end - job.started_at).total_seconds() if job.started_at else 0.0,
        stage=job.error_stage,
        error=job.error,
        cause=failure.cause if failure else "",
        fix=failure.fix if failure else "",
        detail=failure.detail if failure else "",
        note=job.note or job.quarantine,
        image_id=job.artifacts.image_id,
        server_id=job.artifacts.server_id,
        public_ip=job.artifacts.public_ip,
        boot_level=job.artifacts.boot_level,
        boot=_boot(job),
        moved_bytes=sum(job.stage_bytes.values()),
        attempts=sum(job.attempts.values()),
        monthly_eur=monthly_eur,
    )


def _stage_lines(jobs: Sequence[JobState], forecast: Mapping[str, float]) -> tuple[StageLine, ...]:
    complete = [job for job in jobs if job.status is JobStatus.COMPLETE]
    return tuple(
        _stage_line(stage, done, forecast)
        for stage in Stage
        if (done := [job for job in complete if stage.value in job.stage_timings])
    )


def _stage_line(stage: Stage, jobs: Sequence[JobState], forecast: Mapping[str, float]) -> StageLine:
    seconds = [job.stage_timings[stage.value] for job in jobs]
    total = sum(seconds)
    moved = sum(job.stage_bytes.get(stage.value, 0) for job in jobs)
    return StageLine(
        stage=stage,
        count=len(jobs),
        mean_seconds=total / len(seconds),
        min_seconds=min(seconds),
        max_seconds=max(seconds),
        moved_bytes=moved,
        rate_bytes=moved / total if moved and total else 0.0,
        forecast_seconds=forecast.get(stage.value),
    )


def _retry_lines(state: BatchState) -> list[RetryLine]:
    lines = [
        RetryLine(job.vm_name, note.at, note.stage.value if note.stage else "", note.title, note.actor)
        for job in state.jobs.values()
        for note in job.retries
    ]
    return sorted(lines, key=lambda line: line.at)


def _disk_lines(state: BatchState) -> list[DiskLine]:
    return [
        DiskLine(
            vm=job.vm_name,
            index=disk.index,
            capacity_bytes=disk.capacity_bytes,
            file=disk.base.path if disk.base else "",
            file_bytes=disk.base.size_bytes if disk.base else 0,
            sha256=disk.base.sha256 if disk.base else "",
            tool=disk.base.tool if disk.base else "",
            object_key=f"{disk.bucket}/{disk.key}" if disk.key else "",
            object_bytes=disk.object_bytes,
            snapshot_id=disk.snapshot_id,
            volume_id=disk.volume_id,
            stream_sha1=disk.stream_sha1,
            object_etag=disk.object_etag,
            manifest=disk.manifest_path,
        )
        for job in state.jobs.values()
        for disk in job.artifacts.disks
    ]


def _boot(job: JobState) -> str:
    return PROVEN if job.artifacts.notes.get("boot") == PROVEN else UNPROVEN


def _guest_lines(state: BatchState, changes: Mapping[str, GuestChanges]) -> list[GuestLine]:
    return [
        GuestLine(
            vm=job.vm_name,
            boot=_boot(job),
            rehearsal=job.artifacts.notes.get("rehearsal", job.artifacts.boot_level),
            changes=changes.get(job.vm_name),
            manifest=job.artifacts.guest_manifest,
        )
        for job in state.jobs.values()
        if job.artifacts.guest_manifest or job.artifacts.boot_level
    ]


def _note_lines(state: BatchState, changes: Mapping[str, GuestChanges]) -> list[NoteLine]:
    """Warnings of guest stages stand with the guest where its manifest was read."""
    guest_stages = {stage.value for stage in LINUX_GUEST_STAGES | WINDOWS_GUEST_STAGES}
    return [
        NoteLine(job.vm_name, what, text)
        for job in state.jobs.values()
        for what, text in job.artifacts.notes.items()
        if what not in TOLD_ELSEWHERE and not (what in guest_stages and job.vm_name in changes)
    ]
