"""What resume says before it starts, and that evidence which no longer holds is found."""

from pathlib import Path

import pytest
from fakes.plans import plan_of, vm_named
from fakes.rig import ALICE, Rig
from fakes.world import failing

from v2s_tui.domain.errors import SourceUnreachable, ToolError
from v2s_tui.domain.execution.progress import StageProgress
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.stages import JobStatus, Stage
from v2s_tui.engine.outcome import exit_code
from v2s_tui.engine.rates import RateMeter
from v2s_tui.engine.resume import VmRestart, restart_points
from v2s_tui.engine.stages.registry import EVIDENCE, STAGES

BROKEN = ToolError("bad", command="", exit_code=1, stderr_tail="")


def _rig(tmp_path: Path) -> Rig:
    vms = [vm_named("web-01", disks=2), vm_named("db-01")]
    return Rig(
        plan_of([("all", vms, PausePolicy.CONTINUE)]), tmp_path, stages=dict(STAGES), evidence=dict(EVIDENCE)
    )


def _points(rig: Rig) -> dict[str, VmRestart]:
    found = restart_points(
        rig.state,
        ports=rig.ports,
        evidence=rig.evidence,  # type: ignore[arg-type]
        settings=rig.settings.stage,
        work_dir=rig.work_dir,
    )
    return {each.vm_name: each for each in found}


def _stop_at(rig: Rig, operation: str) -> None:
    """Let every VM fail at this call, for good."""
    rule = failing(operation, BROKEN, times=999)
    rig.world.rules.append(rule)
    rig.run()
    rig.world.rules.remove(rule)


def test_complete_vms_are_not_in_the_list(tmp_path: Path) -> None:
    rig = _rig(tmp_path)
    rig.run()
    assert _points(rig) == {}


def test_a_failed_vm_says_where_it_goes_on_and_why(tmp_path: Path) -> None:
    rig = _rig(tmp_path)
    _stop_at(rig, "import_snapshot")
    point = _points(rig)["web-01"]
    assert point.reopened
    assert point.describe() == "web-01: import_scw (upload_s3 verified)"


@pytest.mark.parametrize("lost", ["object", "object and files", "object, files and snapshot"])
def test_lost_evidence_is_found_and_only_what_is_needed_is_repeated(tmp_path: Path, lost: str) -> None:
    rig = _rig(tmp_path)
    _stop_at(rig, "import_snapshot")
    rig.objects.objects.clear()
    expected = Stage.UPLOAD_S3
    if "files" in lost:
        for path in tmp_path.rglob("*.qcow2"):
            path.unlink()
        expected = Stage.EXPORT
    if "snapshot" in lost:
        rig.source.snapshots.clear()
        expected = Stage.SNAPSHOT
    assert _points(rig)["web-01"].point.stage is expected
    rig.events.clear()
    assert exit_code(rig.run(retry_failed=True)) == 0
    started = [each for each in rig.events if each.kind == "vm_started" and each.vm == "web-01"]  # type: ignore[attr-defined]
    assert [each.stage for each in started] == [expected]  # type: ignore[attr-defined]
    assert rig.duplicates() == {}
    assert rig.leftovers() == []


def test_a_changed_file_is_not_trusted(tmp_path: Path) -> None:
    rig = _rig(tmp_path)
    _stop_at(rig, "begin_upload")
    for path in tmp_path.rglob("device-2000.base.qcow2"):
        path.write_bytes(path.read_bytes() + b"more")
    assert _points(rig)["web-01"].point.stage is Stage.EXPORT


def test_asking_changes_nothing(tmp_path: Path) -> None:
    rig = _rig(tmp_path)
    _stop_at(rig, "import_snapshot")
    before, commits = rig.state, rig.store.commits
    _points(rig)
    assert (rig.state, rig.store.commits) == (before, commits)


def test_looking_at_evidence_is_tried_again_when_the_world_does_not_answer(tmp_path: Path) -> None:
    rig = _rig(tmp_path)
    _stop_at(rig, "begin_upload")
    rig.store.die_at = None
    rig.world.rules.append(failing("find_snapshot", SourceUnreachable("no route"), times=2))
    for path in tmp_path.rglob("*.qcow2"):
        path.unlink()
    assert exit_code(rig.run(retry_failed=True)) == 0


def test_the_plan_limits_and_waves_are_those_it_started_with(tmp_path: Path) -> None:
    rig = _rig(tmp_path)
    assert rig.run_until_death(40)
    runner = rig.runner()
    assert runner.state.header.limits == rig.plan.limits
    assert runner.state.plan.waves == rig.plan.waves
    assert {name: each.target_type for name, each in runner.state.planned.items()} == {
        each.name: each.target_type for each in rig.plan.vms
    }


def test_completed_vms_never_run_again_across_restarts(tmp_path: Path) -> None:
    rig = _rig(tmp_path)
    rig.world.rules.append(failing("begin_upload", BROKEN, times=1, about="00000002"))
    rig.run()
    assert rig.state.jobs["web-01"].status is JobStatus.COMPLETE
    rig.events.clear()
    rig.run(retry_failed=True, actor=ALICE)
    touched = {each.vm for each in rig.events if hasattr(each, "vm")}
    assert touched == {"db-01"}


def test_rates_and_stalls_come_from_the_numbers() -> None:
    meter, progress = RateMeter(), StageProgress(total_bytes=1000)
    for second in range(30):
        progress.done_bytes, progress.moved_bytes = second * 10, second * 3
        meter.sample(progress, float(second))
    assert meter.rate_bytes == pytest.approx(3, rel=0.05), "what crosses the wire"
    assert meter.eta_seconds(progress) == pytest.approx(71, rel=0.06), "holes of a disk pass by too"
    assert meter.stalled_seconds == 0
    for second in range(30, 60):
        meter.sample(progress, float(second))
    assert meter.stalled_seconds == 30
    progress.waits_for = "the import"
    meter.sample(progress, 60.0)
    assert meter.stalled_seconds == 0


def test_a_stage_that_moves_no_bytes_does_not_stall() -> None:
    meter, progress = RateMeter(), StageProgress(activity="starting the appliance")
    for second in range(60):
        meter.sample(progress, float(second))
    assert meter.stalled_seconds == 0


def test_a_stage_that_begins_anew_has_no_negative_rate() -> None:
    meter, progress = RateMeter(), StageProgress(done_bytes=500)
    meter.sample(progress, 0.0)
    progress.done_bytes = 0
    meter.sample(progress, 1.0)
    assert meter.rate_bytes >= 0
    assert meter.eta_seconds(progress) is None
