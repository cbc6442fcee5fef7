"""A resolved plan as lines of plain text for `plan show`: waves with their VMs, who is left out, what it
costs.
"""

from collections.abc import Iterable

from v2s_tui.domain.planning.cost import Cost
from v2s_tui.domain.planning.resolved import PlannedVm, ResolvedPlan, ResolvedWave
from v2s_tui.domain.planning.source_power import power_by_wave
from v2s_tui.domain.units import counted, format_eur


def plan_size(plan: ResolvedPlan) -> str:
    """`12 VMs in 2 waves`."""
    return f"{counted(len(plan.vms), 'VM')} in {counted(len(plan.waves), 'wave')}"


def plan_lines(plan: ResolvedPlan, cost: Cost | None = None) -> tuple[str, ...]:
    """Everything decided, in the order of the run."""
    return (*_waves(plan, cost), *_left_out(plan), *_footer(plan, cost))


def _waves(plan: ResolvedPlan, cost: Cost | None) -> Iterable[str]:
    monthly = {line.vm: line.monthly for line in cost.lines} if cost else {}
    members = {each.name: each for each in plan.vms}
    power = {each.wave: each.describe() for each in power_by_wave(plan)}
    width = max((len(name) for name in members), default=0)
    for wave in plan.waves:
        size = counted(len(wave.vm_names), "VM")
        yield f"wave {wave.name}: {size}{_window(wave)}, then {wave.pause_after.value}"
        yield from (f"  {line}" for line in power.get(wave.name, ()))
        for name in wave.vm_names:
            yield f"  {name:<{width}}  {_decision(members[name], monthly.get(name))}"


def _window(wave: ResolvedWave) -> str:
    begin = f", not before {wave.not_before.isoformat()}" if wave.not_before else ""
    return begin + (f", not after {wave.not_after.isoformat()}" if wave.not_after else "")


def _decision(planned: PlannedVm, monthly: float | None) -> str:
    moving = len(planned.vm.disks) - len(planned.skipped_disks)
    parts = (
        f"{planned.target_type or 'no type fits'} in {planned.zone}",
        f"priority {planned.priority}",
        planned.consistency.value,
        f"{counted(moving, 'disk')}, {planned.vm.total_disk_gib:g} GB",
        f"{format_eur(monthly)}/month" if monthly is not None else "",
        "initramfs rebuilt" if planned.rebuilds_initramfs else "",
        "virt-v2v besides v2s" if planned.by_virt_v2v else "",
        "" if planned.create_instance else "no Instance",
    )
    return ", ".join(part for part in parts if part)


def _left_out(plan: ResolvedPlan) -> Iterable[str]:
    if plan.excluded:
        yield f"excluded: {counted(len(plan.excluded), 'VM')}"
        yield from (f"  {name}: {reason}" for name, reason in plan.excluded)
    for selector in plan.unmatched_selectors:
        yield f"selects no VM: {selector}"
    for group in plan.not_together:
        yield f"one at a time: {', '.join(group)}"


def _footer(plan: ResolvedPlan, cost: Cost | None) -> Iterable[str]:
    total = sum(each.vm.total_disk_gib for each in plan.vms)
    price = f", {format_eur(cost.monthly)} a month, {format_eur(cost.once)} once" if cost else ""
    yield f"{plan_size(plan)}, {total:,.0f} GB of disks{price}"
