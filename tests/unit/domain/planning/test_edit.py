"""Edits of a plan: pure, and undone by keeping the plan before."""

from v2s_tui.domain.planning import edit
from v2s_tui.domain.planning.plan import BatchPlan, Migration, PausePolicy, WaveSpec

PATTERN_PLAN = BatchPlan(
    migrations=(Migration(vm_pattern="web-*"),), waves=(WaveSpec(name="a"), WaveSpec(name="b"))
)


def test_a_vm_is_planned_once() -> None:
    plan = edit.with_vms(edit.with_vms(BatchPlan(), ["web-01", "db-01"]), ["web-01"])
    assert [line.vm_name for line in plan.migrations] == ["web-01", "db-01"]


def test_removing_a_vm_that_a_pattern_selects_excludes_it() -> None:
    plan = edit.without_vms(PATTERN_PLAN, ["web-01"])
    assert [each.vm_name for each in plan.exclude] == ["web-01"]
    assert edit.with_vms(plan, ["web-01"]).exclude == ()


def test_removing_a_vm_of_a_plan_by_names_leaves_no_trace() -> None:
    plan = edit.with_vms(BatchPlan(), ["web-01", "db-01"])
    assert edit.without_vms(plan, ["web-01"]) == edit.with_vms(BatchPlan(), ["db-01"])


def test_a_type_edit_gives_a_pattern_vm_its_own_line() -> None:
    plan = edit.with_type(PATTERN_PLAN, ["web-01"], "PRO2-S")
    assert [(line.selector, line.target_type) for line in plan.migrations] == [
        ("web-*", None),
        ("web-01", "PRO2-S"),
    ]


def test_a_new_wave_is_declared_when_a_vm_moves_into_it() -> None:
    plan = edit.in_wave(PATTERN_PLAN, ["web-01"], "canary")
    assert [wave.name for wave in plan.waves] == ["a", "b", "canary"]
    assert plan.migrations[-1].wave == "canary"


def test_waves_move_and_stay_inside_the_list() -> None:
    assert [wave.name for wave in edit.with_wave_moved(PATTERN_PLAN, "b", -5).waves] == ["b", "a"]
    assert [wave.name for wave in edit.with_wave_moved(PATTERN_PLAN, "a", 1).waves] == ["b", "a"]
    assert edit.with_wave_moved(PATTERN_PLAN, "none", 1) == PATTERN_PLAN


def test_policy_is_of_the_named_wave_only() -> None:
    plan = edit.with_policy(PATTERN_PLAN, "a", PausePolicy.PAUSE)
    assert [wave.pause_after for wave in plan.waves] == [PausePolicy.PAUSE, PausePolicy.CONTINUE]
