"""When disks are read from the source again, and when a VM must not go back that far."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.plans import plan_of, vm_named
from fakes.rig import ALICE, Rig
from fakes.world import failing

from v2s_tui.domain.errors import LeaseFailed, SourceError, StorageUnavailable, ToolError
from v2s_tui.domain.execution import events
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.engine.stages.registry import EVIDENCE, GIVING_UP, STAGES

DAMAGED = ToolError("qemu-img check", command="", exit_code=2, stderr_tail="the image is corrupt")
ODD = ToolError("bad", command="", exit_code=1, stderr_tail="")
MAKING = ("create_snapshot", "receive", "upload_file", "import_snapshot", "create_volume", "create_instance")


def rig_of(tmp_path: Path, **planned: Any) -> Rig:
    """One VM with two disks, through the real stages."""
    plan = plan_of([("all", [vm_named("web-01", disks=2)], PausePolicy.CONTINUE)])
    plan = replace(plan, vms=tuple(replace(each, **planned) for each in plan.vms))
    return Rig(plan, tmp_path, stages=dict(STAGES), evidence=dict(EVIDENCE), giving_up=GIVING_UP)


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        ("remove_snapshot", SourceError("the snapshot is in use")),
        ("delete_object", StorageUnavailable("Object Storage answers 503")),
    ],
)
def test_a_cleanup_that_fails_sends_nothing_back_to_its_copy(
    tmp_path: Path, operation: str, error: Exception
) -> None:
    rig = rig_of(tmp_path)
    rig.world.rules.append(failing(operation, error, times=99))
    assert rig.run().failed == 1
    before = rig.world.calls.copy()
    rig.world.rules.clear()
    assert rig.run(retry_failed=True).complete == 1
    again = rig.world.calls - before
    assert [each for each in MAKING if again[each]] == []
    assert rig.leftovers() == []


def retry(rig: Rig, from_stage: Stage | None) -> None:
    """As an operator asks for it."""
    rig.runner().recorder.record(
        events.VmRetried(at=rig.clock.now(), vm="web-01", actor=ALICE, from_stage=from_stage)
    )


def reads(rig: Rig) -> tuple[int, int]:
    """Snapshots taken and disks received so far."""
    return rig.world.calls["create_snapshot"], rig.world.calls["receive"]


def test_a_retry_from_the_snapshot_takes_a_new_one_and_reads_every_disk_from_it(tmp_path: Path) -> None:
    rig = rig_of(tmp_path)
    rig.world.rules.append(failing("check", ODD))
    assert rig.run().failed == 1
    assert reads(rig) == (1, 2)
    retry(rig, Stage.SNAPSHOT)
    assert rig.run().complete == 1
    assert reads(rig) == (2, 4), "what was mended at the source is in the copy"
    assert rig.leftovers() == []


def test_a_retry_from_the_export_reads_every_disk_again(tmp_path: Path) -> None:
    rig = rig_of(tmp_path)
    rig.world.rules.append(failing("check", ODD))
    rig.run()
    retry(rig, Stage.EXPORT)
    assert rig.run().complete == 1
    assert reads(rig) == (1, 4)


def test_a_damaged_image_is_read_again(tmp_path: Path) -> None:
    rig = rig_of(tmp_path)
    rig.world.rules.append(failing("check", DAMAGED))
    rig.run()
    assert rig.run(retry_failed=True).complete == 1
    assert reads(rig) == (1, 4)


def test_what_was_read_before_a_stream_broke_is_kept(tmp_path: Path) -> None:
    rig = rig_of(tmp_path)
    rig.world.rules.append(failing("receive", LeaseFailed("the stream was cut"), times=99, about="2001"))
    rig.run()
    received = rig.world.calls["receive"]
    rig.world.rules.clear()
    assert rig.run(retry_failed=True).complete == 1
    assert rig.world.calls["receive"] == received + 1


def test_disks_of_two_snapshots_are_never_mixed(tmp_path: Path) -> None:
    rig = rig_of(tmp_path)
    rig.world.rules.append(failing("receive", LeaseFailed("the stream was cut"), times=99, about="2001"))
    rig.run()
    received = rig.world.calls["receive"]
    rig.world.rules.clear()
    rig.source.snapshots.clear()  # by hand, or by a backup tool
    assert rig.run(retry_failed=True).complete == 1
    assert reads(rig) == (2, received + 2)


@pytest.mark.parametrize("commits", range(1, 12))
def test_killed_while_it_takes_the_new_snapshot_it_leaves_one_and_reads_from_that(
    tmp_path: Path, commits: int
) -> None:
    rig = rig_of(tmp_path)
    rig.world.rules.append(failing("check", ODD))
    rig.run()
    retry(rig, Stage.SNAPSHOT)
    rig.run_until_death(commits)
    assert rig.run().complete == 1
    assert reads(rig)[0] >= 2
    assert reads(rig)[1] >= 4
    assert rig.leftovers() == []


def test_a_base_that_was_changed_is_read_again(tmp_path: Path) -> None:
    rig = rig_of(tmp_path)
    rig.world.rules.append(failing("check", ODD))
    rig.run()
    base = rig.state.jobs["web-01"].artifacts.disks[0].base
    assert base is not None
    content = bytearray(Path(base.path).read_bytes())
    content[-2] ^= 1
    Path(base.path).write_bytes(content)
    assert rig.run(retry_failed=True).complete == 1
    assert reads(rig) == (1, 3), "the other disk is as it was"
