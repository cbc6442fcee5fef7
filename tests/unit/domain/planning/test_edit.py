"""Edits of a plan: pure, and undone by keeping the plan before."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from planned_vms import source_vm

from v2s_tui.domain.planning import edit
from v2s_tui.domain.planning.plan import BatchPlan, Migration, PausePolicy, WaveSpec
from v2s_tui.domain.planning.plan_options import Consistency, VolumeClass
from v2s_tui.domain.source.inventory import Inventory

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


def seen(*paths: str) -> Inventory:
    vms = (source_vm(path.rpartition("/")[2], folder=path.rpartition("/")[0]) for path in paths)
    return Inventory(tuple(vms), "vc", datetime(2026, 3, 1, tzinfo=UTC))


COLD = Migration(
    vm_pattern="/DC1/db/*", consistency=Consistency.COLD, zone="nl-ams-1", network_mapping={"LAN": "prod"}
)


@pytest.mark.parametrize(
    ("change", "asked"),
    [
        (edit.with_type, (["db-01"], "PRO2-S")),
        (edit.with_volume_class, (["db-01"], VolumeClass.SBS_15K)),
        (edit.with_priority, (["db-01"], 1)),
        (edit.with_accepted, ("old-snapshots", "db-01", "known")),
    ],
)
def test_an_edited_vm_keeps_what_its_patterns_line_says(
    change: Callable[..., BatchPlan], asked: tuple[object, ...]
) -> None:
    """Else a database that is to be shut down before its copy is copied while it runs."""
    inventory = seen("/DC1/db/db-01", "/DC1/db/db-02")
    plan = change(BatchPlan(migrations=(COLD,)), *asked, inventory=inventory)
    assert [line.selector for line in plan.migrations] == ["/DC1/db/*", "db-01"]
    own = plan.migrations[1]
    kept = own.consistency, own.zone, own.network_mapping
    assert kept == (COLD.consistency, COLD.zone, COLD.network_mapping)
    again = edit.with_zone(plan, ["db-01"], "fr-par-2", inventory=inventory)
    assert [line.zone for line in again.migrations] == ["nl-ams-1", "fr-par-2"]


def test_a_vm_that_a_pattern_selects_is_in_the_plan_already() -> None:
    plan = BatchPlan(migrations=(COLD,))
    inventory = seen("/DC1/db/db-01", "/DC1/web-01")
    found = edit.with_vms(plan, ["db-01", "web-01"], inventory=inventory)
    assert [line.selector for line in found.migrations] == ["/DC1/db/*", "web-01"]


def test_a_line_that_names_its_vm_by_path_is_the_one_that_is_edited_and_removed() -> None:
    """Two lines of one VM are refused: the plan would not resolve any more."""
    inventory = seen("/DC1/web-01", "/DC1/web-02")
    plan = BatchPlan(migrations=(Migration(vm_name="/DC1/web-01"), Migration(vm_name="web-02")))
    typed = edit.with_type(plan, ["web-01"], "PRO2-S", inventory=inventory)
    assert [(line.selector, line.target_type) for line in typed.migrations] == [
        ("/DC1/web-01", "PRO2-S"),
        ("web-02", None),
    ]
    assert edit.with_vms(plan, ["web-01"], inventory=inventory) == plan
    left = edit.without_vms(plan, ["web-01"], inventory=inventory)
    assert [line.selector for line in left.migrations] == ["web-02"]


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
