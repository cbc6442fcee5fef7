"""Choosing an Instance type for a VM (reference: seed-system.md A5).

Only types that can really take the VM compete: x86-64, no GPU, on sale, in stock, room for its disks, and
for Windows only those sold with its licence. Of these, `exact` wastes least, `optimize` weighs CPU over
memory and likes dedicated vCPUs, `cost` is cheapest. Ties go to the name that sorts first.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from v2s_tui.domain.planning.plan import SizingStrategy
from v2s_tui.domain.source.guest_os import OsFamily
from v2s_tui.domain.source.vm import Vm
from v2s_tui.domain.target.instance_types import Catalogue, InstanceType, Stock
from v2s_tui.domain.units import GIB, MIB

DEDICATED_BONUS = 0.05
"""What `optimize` takes off the waste of a type with dedicated vCPUs (seed-system.md A5)."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a type must offer. disk_bytes: all disks together, disk_count of them."""

    vcpu_count: int
    memory_bytes: int
    disk_count: int = 1
    disk_bytes: int = 0
    windows: bool = False


@dataclass(frozen=True, slots=True)
class MeasuredUse:
    """What a VM really used: 95th percentiles over `days`. cpu_share, memory_share: of its vCPUs, and of its
    memory as actively used, 0 to 1.
    """

    cpu_share: float
    memory_share: float
    days: int


@dataclass(frozen=True, slots=True)
class RightsizePolicy:
    """headroom: share added to what was measured; the floors are never gone below."""

    headroom: float = 0.3
    least_vcpu_count: int = 1
    least_memory_bytes: int = GIB


@dataclass(frozen=True, slots=True)
class SizingChoice:
    """type_name: None when nothing fits. reason: one line. alternatives: the next best, best first."""

    type_name: str | None
    reason: str
    alternatives: tuple[str, ...] = ()


def need_of(vm: Vm) -> Need:
    """What the VM is allocated in vSphere."""
    windows = vm.os_family is OsFamily.WINDOWS
    return Need(vm.cpu_count, vm.memory_mb * MIB, len(vm.disks), vm.total_disk_bytes, windows)


def rightsized_need(vm: Vm, use: MeasuredUse, policy: RightsizePolicy | None = None) -> Need:
    """What the VM used plus headroom, at least the floors and never more than it has."""
    policy = policy or RightsizePolicy()
    allocated, grown = need_of(vm), 1 + policy.headroom
    vcpu_count = max(policy.least_vcpu_count, math.ceil(round(vm.cpu_count * use.cpu_share * grown, 6)))
    memory_bytes = max(
        policy.least_memory_bytes, math.ceil(allocated.memory_bytes * use.memory_share * grown)
    )
    return replace(
        allocated,
        vcpu_count=min(vcpu_count, allocated.vcpu_count),
        memory_bytes=min(memory_bytes, allocated.memory_bytes),
    )


def misfits(need: Need, candidate: InstanceType) -> tuple[str, ...]:
    """Why this type cannot take the VM; empty when it can."""
    rules = (
        (candidate.windows and not need.windows, "is sold with a Windows licence"),
        (need.windows and not candidate.windows, "has no Windows licence; Windows runs on -WIN types only"),
        (candidate.arch != "x86_64", f"is {candidate.arch}, VMware guests are x86_64"),
        (candidate.gpu_count > 0, "is a GPU type"),
        (candidate.end_of_service, "is at its end of service"),
        (
            candidate.vcpu_count < need.vcpu_count,
            f"has {candidate.vcpu_count} vCPU, {need.vcpu_count} needed",
        ),
        (candidate.memory_bytes < need.memory_bytes, _memory_text(need, candidate)),
        (
            candidate.max_volumes < need.disk_count,
            f"takes {candidate.max_volumes} volumes of {need.disk_count}",
        ),
        (
            candidate.needs_local_storage and candidate.local_storage_max_bytes < need.disk_bytes,
            "boots from local storage that is too small for the disks",
        ),
    )
    return tuple(text for wrong, text in rules if wrong)


def _memory_text(need: Need, candidate: InstanceType) -> str:
    return f"has {candidate.memory_bytes / GIB:g} GB memory, {need.memory_bytes / GIB:g} needed"


