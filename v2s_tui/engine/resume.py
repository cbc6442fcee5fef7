"""Where each VM of an interrupted batch goes on: the record met with evidence. Changes nothing.

`batch resume` prints `restart_points` before anything runs; the runner asks again, VM by VM, when it starts
one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from v2s_tui.domain.execution.batch import BatchState
from v2s_tui.domain.execution.job import JobState, kept_stages
from v2s_tui.domain.execution.restart import RestartPoint, restart_point
from v2s_tui.domain.planning.stages import JobStatus, Stage
from v2s_tui.engine.stage_contract import EvidenceFunction, Ports, StageInput, StageSettings


def restart_point_of(
    job: JobState,
    stage_input: Callable[[], StageInput],
    evidence: Mapping[Stage, EvidenceFunction],
    ports: Ports,
) -> RestartPoint:
    """Where one VM goes on. Blocking; raises what the evidence functions raise (OutsideError).

    A completed stage without an evidence function counts by its record.
    """

    def missing(stage: Stage) -> tuple[str, ...]:
        look = evidence.get(stage)
        if look is None:
            return ()
        found = look(stage_input(), ports)
        return () if found.holds else found.missing or ("its result is gone",)

    return restart_point(job.stages, job.completed_stages, missing)


@dataclass(frozen=True, slots=True)
class VmRestart:
    """One line of what resume will do. reopened: the VM had failed and goes back to pending."""

    vm_name: str
    point: RestartPoint
    reopened: bool

    def describe(self) -> str:
        """`web-01: upload_s3 (export, convert verified)`."""
        return self.point.describe(self.vm_name)


def restart_points(
    state: BatchState,
    *,
    ports: Ports,
    evidence: Mapping[Stage, EvidenceFunction],
    settings: StageSettings,
    work_dir: Path,
) -> tuple[VmRestart, ...]:
    """Where every VM that is not through goes on, in plan order, failed ones included (resume retries them).

    Blocking. Raises OutsideError when the world cannot be asked.
    """
    return tuple(
        _restart_of(state, job, ports=ports, evidence=evidence, settings=settings, work_dir=work_dir)
        for job in state.jobs.values()
        if not job.status.terminal or job.status is JobStatus.FAILED
    )


def _restart_of(
    state: BatchState,
    job: JobState,
    *,
    ports: Ports,
    evidence: Mapping[Stage, EvidenceFunction],
    settings: StageSettings,
    work_dir: Path,
) -> VmRestart:
    stage_input = StageInput(
        batch_id=state.header.batch_id,
        planned=state.planned[job.vm_name],
        artifacts=job.artifacts,
        work_dir=work_dir / job.migration_id,
        settings=settings,
    )
    failed = job.status is JobStatus.FAILED
    reopened = replace(job, completed_stages=kept_stages(job, None)) if failed else job
    point = restart_point_of(reopened, lambda: stage_input, evidence, ports)
    return VmRestart(job.vm_name, point, failed)
