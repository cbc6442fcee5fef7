"""A VM that has stopped runs again with its batch though no runner is there to be told: from a stage, with an
edited entry, after a cancel or an undo.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.plans import BATCH_ID, batch_of, plan_of, vm_named
from fakes.rig import Rig
from fakes.rig_services import services_over
from fakes.world import failing

from v2s_tui.adapters.store.batch_state import BatchStateFile
from v2s_tui.cli.reopening import reopen
from v2s_tui.domain.errors import InputError, OutOfStock, StateError
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.stages import JobStatus, Stage
from v2s_tui.engine.commands import planned_to_json
from v2s_tui.engine.outcome import BatchOutcome
from v2s_tui.engine.stages.registry import EVIDENCE, STAGES
from v2s_tui.usecases.reopen_vm import reopen_vm
from v2s_tui.usecases.services import Services
from v2s_tui.usecases.show_batches import batch_path, read_batch
from v2s_tui.usecases.undo import undo_batch

Again = Callable[[], BatchOutcome]


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """The only VM of its batch, and the zone has no machine of its type: the batch is through."""
    plan = plan_of([("all", [vm_named("web-01")], PausePolicy.CONTINUE)])
    rig = Rig(plan, tmp_path, stages=dict(STAGES), evidence=dict(EVIDENCE))
    rig.world.rules.append(failing("create_instance", OutOfStock("no PRO2-XXS now"), times=99))
    rig.store = BatchStateFile.create(tmp_path, batch_of(plan))  # type: ignore[assignment]
    assert rig.run().failed == 1
    rig.store.close()
    rig.world.rules.clear()
    return rig


@pytest.fixture
def services(rig: Rig) -> Services:
    return services_over(rig)


@pytest.fixture
def again(rig: Rig, services: Services) -> Again:
    """Resume it, failed VMs kept."""

    def run() -> BatchOutcome:
        rig.store = BatchStateFile.open(batch_path(services, BATCH_ID))  # type: ignore[assignment]
        try:
            return rig.run()
        finally:
            rig.store.close()

    return run


def test_it_runs_again_with_another_type_and_what_is_done_stays_done(
    rig: Rig, services: Services, again: Again
) -> None:
    edited = replace(rig.state.planned["web-01"], target_type="PRO2-XS")
    reopen_vm(services, BATCH_ID, "web-01", planned=planned_to_json(edited))
    assert again().complete == 1
    assert [each.commercial_type for each in rig.cloud.of_kind("instance")] == ["PRO2-XS"]
    assert (rig.world.calls["receive"], rig.world.calls["upload_file"]) == (1, 1)
    assert "batch resume" in rig.state.jobs["web-01"].retries[-1].actor


def test_it_is_read_again_from_a_new_snapshot(rig: Rig, services: Services, again: Again) -> None:
    reopen_vm(services, BATCH_ID, "web-01", from_stage=Stage.SNAPSHOT)
    assert again().complete == 1
    assert (rig.world.calls["create_snapshot"], rig.world.calls["receive"]) == (2, 2)


def test_an_undone_vm_begins_from_nothing(rig: Rig, services: Services, again: Again) -> None:
    undo_batch(services, BATCH_ID, ["web-01"])
    assert read_batch(services, BATCH_ID).jobs["web-01"].status is JobStatus.CANCELLED
    reopen_vm(services, BATCH_ID, "web-01")
    assert again().complete == 1
    assert rig.world.calls["receive"] == 2


def test_what_makes_no_sense_is_refused(rig: Rig, services: Services, again: Again) -> None:
    with pytest.raises(InputError, match="no VM 'nobody'"):
        reopen_vm(services, BATCH_ID, "nobody")
    with pytest.raises(InputError, match="'boot' is no stage"):
        reopen(None, BATCH_ID, ["web-01"], "boot", None)
    reopen_vm(services, BATCH_ID, "web-01")
    assert again().complete == 1
    with pytest.raises(InputError, match="never runs again"):
        reopen_vm(services, BATCH_ID, "web-01")


def test_while_a_runner_works_it_is_refused(rig: Rig, services: Services) -> None:
    store = BatchStateFile.open(batch_path(services, BATCH_ID))
    try:
        with pytest.raises(StateError, match="in use"):
            reopen_vm(services, BATCH_ID, "web-01")
    finally:
        store.close()