def choose_type(
    vm: Vm,
    catalogue: Catalogue,
    strategy: SizingStrategy,
    *,
    use: MeasuredUse | None = None,
    policy: RightsizePolicy | None = None,
) -> SizingChoice:
    """The type for this VM. `rightsize` needs measured use; without it, it chooses as `optimize` and says
    so.
    """
    if not vm.readable or vm.cpu_count < 1:
        return SizingChoice(None, "vCenter gave no configuration for this VM")
    if strategy is not SizingStrategy.RIGHTSIZE:
        return choose_for(need_of(vm), catalogue, strategy)
    if use is None:
        choice = choose_for(need_of(vm), catalogue, SizingStrategy.OPTIMIZE)
        return replace(choice, reason=f"no measured use, sized as allocated: {choice.reason}")
    choice = choose_for(rightsized_need(vm, use, policy), catalogue, SizingStrategy.OPTIMIZE)
    measured = f"95% of {use.days} days within {use.cpu_share:.0%} of {vm.cpu_count} vCPU"
    memory = f"{use.memory_share * vm.memory_mb / 1024:.1f} of {vm.memory_mb / 1024:g} GB"
    return replace(choice, reason=f"{measured} and {memory}: {choice.reason}")


def choose_for(need: Need, catalogue: Catalogue, strategy: SizingStrategy) -> SizingChoice:
    """The type for an abstract need; alternatives are the next three."""
    if not any(each.needs_local_storage for each in catalogue.types):
        need = replace(need, disk_bytes=0)
    return _chosen(_Same(catalogue), need, strategy)


class _Same:
    """A catalogue compared by identity: hashing its 150 types for every VM would cost more than choosing."""

    __slots__ = ("catalogue",)

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.catalogue is self.catalogue

    def __hash__(self) -> int:
        return id(self.catalogue)


@lru_cache(maxsize=4096)
def _chosen(same: _Same, need: Need, strategy: SizingStrategy) -> SizingChoice:
    catalogue = same.catalogue
    fitting = [each for each in catalogue.types if _sold(each) and not misfits(need, each)]
    if not fitting:
        return SizingChoice(None, _why_none(need, catalogue))
    ranked = sorted(fitting, key=lambda each: (_score(need, each, strategy), each.name))
    best = ranked[0]
    return SizingChoice(best.name, _reason(need, best, strategy), tuple(each.name for each in ranked[1:4]))


def _sold(candidate: InstanceType) -> bool:
    return not candidate.development and candidate.stock is not Stock.SHORTAGE


def _score(need: Need, candidate: InstanceType, strategy: SizingStrategy) -> float:
    if strategy is SizingStrategy.COST:
        return candidate.price_hour_eur
    cpu_waste = 1 - need.vcpu_count / candidate.vcpu_count
    memory_waste = 1 - need.memory_bytes / candidate.memory_bytes
    if strategy is SizingStrategy.EXACT:
        return round(cpu_waste + memory_waste, 9)
    bonus = DEDICATED_BONUS if candidate.dedicated_vcpu else 0
    return round(0.6 * cpu_waste + 0.4 * memory_waste - bonus, 9)


def _reason(need: Need, chosen: InstanceType, strategy: SizingStrategy) -> str:
    why = {
        SizingStrategy.EXACT: "closest in size",
        SizingStrategy.COST: "cheapest that fits",
    }.get(strategy, "least waste, dedicated vCPU" if chosen.dedicated_vcpu else "least waste")
    cpu = f"{need.vcpu_count} of {chosen.vcpu_count} vCPU"
    memory = f"{need.memory_bytes / GIB:g} of {chosen.memory_bytes / GIB:g} GB"
    return f"{why}: {cpu}, {memory}, EUR {chosen.price_month_eur:.2f}/month"


def _why_none(need: Need, catalogue: Catalogue) -> str:
    """The rule that leaves nothing: the first of these that no type passes together with those before it."""
    left = [each for each in catalogue.types if _sold(each)]
    rules: tuple[tuple[Callable[[InstanceType], bool], str], ...] = (
        (
            lambda each: each.windows == need.windows,
            "sells no Windows types" if need.windows else "has no types",
        ),
        (lambda each: each.vcpu_count >= need.vcpu_count, f"has no type with {need.vcpu_count} vCPU"),
        (
            lambda each: each.memory_bytes >= need.memory_bytes,
            f"has no such type with {need.memory_bytes / GIB:g} GB",
        ),
        (lambda each: each.max_volumes >= need.disk_count, f"has no type for {need.disk_count} disks"),
    )
    for passes, text in rules:
        left = [each for each in left if passes(each)]
        if not left:
            return f"{catalogue.zone} {text}"
    return f"{catalogue.zone} has no type that fits: {left[0].name} {misfits(need, left[0])[0]}"
