"""What a host can do decides what a new batch rehearses."""

from dataclasses import replace

from fakes.plans import plan_of, vm_named

from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.usecases.run_batch import unrehearsed


def test_a_host_that_cannot_boot_guests_rehearses_only_what_the_plan_asks_for() -> None:
    plan = plan_of([("all", [vm_named("own"), vm_named("asked"), vm_named("plain")], PausePolicy.CONTINUE)])
    own, asked, plain = plan.vms
    plan = replace(
        plan, vms=(replace(own, adapt=True), replace(asked, adapt=True, rehearse="firmware"), plain)
    )
    assert [each.rehearse for each in unrehearsed(plan).vms] == ["off", "firmware", ""]
    assert [each.rehearses for each in unrehearsed(plan).vms] == [False, True, False]
