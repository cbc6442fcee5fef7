"""What a host can do decides what a new batch rehearses."""

from dataclasses import replace
from pathlib import Path

from fakes.plans import plan_of, vm_named
from fakes.rig import Rig
from fakes.rig_services import services_over

from v2s_tui.domain.planning.plan import BatchPlan, PausePolicy
from v2s_tui.usecases.look_ahead import Outlook
from v2s_tui.usecases.run_batch import create_batch, unrehearsed
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
