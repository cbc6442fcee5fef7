"""A plan whose VMs another batch has met: who is under way is refused, who was migrated is named."""

from dataclasses import replace
from pathlib import Path

import pytest
from fakes.plans import BATCH_ID, batch_of, plan_of, vm_named
from fakes.rig import Rig
from fakes.rig_services import services_over

from v2s_tui.adapters.store.batch_state import BatchStateFile
from v2s_tui.domain.errors import StateError
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.resolved import ResolvedPlan
from v2s_tui.engine.settings import GateMode
from v2s_tui.usecases.earlier_batches import migrated_before, migrated_elsewhere, refuse_double_work

A, B, C = vm_named("a"), vm_named("b"), vm_named("c")


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """A batch of two waves that has ended at the gate between them, its state in the work folder."""
    rig = Rig(plan_of([("first", [A], PausePolicy.PAUSE), ("second", [B], PausePolicy.PAUSE)]), tmp_path)
    rig.store = BatchStateFile.create(tmp_path, batch_of(rig.plan))  # type: ignore[assignment]
    rig.run(gate_mode=GateMode.STOP)
    return rig


def next_plan() -> ResolvedPlan:
    """The same VMs again, one of them renamed since, and a new one."""
    return plan_of([("all", [replace(A, name="a-renamed"), B, C], PausePolicy.CONTINUE)])


def test_who_was_migrated_is_named_by_what_it_is(rig: Rig) -> None:
    rig.store.close()
    (line,) = migrated_before(services_over(rig), next_plan())
    assert BATCH_ID in line
    assert line.endswith("would be made a second time: a-renamed")
    assert migrated_before(services_over(rig), plan_of([("all", [B, C], PausePolicy.CONTINUE)])) == []


def test_who_is_under_way_is_refused_while_a_runner_lives(rig: Rig) -> None:
    services = services_over(rig)
    with pytest.raises(StateError, match=f"batch {BATCH_ID} is at work on b\\."):
        refuse_double_work(services, next_plan())
    refuse_double_work(services, plan_of([("all", [A, C], PausePolicy.CONTINUE)]))
    rig.store.close()
    refuse_double_work(services, next_plan())


def test_a_state_that_cannot_be_read_is_nobodys_way(rig: Rig) -> None:
    rig.store.close()
    (rig.store.path.parent / "batch-deadbeef.json").write_text("{ half")
    assert len(migrated_before(services_over(rig), next_plan())) == 1


def test_a_batch_that_is_resumed_hears_of_one_that_took_its_vm_over(rig: Rig, tmp_path: Path) -> None:
    older = batch_of(plan_of([("all", [A, C], PausePolicy.CONTINUE)]))
    older = replace(older, header=replace(older.header, batch_id="01de4000"))
    BatchStateFile.create(tmp_path, older).close()
    rig.store.close()
    services = services_over(rig)
    (line,) = migrated_elsewhere(services, "01de4000", ["a", "c"])
    assert BATCH_ID in line
    assert line.endswith("a second time: a")
    assert migrated_elsewhere(services, BATCH_ID, ["a", "b"]) == [], "its own work is none of another batch"
