"""A batch as a state: header, waves, jobs, ledger and plan, and the rules that are read from it. Pure.

It changes by events only (batch_transitions.py).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from v2s_tui.domain.execution.events import Decision
from v2s_tui.domain.execution.job import JobState, new_job
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
    """One wave. approved: an operator let the batch pass its gate. late: one let its VMs start after the
    wave's window had closed. note: why it has no gate, or "".
    """

    name: str
    policy: PausePolicy
    vm_names: tuple[str, ...]
    status: WaveStatus = WaveStatus.PENDING
    started_at: datetime | None = None
    ended_at: datetime | None = None
    approved: bool = False
    late: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class GateState:
    """A closed gate: waiting for an operator since. held_by: who chose to hold ("" nobody yet). window: VMs
    of the wave are left because its window has closed; approving starts them, it does not pass the wave.
    """

    wave: str
    index: int
    reason: str
    since: datetime
    held_by: str = ""
    window: bool = False


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
