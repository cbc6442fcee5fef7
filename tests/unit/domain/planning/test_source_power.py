"""Which sources a wave shuts down, told by number and name."""

from dataclasses import replace

from planned_vms import planned_vm, resolved_plan

from v2s_tui.domain.planning.plan import PostMigration
from v2s_tui.domain.planning.plan_options import Consistency
from v2s_tui.domain.planning.show import plan_lines
from v2s_tui.domain.planning.source_power import power_by_wave, touched_power
from v2s_tui.presentation.start_lines import power_lines

OFF = PostMigration(power_off_source=True)


def vm(name, **changes):
    return planned_vm(name, wave=changes.pop("wave", "all"), **changes)


def test_a_plan_that_only_copies_touches_no_power():
    plan = resolved_plan(vm("a"), vm("b"))
    assert power_by_wave(plan) == ()
    assert power_lines(plan) == []
    assert touched_power("all", plan.vms, plan.post_migration).describe() == ()


def test_cold_ones_go_before_their_copy_and_the_rest_once_they_are_complete():
    vms = (vm("a", consistency=Consistency.COLD), vm("b"), vm("c", hard_power_off=True))
    touched = touched_power("all", vms, OFF)
    assert (touched.before_copy, touched.when_complete, touched.hard) == (("a",), ("b", "c"), ("c",))
    assert touched.names == ("a", "b", "c")
    assert touched.describe() == (
        "SHUTS DOWN 1 source before the copy: a",
        "POWERS OFF 2 sources once migrated: b, c",
        "PULLS THE PLUG of 1 source where the guest does not go down: c",
    )


def test_the_plug_is_no_matter_where_nothing_is_shut_down():
    assert touched_power("all", [vm("a", hard_power_off=True)], PostMigration()).describe() == ()


def test_many_names_are_cut_only_where_room_is_short():
    vms = [vm(f"v{number}", consistency=Consistency.COLD) for number in range(5)]
    touched = touched_power("all", vms, PostMigration())
    assert touched.describe() == ("SHUTS DOWN 5 sources before the copy: v0, v1, v2, v3, v4",)
    assert touched.describe(most_names=3) == ("SHUTS DOWN 5 sources before the copy: v0, v1, v2 and 2 more",)
    assert touched.describe(most_names=5) == touched.describe()


def test_only_waves_that_touch_are_told_and_the_shown_plan_tells_it_too():
    plan = resolved_plan(vm("a", wave="one"), vm("b", wave="two", consistency=Consistency.COLD))
    assert power_lines(plan) == ["wave two SHUTS DOWN 1 source before the copy: b"]
    lines = plan_lines(plan)
    assert "  SHUTS DOWN 1 source before the copy: b" in lines
    assert sum("SHUTS DOWN" in line for line in lines) == 1
    assert (
        power_lines(replace(plan, post_migration=OFF))[0] == "wave one POWERS OFF 1 source once migrated: a"
    )
