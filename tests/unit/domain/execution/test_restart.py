"""Where a VM goes on: a function of the record and of evidence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2s_tui.domain.execution.restart import needs, restart_point
from v2s_tui.domain.planning.stages import Stage, stage_order, stages_for

STAGES = stages_for()


def _done_before(stage: Stage) -> tuple[Stage, ...]:
    return tuple(each for each in STAGES if stage_order(each) < stage_order(stage))


def _missing(*broken: Stage):
    return lambda stage: ("it is gone",) if stage in broken else ()


def test_nothing_done_starts_at_the_beginning() -> None:
    point = restart_point(STAGES, (), _missing())
    assert (point.stage, point.reason) == (STAGES[0], "first run")


def test_all_done_has_nowhere_to_go() -> None:
    assert restart_point(STAGES, STAGES, _missing(*STAGES)).stage is None


def test_held_evidence_goes_on_where_it_stopped() -> None:
    point = restart_point(STAGES, _done_before(Stage.UPLOAD_S3), _missing())
    assert point.stage is Stage.UPLOAD_S3
    assert point.describe("web-01").startswith("web-01: upload_s3 (export")
    assert point.dropped == ()


def test_a_lost_object_is_uploaded_again_and_not_exported() -> None:
    point = restart_point(STAGES, _done_before(Stage.IMPORT_SCW), _missing(Stage.UPLOAD_S3))
    assert point.stage is Stage.UPLOAD_S3
    assert point.reason == "upload_s3: it is gone"
    assert point.dropped == (Stage.UPLOAD_S3,)


def test_lost_files_go_back_to_the_snapshot_when_that_is_lost_too() -> None:
    broken = _missing(Stage.UPLOAD_S3, Stage.EXPORT, Stage.SNAPSHOT)
    point = restart_point(STAGES, _done_before(Stage.IMPORT_SCW), broken)
    assert point.stage is Stage.SNAPSHOT


@pytest.mark.parametrize("stage", [Stage.VERIFY, Stage.CLEANUP])
def test_what_is_no_longer_needed_may_be_gone(stage: Stage) -> None:
    broken = _missing(Stage.SNAPSHOT, Stage.EXPORT, Stage.CONVERT, Stage.UPLOAD_S3)
    assert restart_point(STAGES, _done_before(stage), broken).stage is stage


def test_a_cold_copy_is_stale_once_the_source_runs() -> None:
    stages = stages_for(cold=True)
    done = tuple(each for each in stages if stage_order(each) < stage_order(Stage.IMPORT_SCW))
    assert restart_point(stages, done, _missing(Stage.SHUTDOWN_SOURCE)).stage is Stage.SHUTDOWN_SOURCE
    after = tuple(each for each in stages if stage_order(each) < stage_order(Stage.VERIFY))
    assert restart_point(stages, after, _missing(Stage.SHUTDOWN_SOURCE)).stage is Stage.VERIFY


@given(
    completed=st.sets(st.sampled_from(STAGES)),
    broken=st.sets(st.sampled_from(STAGES)),
)
def test_a_restart_never_builds_on_what_is_gone(completed: set[Stage], broken: set[Stage]) -> None:
    point = restart_point(STAGES, tuple(completed), _missing(*broken))
    if point.stage is None:
        assert completed == set(STAGES)
        return
    kept = completed - set(point.dropped)
    assert point.stage not in kept
    for stage in needs(point.stage, STAGES):
        assert stage not in kept & broken
    assert all(stage_order(each) >= stage_order(point.stage) for each in point.dropped)


@given(completed=st.sets(st.sampled_from(STAGES)), broken=st.sets(st.sampled_from(STAGES)))
def test_evidence_is_asked_at_most_once_and_for_completed_stages_only(
    completed: set[Stage], broken: set[Stage]
) -> None:
    asked: list[Stage] = []

    def missing(stage: Stage) -> tuple[str, ...]:
        asked.append(stage)
        return ("gone",) if stage in broken else ()

    restart_point(STAGES, tuple(completed), missing)
    assert len(asked) == len(set(asked))
    assert set(asked) <= completed
