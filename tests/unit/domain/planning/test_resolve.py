"""Resolving a plan: who is in, who is out, in which wave, with which decisions."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from v2s_tui.domain.errors import PlanError
from v2s_tui.domain.guest.changes import InitramfsMode
from v2s_tui.domain.guest.network import NicMode
from v2s_tui.domain.planning.generate import make_plan
from v2s_tui.domain.planning.plan import BatchPlan, SizingStrategy
from v2s_tui.domain.planning.plan_options import Consistency, VolumeClass
from v2s_tui.domain.planning.resolve import resolve
from v2s_tui.domain.planning.resolved import ResolvedPlan
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.source.vm import Disk, Firmware, Nic, Vm
from v2s_tui.domain.target.instance_types import Catalogue, InstanceType
from v2s_tui.domain.target.sizing import MeasuredUse
from v2s_tui.domain.units import GIB

CATALOGUE = Catalogue(
    "fr-par-1",
    (
        InstanceType("SMALL", "S", 2, 8 * GIB, 0.05),
        InstanceType("LARGE", "L", 16, 64 * GIB, 0.5),
        InstanceType("SMALL-WIN", "W", 4, 16 * GIB, 0.2, windows=True),
    ),
    "bundled",
    date(2026, 2, 19),
)


def vm(name: str, *, folder: str = "/DC1", cpu: int = 2, guest_id: str = "debian12_64Guest") -> Vm:
    disks = (Disk(2000, "Hard disk 1", 20 * GIB), Disk(2001, "Hard disk 2", 10 * GIB))
    nics = (Nic(4000, "Network adapter 1", "00:50:56:00:00:01", port_group="PROD-10"),)
    return Vm(
        f"vm-{folder}-{name}",
        name,
        folder=folder,
        cpu_count=cpu,
        memory_mb=8192,
        guest_id=guest_id,
        disks=disks,
        nics=nics,
        guest_full_name="Debian GNU/Linux 12 (64-bit)",
        firmware=Firmware.BIOS,
    )


def inventory(*vms: Vm) -> Inventory:
    return Inventory(vms, "vcenter.example.com", datetime(2026, 2, 19, tzinfo=UTC))


def resolved(plan: dict[str, object], *names: str, strict: bool = True) -> ResolvedPlan:
    return resolve(
        BatchPlan.model_validate(plan),
        inventory(*(vm(name) for name in names)),
        lambda _: CATALOGUE,
        strict=strict,
    )


def test_patterns_expand_and_exclusions_take_out_with_their_reason() -> None:
    plan = {
        "migrations": [{"vm_pattern": "dev-*"}],
        "exclude": [
            {"vm_pattern": "*-2", "reason": "retired"},
            {"regex": "3$"},
            {"filter": "cpu:>100"},
            {"vm_name": "prod-1"},
        ],
    }
    found = resolved(plan, "dev-1", "dev-2", "dev-3", "prod-1", "prod-2")
    assert [each.name for each in found.vms] == ["dev-1"]
    assert found.excluded == (
        ("dev-2", "retired"),
        ("dev-3", "excluded by regex 3$"),
        ("prod-1", "excluded by vm_name prod-1"),
        ("prod-2", "retired"),
    )


def test_a_line_by_name_wins_over_a_pattern_wherever_it_stands() -> None:
    plan = {
        "migrations": [
            {"vm_pattern": "a-*", "target_type": "LARGE"},
            {"vm_name": "a-1", "target_type": "small"},
        ]
    }
    found = resolved(plan, "a-1", "a-2")
    assert {each.name: each.target_type for each in found.vms} == {"a-1": "SMALL", "a-2": "LARGE"}


def test_declared_waves_keep_their_order_and_take_each_vm_once() -> None:
    plan = {
        "migrations": [
            {"vm_pattern": "*", "priority": 3},
            {"vm_name": "b", "priority": 1},
            {"vm_name": "c", "wave": "two"},
        ],
        "waves": [
            {"name": "empty", "pause_after": "pause"},
            {"name": "one", "vms": ["a", "b", "c"]},
            {"name": "two", "vms": "b"},
        ],
    }
    found = resolved(plan, "a", "b", "c", "z")
    assert [(wave.name, wave.vm_names) for wave in found.waves] == [
        ("empty", ()),
        ("one", ("b", "a")),
        ("two", ("c",)),
        ("rest", ("z",)),
    ]
    assert found.waves[0].pause_after.value == "pause"
    assert [each.name for each in found.vms] == ["b", "a", "c", "z"]


def test_without_waves_each_priority_is_one() -> None:
    plan = {"migrations": [{"vm_pattern": "a*", "priority": 7}, {"vm_pattern": "b*", "priority": 2}]}
    found = resolved(plan, "a1", "b1", "a2")
    assert [(wave.name, wave.vm_names) for wave in found.waves] == [
        ("priority 2", ("b1",)),
        ("priority 7", ("a1", "a2")),
    ]


def test_two_vms_of_one_name_are_named_by_path() -> None:
    both = inventory(vm("web", folder="/DC1/A"), vm("web", folder="/DC1/B"))
    plan = BatchPlan.model_validate({"migrations": [{"vm_name": "/DC1/vm/B/web"}]})
    assert [each.name for each in resolve(plan, both, lambda _: CATALOGUE).vms] == ["/DC1/B/web"]
    with pytest.raises(PlanError, match="2 VMs") as caught:
        resolve(BatchPlan.model_validate({"migrations": [{"vm_name": "web"}]}), both, lambda _: CATALOGUE)
    assert "/DC1/A/web" in caught.value.hint
    assert caught.value.position.key == "migrations[0].vm_name"
    every = resolve(
        BatchPlan.model_validate({"migrations": [{"vm_pattern": "web"}]}), both, lambda _: CATALOGUE
    )
    assert len(every.vms) == 2


def test_two_vms_of_one_path_are_never_taken_for_each_other() -> None:
    """As an account sees them that may look at VMs but not at their folders."""
    both = inventory(*(replace(vm("web", folder=folder), folder="") for folder in ("/A", "/B")))
    every = resolve(
        BatchPlan.model_validate({"migrations": [{"vm_pattern": "*"}]}), both, lambda _: CATALOGUE
    )
    assert [each.name for each in every.vms] == ["/web (vm-/A-web)", "/web (vm-/B-web)"]
    with pytest.raises(PlanError, match="2 VMs") as caught:
        resolve(BatchPlan.model_validate({"migrations": [{"vm_name": "/web"}]}), both, lambda _: CATALOGUE)
    assert "/web (vm-/B-web)" in caught.value.hint
    one = BatchPlan.model_validate(
        {"migrations": [{"vm_pattern": "*"}], "exclude": [{"vm_name": "/web (vm-/A-web)"}]}
    )
    assert [each.name for each in resolve(one, both, lambda _: CATALOGUE).vms] == ["/web (vm-/B-web)"]


def test_an_exclusion_that_leaves_nobody_out_is_told_before_the_start() -> None:
    """A VM that somebody meant to keep may be about to move."""
    plan = {"migrations": [{"vm_pattern": "*"}], "exclude": [{"vm_name": "dp-01"}, {"vm_pattern": "web*"}]}
    found = resolved(plan, "db-01", "web-01")
    assert found.unmatched_selectors == ("exclude vm_name dp-01",)


@pytest.mark.parametrize("written", ["Web-01", "/dc1/VM/web-01", "/DC1/vm/web-01"])
def test_an_exclusion_by_name_holds_however_it_is_written(written: str) -> None:
    """vSphere takes names that differ in case for one; here is also a folder that somebody named `vm`."""
    there = inventory(vm("web-01", folder="/DC1/vm"), vm("db-01"))
    plan = BatchPlan.model_validate({"migrations": [{"vm_pattern": "*"}], "exclude": [{"vm_name": written}]})
    assert [each.name for each in resolve(plan, there, lambda _: CATALOGUE).vms] == ["db-01"]


@pytest.mark.parametrize(
    ("plan", "key"),
    [
        ({"migrations": [{"vm_name": "nobody"}]}, "migrations[0].vm_name"),
        ({"migrations": [{"vm_name": "a"}, {"vm_name": "a"}]}, "migrations[1].vm_name"),
        ({"exclude": [{"regex": "("}]}, "exclude[0].regex"),
        ({"exclude": [{"filter": "nmae:x"}]}, "exclude[0].filter"),
    ],
)
def test_lines_that_mean_nothing_name_their_key(plan: dict[str, object], key: str) -> None:
    with pytest.raises(PlanError) as caught:
        resolved(plan, "a")
    assert caught.value.position.key == key


def test_who_names_a_template_learns_why_it_is_not_there() -> None:
    with pytest.raises(PlanError) as caught:
        resolved({"migrations": [{"vm_name": "golden-image"}]}, "a")
    assert "templates are not in it" in caught.value.hint


def test_when_not_strict_unknown_names_are_only_reported() -> None:
    plan = {"migrations": [{"vm_name": "gone"}, {"vm_name": "a"}, {"vm_pattern": "no*"}]}
    found = resolved(plan, "a", strict=False)
    assert [each.name for each in found.vms] == ["a"]
    assert set(found.unmatched_selectors) == {"gone", "no*"}


def test_options_come_from_the_migration_then_defaults_then_v2s() -> None:
    plan = {
        "defaults": {
            "consistency": "cold",
            "initramfs": "rebuild",
            "iops": 15000,
            "nics": [{"nic": "PROD-*", "mode": "keep"}],
            "network_mapping": {"PROD-*": "pn-1"},
            "tags": ["t"],
            "accept": {"rdm": "copied by hand"},
        },
        "migrations": [
            {"vm_name": "a", "disks": [{"disk": "Hard disk 2", "skip": True}], "volume_class": "sbs_5k"},
            {"vm_name": "b", "tags": [], "create_instance": False, "nics": [], "initramfs": "overlay"},
        ],
    }
    a, b = resolved(plan, "a", "b").vms
    assert (a.initramfs, b.initramfs) == (InitramfsMode.REBUILD, InitramfsMode.OVERLAY)
    assert (a.consistency, a.volume_class, b.volume_class) == (
        Consistency.COLD,
        VolumeClass.SBS_5K,
        VolumeClass.SBS_15K,
    )
    assert (a.nics[0].network, a.nics[0].mode, b.nics[0].mode) == ("pn-1", NicMode.KEEP, NicMode.DHCP)
    assert (a.skipped_disks, b.skipped_disks) == (frozenset({2001}), frozenset())
    assert (a.create_instance, b.create_instance, a.tags, b.tags) == (True, False, ("t",), ())
    assert a.accepted == {"rdm": "copied by hand"}


def test_whether_an_instance_is_made_where_the_plan_says_nothing() -> None:
    plan = BatchPlan.model_validate(
        {"migrations": [{"vm_name": "a"}, {"vm_name": "b", "create_instance": True}]}
    )
    found = resolve(plan, inventory(vm("a"), vm("b")), lambda _: CATALOGUE, create_instance=False)
    assert [each.create_instance for each in found.vms] == [False, True]


def test_how_long_a_boot_may_take_is_the_plans_or_the_vms_own() -> None:
    slow = {"vm_name": "slow", "boot_timeout_seconds": 1800}
    found = resolved({"migrations": [{"vm_name": "a"}, slow]}, "a", "slow")
    assert [each.boot_timeout_seconds for each in found.vms] == [300, 1800]
    defaults = {"boot_timeout_seconds": 600}
    found = resolved({"defaults": defaults, "migrations": [{"vm_name": "a"}, slow]}, "a", "slow")
    assert [each.boot_timeout_seconds for each in found.vms] == [600, 1800]


def test_who_converts_a_guest_is_the_plans_or_the_vms_own() -> None:
    lines = [{"vm_name": "a"}, {"vm_name": "b", "guest_backend": "virt-v2v"}]
    found = resolved({"migrations": lines}, "a", "b")
    assert [each.by_virt_v2v for each in found.vms] == [False, True]
    found = resolved(
        {"defaults": {"guest_backend": "virt-v2v", "adapt": False}, "migrations": lines}, "a", "b"
    )
    assert [each.by_virt_v2v for each in found.vms] == [False, False]


def test_groups_that_must_not_move_together() -> None:
    found = resolved(
        {"migrations": [{"vm_pattern": "*"}], "not_together": [["db-*"], ["alone"]]}, "db-1", "db-2", "alone"
    )
    assert found.not_together == (("db-1", "db-2"),)


def test_the_generator_writes_the_specifications_plan() -> None:
    listing = inventory(vm("web"), vm("win", guest_id="windows2019srv_64Guest"), vm("big", cpu=200))
    plan = make_plan(
        listing,
        listing.vms,
        zone="fr-par-1",
        strategy=SizingStrategy.OPTIMIZE,
        catalogue_of_zone=lambda _: CATALOGUE,
        generated_at=datetime(2026, 2, 19, tzinfo=UTC),
        tags=["migrated"],
    )
    assert (plan.metadata.linux_vms, plan.metadata.windows_vms, plan.metadata.total_disk_gb) == (2, 1, 90.0)
    assert [each.target_type for each in plan.migrations] == ["SMALL", "SMALL-WIN", None]
    assert plan.defaults.zone == "fr-par-1"
    assert plan.migrations[1].notes.startswith("BIOS→UEFI conversion required | Windows: VirtIO")
    assert "2vCPU/8GB/30GB" in plan.migrations[0].notes
    assert plan.defaults.tags == ("migrated",)
    again = resolve(plan, listing, lambda _: CATALOGUE)
    assert {each.name for each in again.vms} == {"web", "win", "big"}
    assert again.get("big").target_type == ""


def test_rightsizing_writes_its_reason_into_the_notes() -> None:
    listing = inventory(vm("busy", cpu=16), vm("idle", cpu=16))
    use = {"busy": MeasuredUse(0.9, 0.75, 30), "idle": MeasuredUse(0.05, 0.125, 30)}
    plan = make_plan(
        listing,
        listing.vms,
        zone="fr-par-1",
        strategy=SizingStrategy.RIGHTSIZE,
        catalogue_of_zone=lambda _: CATALOGUE,
        generated_at=datetime(2026, 2, 19, tzinfo=UTC),
        use_of=lambda each: use[each.name],
    )
    assert [each.target_type for each in plan.migrations] == ["LARGE", "SMALL"]
    assert "95% of 30 days within 5% of 16 vCPU" in plan.migrations[1].notes


_globs = st.sampled_from(["*", "a*", "b*", "*1", "a1", "b2", "zzz", "/DC1/*"])
_random_plans = st.builds(
    lambda patterns, excluded, waves: {
        "migrations": [{"vm_pattern": glob, "priority": n % 3 + 1} for n, glob in enumerate(patterns)],
        "exclude": [{"vm_pattern": glob} for glob in excluded],
        "waves": [{"name": f"w{n}", "vms": globs} for n, globs in enumerate(waves)],
    },
    st.lists(_globs, max_size=4),
    st.lists(_globs, max_size=2),
    st.lists(st.lists(_globs, max_size=2), max_size=3),
)


@given(_random_plans)
@settings(max_examples=150, deadline=None)
def test_every_vm_is_in_exactly_one_place_and_waves_partition_the_plan(plan: dict[str, object]) -> None:
    names = [f"{letter}{digit}" for letter in "abc" for digit in "123"]
    found = resolved(plan, *names)
    planned, excluded = [each.name for each in found.vms], [name for name, _ in found.excluded]
    assert len(set(planned)) == len(planned)
    assert not set(planned) & set(excluded)
    assert set(planned) | set(excluded) <= set(names)
    in_waves = [name for wave in found.waves for name in wave.vm_names]
    assert in_waves == planned
    assert {each.name: each.wave for each in found.vms} == {
        name: wave.name for wave in found.waves for name in wave.vm_names
    }


def test_exclusions_may_use_filters_kept_in_the_configuration() -> None:
    plan = BatchPlan.model_validate(
        {"migrations": [{"vm_pattern": "*"}], "exclude": [{"filter": "@big", "reason": "later"}]}
    )
    vms = inventory(vm("web"), vm("db", cpu=8))
    found = resolve(plan, vms, lambda _: CATALOGUE, kept_filters={"big": "cpu:>=8"})
    assert [each.name for each in found.vms] == ["web"]
    assert found.excluded == (("db", "later"),)
    with pytest.raises(PlanError, match="no filter is kept as 'big'"):
        resolve(plan, vms, lambda _: CATALOGUE)


def test_a_vm_of_seventeen_disks_fits_once_one_is_skipped() -> None:
    disks = tuple(Disk(2000 + number, f"Hard disk {number + 1}", GIB) for number in range(17))
    seen = inventory(replace(vm("db"), disks=disks))
    migration: dict[str, object] = {"vm_name": "db"}
    for rules, target in (([], ""), ([{"disk": "Hard disk 17", "skip": True}], "SMALL")):
        plan = BatchPlan.model_validate({"migrations": [migration | {"disks": rules}]})
        (planned,) = resolve(plan, seen, lambda _: CATALOGUE).vms
        assert planned.target_type == target
