"""Sizing: the golden table, the rules that exclude types, rightsizing."""

import csv
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from v2s_tui.domain.planning.plan import SizingStrategy
from v2s_tui.domain.source.vm import Disk, Vm
from v2s_tui.domain.target.instance_types import Catalogue, InstanceType, Stock
from v2s_tui.domain.target.sizing import MeasuredUse, choose_type, misfits, need_of
from v2s_tui.domain.units import GB, GIB

GOLDEN = Path(__file__).parents[3] / "golden" / "planning"


def golden_catalogue() -> Catalogue:
    with (GOLDEN / "catalogue-2026-02-19.csv").open(newline="", encoding="utf-8") as file:
        types = tuple(_type(row) for row in csv.DictReader(file))
    return Catalogue("fr-par-1", types, "bundled", date(2026, 2, 19))


def _type(row: dict[str, str]) -> InstanceType:
    return InstanceType(
        row["name"],
        family=row["name"].split("-")[0],
        vcpu_count=int(row["vcpu"]),
        memory_bytes=int(row["ram_gb"]) * GIB,
        price_hour_eur=float(row["eur_hour"]),
        dedicated_vcpu=row["dedicated"] == "1",
        windows=row["windows"] == "1",
        development=row["development"] == "1",
        local_storage_max_bytes=int(row["local_gb"]) * GB,
        max_volumes=int(row["max_volumes"]),
    )


def golden_cases() -> list[tuple[int, int, str, str]]:
    with (GOLDEN / "sizing.csv").open(newline="", encoding="utf-8") as file:
        return [
            (int(row["vcpu"]), int(row["ram_gb"]), strategy, row[strategy])
            for row in csv.DictReader(file)
            for strategy in ("exact", "optimize", "cost")
        ]


def vm(
    cpu: int = 2, ram_gb: int = 4, *, disks: int = 1, guest_id: str = "debian12_64Guest", name: str = "a"
) -> Vm:
    parts = tuple(Disk(2000 + n, f"Hard disk {n}", 20 * GIB) for n in range(disks))
    return Vm(
        f"vm-{name}",
        name,
        cpu_count=cpu,
        memory_mb=ram_gb * 1024,
        guest_id=guest_id,
        disks=parts,
        folder="/DC1",
    )


@pytest.mark.parametrize(("cpu", "ram_gb", "strategy", "expected"), golden_cases())
def test_the_golden_table(cpu: int, ram_gb: int, strategy: str, expected: str) -> None:
    assert choose_type(vm(cpu, ram_gb), golden_catalogue(), SizingStrategy(strategy)).type_name == expected


def test_windows_goes_to_licensed_types_only_and_nothing_else_does() -> None:
    windows = vm(4, 16, guest_id="windows2019srv_64Guest")
    for strategy in SizingStrategy:
        assert "WIN" in (choose_type(windows, golden_catalogue(), strategy).type_name or "")
        assert "WIN" not in (choose_type(vm(4, 16), golden_catalogue(), strategy).type_name or "")


def test_alternatives_and_reason_are_given() -> None:
    choice = choose_type(vm(4, 16), golden_catalogue(), SizingStrategy.COST)
    assert choice.alternatives == ("GP1-XS", "BASIC2-A8C-16G", "PRO2-XS")
    assert "EUR 50.30/month" in choice.reason


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"arch": "arm64"}, "arm64"),
        ({"gpu_count": 1}, "GPU"),
        ({"end_of_service": True}, "end of service"),
        ({"max_volumes": 1}, "volumes"),
        ({"vcpu_count": 1}, "vCPU"),
        ({"memory_bytes": GIB}, "memory"),
        ({"needs_local_storage": True, "local_storage_max_bytes": GB}, "local storage"),
        ({"windows": True}, "Windows"),
    ],
)
def test_types_that_cannot_take_the_vm_say_why(changed: dict[str, object], says: str) -> None:
    fitting = InstanceType("T", "T", 4, 16 * GIB, 0.1)
    need = need_of(vm(2, 4, disks=2))
    assert misfits(need, fitting) == ()
    assert says in " ".join(misfits(need, replace(fitting, **changed)))  # type: ignore[arg-type]


def test_development_and_sold_out_types_are_never_chosen() -> None:
    types = (
        InstanceType("DEV", "DEV1", 2, 4 * GIB, 0.01, development=True),
        InstanceType("OUT", "POP2", 2, 4 * GIB, 0.02, stock=Stock.SHORTAGE),
        InstanceType("BIG", "POP2", 8, 32 * GIB, 0.5),
    )
    choice = choose_type(vm(2, 4), Catalogue("z", types, "api", date(2026, 1, 1)), SizingStrategy.COST)
    assert (choice.type_name, choice.alternatives) == ("BIG", ())


@pytest.mark.parametrize(
    ("machine", "says"),
    [
        (vm(96, 64), "96 vCPU"),
        (vm(2, 2000), "2000 GB"),
        (vm(2, 4, disks=17), "17 disks"),
        (Vm("vm-1", "x", readable=False), "no configuration"),
    ],
)
def test_nothing_fits_and_the_reason_names_the_rule(machine: Vm, says: str) -> None:
    choice = choose_type(machine, golden_catalogue(), SizingStrategy.EXACT)
    assert choice.type_name is None
    assert says in choice.reason


def test_rightsize_follows_measured_use_with_headroom_and_never_grows() -> None:
    use = MeasuredUse(cpu_share=0.2, memory_share=5 / 32, days=30)
    choice = choose_type(vm(8, 32), golden_catalogue(), SizingStrategy.RIGHTSIZE, use=use)
    assert choice.type_name == "POP2-HC-4C-8G"
    assert "30 days" in choice.reason
    busy = MeasuredUse(cpu_share=1.0, memory_share=1.0, days=30)
    full = choose_type(vm(8, 32), golden_catalogue(), SizingStrategy.RIGHTSIZE, use=busy)
    assert full.type_name == choose_type(vm(8, 32), golden_catalogue(), SizingStrategy.OPTIMIZE).type_name
    assert "no measured use" in choose_type(vm(8, 32), golden_catalogue(), SizingStrategy.RIGHTSIZE).reason
