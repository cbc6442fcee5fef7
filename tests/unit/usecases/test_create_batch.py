"""What a host can do decides what a new batch rehearses."""

from dataclasses import replace
from pathlib import Path

from fakes.plans import batch_of, plan_of, vm_named
from fakes.rig import Rig
from fakes.rig_services import services_over

from v2s_tui.adapters.store.batch_state import BatchStateFile
from v2s_tui.domain.execution.batch import BatchStatus
from v2s_tui.domain.planning.plan import BatchPlan, PausePolicy
from v2s_tui.usecases.look_ahead import Outlook
from v2s_tui.usecases.run_batch import RunOptions, create_batch, run_batch, unrehearsed
from v2s_tui.usecases.show_batches import read_batch


def test_a_host_that_cannot_boot_guests_rehearses_only_what_the_plan_asks_for() -> None:
    plan = plan_of([("all", [vm_named("own"), vm_named("asked"), vm_named("plain")], PausePolicy.CONTINUE)])
    own, asked, plain = plan.vms
    plan = replace(
        plan, vms=(replace(own, adapt=True), replace(asked, adapt=True, rehearse="firmware"), plain)
    )
    assert [each.rehearse for each in unrehearsed(plan).vms] == ["off", "firmware", ""]
    assert [each.rehearses for each in unrehearsed(plan).vms] == [False, True, False]


def test_a_plan_may_lie_where_the_path_is_no_utf_8(tmp_path: Path) -> None:
    """An old archive, a mount with another character set: Python keeps such bytes as surrogates."""
    plan = plan_of([("all", [vm_named("web-01")], PausePolicy.CONTINUE)])
    services = services_over(Rig(plan, tmp_path))
    outlook = Outlook(BatchPlan(), plan)
    batch_id = create_batch(services, outlook, plan_path=Path("/plans/pl\udce4n.yaml"))
    assert read_batch(services, batch_id).header.plan_path == "/plans/pl\ufffdn.yaml"


def test_a_resume_with_nothing_left_to_do_leaves_the_record_as_it_is(tmp_path: Path) -> None:
    """Whoever looks in the morning whether all is done must not make the night longer than it was."""
    rig = Rig(plan_of([("all", [vm_named("web-01")], PausePolicy.CONTINUE)]), tmp_path)
    rig.store = BatchStateFile.create(tmp_path, batch_of(rig.plan))  # type: ignore[assignment]
    rig.run()
    rig.store.close()
    services = services_over(rig)
    before = read_batch(services, None).header
    rig.clock.advance(3600)
    outcome = run_batch(services, before.batch_id, RunOptions("batch resume", retry_failed=True))
    assert (outcome.status, outcome.complete, outcome.stopped) == (BatchStatus.COMPLETE, 1, None)
    assert read_batch(services, None).header == before
