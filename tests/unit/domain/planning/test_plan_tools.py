"""Schema, lint, differences and the plain listing of a plan."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from planned_vms import planned_vm, resolved_plan, source_vm

from v2s_tui.domain.guest.changes import InitramfsMode
from v2s_tui.domain.planning.difference import diff_inventory, diff_plans, source_drift
from v2s_tui.domain.planning.lint import lint_plan
from v2s_tui.domain.planning.plan import BatchPlan
from v2s_tui.domain.planning.plan_options import GuestBackend
from v2s_tui.domain.planning.schema import plan_schema
from v2s_tui.domain.planning.show import plan_lines
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.source.vm import Disk
from v2s_tui.domain.units import GIB


def plan(**parts: object) -> BatchPlan:
    return BatchPlan.model_validate(parts)


def inventory(*names: str) -> Inventory:
    return Inventory(tuple(source_vm(name) for name in names), "vc", datetime(2026, 3, 1, tzinfo=UTC))


def test_the_schema_knows_every_key_and_nothing_else() -> None:
    schema = plan_schema()
    assert set(schema["properties"]) == set(BatchPlan.model_fields) - {"extras"}
    migration = schema["$defs"]["Migration"]
    assert migration["additionalProperties"] is False
    assert "^x-" in migration["patternProperties"]
    assert {"vm_name", "vm_pattern", "nics", "disks", "consistency", "iops"} <= set(migration["properties"])
    assert {"disk_io", "max_concurrent_conversions", "global"} <= set(schema["$defs"]["Limits"]["properties"])
    assert {"type": "string"} in migration["properties"]["tags"]["anyOf"]
    assert "userspace" in migration["properties"]["rehearse"]["anyOf"][0]["enum"]
    assert schema["$defs"]["PausePolicy"]["enum"] == ["pause", "pause_on_failure", "continue"]


def test_the_published_schema_is_current() -> None:
    published = Path(__file__).parents[4] / "plans" / "plan.schema.json"
    assert json.loads(published.read_text(encoding="utf-8")) == plan_schema(), (
        "write plan_schema() to it again"
    )


def test_lint_finds_lines_without_effect() -> None:
    odd = plan(
        migrations=[{"vm_pattern": "a*"}, {"vm_pattern": "a*"}, {"vm_name": "gone"}],
        exclude=[{"vm_pattern": "z*"}],
        waves=[{"name": "one", "vms": ["a*", "zzz"]}, {"name": "two", "pause_after": "pause"}],
    )
    assert {each.code for each in lint_plan(odd)} == {"repeated-line", "pause-at-the-end"}
    assert {each.code for each in lint_plan(odd, inventory("a1"))} == {
        "repeated-line",
        "pause-at-the-end",
        "wave-glob-unmatched",
        "empty-wave",
        "unmatched",
    }
    unmatched = [each.title for each in lint_plan(odd, inventory("a1")) if each.code == "unmatched"]
    assert unmatched == ["'gone' selects no VM", "'exclude vm_pattern z*' selects no VM"]
    assert lint_plan(plan(migrations=[{"vm_name": "a1"}]), inventory("a1")) == ()


def test_lint_finds_rules_that_name_no_nic_or_disk() -> None:
    rules = plan(
        migrations=[
            {
                "vm_name": "a",
                "nics": [{"nic": "00-50-56-00-00-01"}, {"nic": "VLAN 9"}],
                "disks": [{"disk": "Hard disk *"}, {"disk": "Hard disk 7"}],
            }
        ]
    )
    assert [each.title for each in lint_plan(rules, inventory("a"))] == [
        "migrations[0]: nic VLAN 9",
        "migrations[0]: disk Hard disk 7",
    ]


def test_two_plans_differ_line_by_line() -> None:
    old = plan(
        defaults={"zone": "fr-par-1"},
        migrations=[{"vm_name": "a", "target_type": "X"}, {"vm_name": "b"}],
        waves=[{"name": "one"}, {"name": "two"}],
        exclude=[{"regex": "^t"}],
    )
    new = plan(
        defaults={"zone": "fr-par-2"},
        migrations=[{"vm_name": "a", "target_type": "Y"}, {"vm_name": "c"}],
        waves=[{"name": "two"}, {"name": "one"}],
        exclude=[{"regex": "^t", "reason": "tests"}],
    )
    assert [str(change) for change in diff_plans(old, new)] == [
        "~ defaults: zone fr-par-1 -> fr-par-2",
        "~ migration a: target_type X -> Y",
        "- migration b",
        "+ migration c",
        "~ exclude regex ^t: reason none -> tests",
        "~ waves: order one, two -> two, one",
    ]
    assert diff_plans(old, old) == ()
    nics = plan(
        migrations=[{"vm_name": "a", "target_type": "X", "tags": ["t", "u"], "nics": [{"nic": "V*"}]}]
    )
    assert [str(change) for change in diff_plans(plan(migrations=[{"vm_name": "a"}]), nics)] == [
        "~ migration a: nics none -> [nic=V*, mode=dhcp]",
        "~ migration a: target_type none -> X",
        "~ migration a: tags none -> t, u",
    ]


def test_sources_differ_by_what_matters() -> None:
    vm = source_vm("a")
    grown = replace(
        vm, host="esxi-02", disks=(*vm.disks, Disk(2001, "Hard disk 2", GIB)), tools_status="toolsOld"
    )
    assert [change.what for change in source_drift(vm, grown)] == ["host", "Hard disk 2"]


def test_a_plan_is_compared_with_the_inventory() -> None:
    written = plan(
        migrations=[
            {"vm_name": "a", "notes": "4vCPU/4GB/40GB | Debian"},
            {"vm_name": "gone"},
            {"vm_name": "b"},
        ]
    )
    assert [str(change) for change in diff_inventory(written, inventory("a", "b", "new"))] == [
        "- gone (in the plan, not in the inventory)",
        "~ a: size 4vCPU/4GB/40GB -> 2vCPU/4GB/40GB",
        "+ 1 VMs of the inventory that the plan does not mention",
    ]


def test_the_listing_shows_waves_decisions_and_who_is_left_out() -> None:
    shown = plan_lines(
        resolved_plan(
            planned_vm("a"),
            planned_vm("b", wave="two", create_instance=False),
            planned_vm("c", wave="two", adapt=True, initramfs=InitramfsMode.REBUILD),
            planned_vm("d", wave="two", adapt=True, guest_backend=GuestBackend.VIRT_V2V),
            excluded=(("x", "retired"),),
        )
    )
    assert shown == (
        "wave one: 1 VM, then continue",
        "  a  POP2-2C-8G in fr-par-1, priority 5, snapshot, 1 disk, 40 GB",
        "wave two: 3 VMs, then continue",
        "  b  POP2-2C-8G in fr-par-1, priority 5, snapshot, 1 disk, 40 GB, no Instance",
        "  c  POP2-2C-8G in fr-par-1, priority 5, snapshot, 1 disk, 40 GB, initramfs rebuilt",
        "  d  POP2-2C-8G in fr-par-1, priority 5, snapshot, 1 disk, 40 GB, virt-v2v besides v2s",
        "excluded: 1 VM",
        "  x: retired",
        "4 VMs in 2 waves, 160 GB of disks",
    )
