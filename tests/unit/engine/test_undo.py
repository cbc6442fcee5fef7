"""Undo removes what a batch made, in dependency order, and nothing that was not named."""

from dataclasses import replace
from pathlib import Path

import pytest
from fakes.plans import batch_of, plan_of, vm_named
from fakes.rig import ALICE, Rig
from fakes.world import failing

from v2s_tui.domain.errors import TargetError, ToolError
from v2s_tui.domain.execution.batch import BatchStatus
from v2s_tui.domain.execution.ledger import EffectKind, EffectState
from v2s_tui.domain.execution.undoing import undo_steps
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.stages import JobStatus
from v2s_tui.domain.ports import CloudState
from v2s_tui.engine.recorder import Recorder
from v2s_tui.engine.stages.registry import EVIDENCE, STAGES
from v2s_tui.engine.undo import Undo, running_instances


def _rig(tmp_path: Path) -> Rig:
    vms = [vm_named("web-01", disks=2), vm_named("db-01")]
    return Rig(
        plan_of([("all", vms, PausePolicy.CONTINUE)]), tmp_path, stages=dict(STAGES), evidence=dict(EVIDENCE)
    )


def _undo(rig: Rig) -> Undo:
    return Undo(Recorder(rig.store), rig.ports, actor=ALICE, work_dir=rig.work_dir, sleep=lambda _: None)


def _everything(rig: Rig) -> list[object]:
    return [*rig.cloud.resources, *rig.source.snapshots, *rig.objects.objects, *rig.objects.uploads]


def test_steps_come_in_dependency_order_with_consequences(tmp_path: Path) -> None:
    rig = _rig(tmp_path)
    rig.run()
    steps = undo_steps(rig.state, ["web-01"])
    kinds = [step.effect.kind for step in steps]
    assert kinds == sorted(kinds, key=list(EffectKind).index)
    assert kinds[0] is EffectKind.INSTANCE
    assert kinds.count(EffectKind.VOLUME) == 2
    assert "deleted" in steps[0].describe()
    assert {step.effect.vm_name for step in steps} == {"web-01"}


def test_a_named_vm_is_undone_even_while_its_instance_runs(tmp_path: Path) -> None:
    rig = _rig(tmp_path)
    rig.run()
    assert set(running_instances(undo_steps(rig.state), rig.ports)) == {"web-01", "db-01"}
    results = _undo(rig).run(["web-01"], named=["web-01"])
    assert [result.problem for result in results] == [""] * len(results)
    assert [each.name for each in rig.cloud.of_kind("instance")] == ["db-01"]
    assert rig.state.jobs["web-01"].status is JobStatus.CANCELLED
    assert rig.state.jobs["web-01"].completed_stages == ()
    assert "undone by alice" in rig.state.jobs["web-01"].note


def test_an_undone_batch_is_not_called_complete_any_more(tmp_path: Path) -> None:
    rig = _rig(tmp_path)
    rig.run()
    assert rig.state.header.status is BatchStatus.COMPLETE
    _undo(rig).run(["web-01"], named=["web-01"])
    assert rig.state.header.status is BatchStatus.PARTIAL
    _undo(rig).run(["db-01"], named=["db-01"])
    assert rig.state.header.status is BatchStatus.FAILED


def test_a_running_instance_that_was_not_named_is_left_alone(tmp_path: Path) -> None:
    rig = _rig(tmp_path)
    rig.run()
    before = set(rig.cloud.resources)
    results = _undo(rig).run(None)
    assert {result.problem for result in results} == {"its Instance runs: name the VM to remove it"}
    assert set(rig.cloud.resources) == before
    assert rig.state.jobs["web-01"].status is JobStatus.COMPLETE


@pytest.mark.parametrize("die_at", range(10, 120, 10))
def test_after_a_crash_undo_leaves_nothing_outside(tmp_path: Path, die_at: int) -> None:
    rig = _rig(tmp_path)
    assert rig.run_until_death(die_at)
    names = list(rig.state.jobs)
    results = _undo(rig).run(names, named=names)
    assert [result.problem for result in results if result.problem] == []
    assert _everything(rig) == []
    assert all(effect.state is EffectState.GONE for effect in rig.state.effects.values())


def test_what_was_made_anew_by_a_run_that_died_before_it_said_so_goes_too(tmp_path: Path) -> None:
    """The record names an Instance that is gone; its successor carries the same tag."""
    rig = _rig(tmp_path)
    rig.run()
    (server,) = [each for each in rig.cloud.of_kind("instance") if each.name == "web-01"]
    del rig.cloud.resources["instance", server.id]
    rig.cloud.resources["instance", "successor"] = replace(server, id="successor", state=CloudState.STOPPED)
    results = _undo(rig).run(["web-01"], named=["web-01"])
    assert [result.problem for result in results if result.problem] == []
    assert [each.name for each in rig.cloud.of_kind("instance")] == ["db-01"]


def test_what_cannot_be_removed_stays_on_record_for_the_next_try(tmp_path: Path) -> None:
    rig = _rig(tmp_path)
    rig.run()
    rig.world.rules.append(failing("delete", TargetError("locked", status=412), about="volume"))
    first = _undo(rig).run(["db-01"], named=["db-01"])
    assert [result.problem for result in first if result.problem] == ["locked"]
    assert rig.state.jobs["db-01"].status is JobStatus.COMPLETE
    second = _undo(rig).run(["db-01"], named=["db-01"])
    assert [result.problem for result in second] == [""]
    assert [each.name for each in rig.cloud.of_kind("volume") if "db-01" in each.name] == []


def test_an_undone_vm_can_be_migrated_again(tmp_path: Path) -> None:
    rig = _rig(tmp_path)
    rig.world.rules.append(
        failing("check", ToolError("bad", command="", exit_code=1, stderr_tail=""), about="00000002")
    )
    rig.run()
    names = ["db-01"]
    _undo(rig).run(names, named=names)
    assert rig.leftovers() == []
    rig.store = type(rig.store)(batch_of(rig.plan))
    rig.run()
    assert {each.state for each in rig.cloud.of_kind("instance")} == {CloudState.RUNNING}
