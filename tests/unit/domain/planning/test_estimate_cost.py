"""The seed's estimate, number for number, and the landed cost of a plan."""

from datetime import date

import pytest
from planned_vms import planned_vm, resolved_plan, source_vm

from v2s_tui.domain.planning.cost import DEFAULT_PRICES, plan_cost
from v2s_tui.domain.planning.estimate import (
    SeedInput,
    seed_estimate,
    seed_input,
)
from v2s_tui.domain.planning.plan_options import VolumeClass
from v2s_tui.domain.planning.resolved import PlannedDisk
from v2s_tui.domain.source.vm import Disk
from v2s_tui.domain.target.instance_types import Catalogue, InstanceType
from v2s_tui.domain.units import GB, GIB

CATALOGUE = Catalogue(
    "fr-par-1",
    (
        InstanceType("POP2-2C-8G", "POP2", 2, 8 * GIB, 0.1),
        InstanceType("POP2-2C-8G-WIN", "POP2-WIN", 2, 8 * GIB, 0.25, windows=True),
    ),
    "bundled",
    date(2026, 2, 19),
)
EXAMPLE = SeedInput(total_disk_gb=1240, linux_vms=9, windows_vms=3, migrations=12, monthly_eur=186.5)


@pytest.mark.parametrize(("concurrency", "minutes"), [(5, 109.6), (10, 54.8), (12, 45.6)])
def test_the_seeds_example_takes_what_the_formula_gives(concurrency: int, minutes: float) -> None:
    found = seed_estimate(EXAMPLE, concurrency=concurrency)
    assert found["estimated_duration_minutes"] == pytest.approx(minutes, abs=0.1)
    assert found["required_work_space_gb"] == 1860
    assert found["breakdown"] == {
        "export_min": 211.6,
        "convert_min": 105.8,
        "adapt_min": 25.5,
        "upload_min": 42.3,
        "import_min": 36.0,
    }


def test_the_seeds_warnings() -> None:
    many = SeedInput(1000, 20, 1, 21)
    assert len(seed_estimate(many, concurrency=4, available_disk_gb=100)["warnings"]) == 3  # type: ignore[arg-type]
    assert seed_estimate(SeedInput(10, 1, 0, 1), available_disk_gb=15)["warnings"] == []


def test_the_facts_come_from_the_plans_vms() -> None:
    plan = resolved_plan(planned_vm("a"), planned_vm("b", source_vm("b", guest_id="windows2019srv_64Guest")))
    facts = seed_input(plan, lambda planned: 10.0 if planned.name == "a" else None)
    assert facts == SeedInput(80.0, 1, 1, 2, 10.0)


def test_the_landed_cost_has_all_its_parts() -> None:
    disks = (Disk(2000, "Hard disk 1", 40 * GB), Disk(2001, "Hard disk 2", 10 * GB + 1))
    planned = planned_vm("a", source_vm("a", disks=disks), public_ip=True, tags=("web", "prod"))
    cost = plan_cost([planned], lambda _: CATALOGUE, double_running_days=15.2)
    (line,) = cost.lines
    assert line.instance == pytest.approx(73.0)
    assert line.block == pytest.approx(51 * DEFAULT_PRICES["block_gb"])
    assert line.ipv4 == pytest.approx(2.92)
    assert line.double_running == pytest.approx(line.monthly / 2)
    assert line.transit > 0
    assert cost.by_wave() == {"one": cost.monthly}


def test_the_windows_licence_is_shown_and_skipped_disks_cost_nothing() -> None:
    windows = planned_vm("w", target_type="POP2-2C-8G-WIN", public_ip=False)
    skipped = planned_vm(
        "s", disks=(PlannedDisk(2000, skip=True, volume_class=VolumeClass.SBS_5K),), create_instance=False
    )
    first, second = plan_cost([windows, skipped], lambda _: CATALOGUE).lines
    assert first.windows == pytest.approx(0.15 * 730)
    assert first.ipv4 == 0
    assert (second.monthly, second.snapshots) == (0, 0)


def test_the_snapshots_of_an_image_are_paid_for_every_month() -> None:
    vm = planned_vm("a", source_vm("a", disks=(Disk(2000, "Hard disk 1", 40 * GB),)))
    without = plan_cost([vm], lambda _: CATALOGUE)
    cost = plan_cost([vm], lambda _: CATALOGUE, image=True)
    more = 40 * DEFAULT_PRICES["snapshot_gb"]
    assert cost.monthly == pytest.approx(without.monthly + more)
    assert (without.lines[0].snapshots > 0, cost.lines[0].snapshots) == (True, 0)
    assert f"of it EUR {more:.2f} for snapshots that images keep" in " ".join(cost.notes)
    assert "snapshots" not in " ".join(without.notes)


def test_without_an_instance_there_are_snapshots_and_no_volumes() -> None:
    vm = planned_vm("a", source_vm("a", disks=(Disk(2000, "Hard disk 1", 5 * GB),)), create_instance=False)
    cost = plan_cost([vm], lambda _: CATALOGUE, prices=DEFAULT_PRICES)
    assert cost.monthly == pytest.approx(10 * DEFAULT_PRICES["snapshot_gb"]), "a boot volume has 10 GB"
    assert cost.notes == (f"of it EUR {cost.monthly:.2f} for snapshots that are kept in place of Instances",)


def test_what_is_not_known_is_said() -> None:
    vms = [planned_vm("a", target_type="NOPE"), planned_vm("b", volume_class=VolumeClass.SBS_15K)]
    notes = " ".join(plan_cost(vms, lambda _: CATALOGUE).notes)
    assert "15,000 IOPS" in notes
    assert "no Instance price: a" in notes
    priced = plan_cost(vms[1:], lambda _: CATALOGUE, prices={"block_gb_15k": 0.2})
    assert priced.lines[0].block == pytest.approx(43 * 0.2)
    assert priced.notes == ()
