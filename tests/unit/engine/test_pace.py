"""The batch's ETA: by the pace of the work, not of the clock and not of the number of stages."""

from dataclasses import replace

import pytest
from fakes.plans import batch_of, plan_of, vm_named
from fakes.source import MADE_AT

from v2s_tui.domain.execution.batch import BatchState
from v2s_tui.domain.execution.job import JobState
from v2s_tui.domain.execution.snapshot import VmRow, picture_of
from v2s_tui.domain.execution.work_done import share_done
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.stages import JobStatus, Stage
from v2s_tui.engine.pace import Pace

FORECAST = {"total": 200.0, "import_scw": 90.0}


def _batch(count: int = 2) -> BatchState:
    vms = [vm_named(f"vm-{number}") for number in range(count)]
    return batch_of(plan_of([("all", vms, PausePolicy.CONTINUE)]))


def _with(state: BatchState, **changed: JobState) -> BatchState:
    names = {name.replace("_", "-"): job for name, job in changed.items()}
    return replace(state, jobs={**state.jobs, **names})


def _share(state: BatchState) -> float:
    return share_done(state, picture_of(state, MADE_AT).vms)


def test_a_long_stage_to_come_weighs_more_than_many_short_ones_that_are_over() -> None:
    state = _batch(1)
    state = replace(state, header=replace(state.header, forecast=FORECAST))
    job = state.jobs["vm-0"]
    before_import = job.stages[: job.stages.index(Stage.IMPORT_SCW)]
    assert 0 < _share(_with(state, vm_0=replace(job, completed_stages=before_import))) < 0.15


def test_what_was_measured_replaces_what_was_forecast() -> None:
    state = _batch(2)
    state = replace(state, header=replace(state.header, forecast=FORECAST))
    job = state.jobs["vm-0"]
    quick = replace(job, completed_stages=(Stage.IMPORT_SCW,), stage_timings={"import_scw": 1.0})
    assert _share(_with(state, vm_0=quick)) == pytest.approx(1 / (2 * len(job.stages)))


def test_a_stopped_vm_is_done_and_a_skipped_one_is_no_work() -> None:
    state = _batch(2)
    failed = replace(state.jobs["vm-0"], status=JobStatus.FAILED)
    assert _share(_with(state, vm_0=failed)) == pytest.approx(0.5)
    assert _share(_with(state, vm_0=replace(failed, status=JobStatus.SKIPPED))) == 0.0
    assert share_done(state, list[VmRow]()) == 0.0


def _eta(pace: Pace, share: float, now: float, *, moving: bool = True) -> float | None:
    return pace.remaining_seconds(share, now, moving=moving, forecast_seconds=1000)


def test_the_forecast_serves_until_there_is_a_pace() -> None:
    pace = Pace()
    assert _eta(pace, 0.0, 50) == 1000
    assert _eta(pace, 0.01, 60) == 990
    assert _eta(pace, 0.10, 70) == pytest.approx(180)
    assert Pace().remaining_seconds(0, 0, moving=True, forecast_seconds=None) is None


def test_hours_at_a_gate_and_before_a_resume_do_not_count() -> None:
    pace = Pace()
    _eta(pace, 0.5, 0)
    assert _eta(pace, 0.75, 100) == pytest.approx(100), "the first half was another runner's work"
    assert _eta(pace, 0.75, 10_000, moving=False) == pytest.approx(100)
    assert _eta(pace, 1.0, 10_100) == 0


def test_a_runner_that_finds_everything_done_is_through_at_once() -> None:
    assert _eta(Pace(), 1.0, 50) == 0
