"""The specification's linear estimate, number for number (seed-system.md A6), for `batch estimate --model
seed`.

It ignores limits, waves and hosts; forecast.py is the answer to believe.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from v2s_tui.domain.planning.resolved import PlannedVm, ResolvedPlan
from v2s_tui.domain.source.guest_os import OsFamily


@dataclass(frozen=True, slots=True)
class SeedInput:
    """What the formula takes. monthly_eur: of the VMs whose target type is known, together."""

    total_disk_gb: float
    linux_vms: int
    windows_vms: int
    migrations: int
    monthly_eur: float = 0.0


def seed_input(plan: ResolvedPlan, price_month_of: Callable[[PlannedVm], float | None]) -> SeedInput:
    """From the plan's own VMs; metadata may be stale and is not used."""
    windows = sum(each.vm.os_family is OsFamily.WINDOWS for each in plan.vms)
    return SeedInput(
        total_disk_gb=sum(each.vm.total_disk_gib for each in plan.vms),
        linux_vms=len(plan.vms) - windows,
        windows_vms=windows,
        migrations=len(plan.vms),
        monthly_eur=sum(price_month_of(each) or 0.0 for each in plan.vms),
    )


def seed_estimate(
    facts: SeedInput, *, concurrency: int = 5, available_disk_gb: float | None = None
) -> dict[str, object]:
    """The specification's output, key for key. available_disk_gb: None skips that warning."""
    megabytes = facts.total_disk_gb * 1024
    minutes = {
        "export_min": megabytes / (100 * 60),
        "convert_min": megabytes / (200 * 60),
        "adapt_min": 0.5 * facts.linux_vms + 7 * facts.windows_vms,
        "upload_min": megabytes / (500 * 60),
        "import_min": 3.0 * facts.migrations,
    }
    side_by_side = max(min(concurrency, facts.migrations), 1)
    work_space = 1.5 * facts.total_disk_gb
    return {
        "total_vms": facts.linux_vms + facts.windows_vms,
        "linux_vms": facts.linux_vms,
        "windows_vms": facts.windows_vms,
        "total_disk_gb": round(facts.total_disk_gb, 1),
        "required_work_space_gb": round(work_space, 1),
        "estimated_duration_minutes": round(sum(minutes.values()) / side_by_side * 1.3, 1),
        "estimated_monthly_cost_eur": round(facts.monthly_eur, 2),
        "breakdown": {key: round(value, 1) for key, value in minutes.items()},
        "warnings": list(_warnings(facts, work_space, concurrency, available_disk_gb)),
    }


def _warnings(
    facts: SeedInput, work_space: float, concurrency: int, available: float | None
) -> Sequence[str]:
    found = []
    if available is not None and available < work_space:
        found.append(f"needs {work_space:,.0f} GB of work space, {available:,.0f} GB are available")
    if facts.windows_vms:
        found.append(f"{facts.windows_vms} Windows VMs require KVM (/dev/kvm) and OVMF")
    if facts.migrations > 20 and concurrency < 5:
        found.append(f"{facts.migrations} VMs at concurrency {concurrency}: raise it to 5 or more")
    return found
