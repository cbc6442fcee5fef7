"""Select VMs of the inventory and write the plan that an operator then reviews."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from v2s_tui.adapters.formats.plan_yaml import write_plan
from v2s_tui.domain.planning.generate import make_plan
from v2s_tui.domain.planning.plan import BatchPlan, SizingStrategy
from v2s_tui.domain.source.filters import Filter
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.source.vm import Vm
from v2s_tui.usecases.load_catalogue import load_catalogue
from v2s_tui.usecases.measure_use import measured_use
from v2s_tui.usecases.services import Services


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What `inventory-plan` asks. filters: each VM must pass all of them. auto_map: choose types now."""

    filters: tuple[Filter, ...] = ()
    strategy: SizingStrategy = SizingStrategy.OPTIMIZE
    zone: str = "fr-par-1"
    tags: Sequence[str] = ()
    auto_map: bool = True


def select_vms(inventory: Inventory, filters: Sequence[Filter]) -> tuple[Vm, ...]:
    """VMs that pass every filter, in inventory order."""
    left = list(inventory)
    for each in filters:
        left = each.select(left)
    return tuple(left)


def plan_selection(services: Services, inventory: Inventory, request: PlanRequest) -> BatchPlan:
    """The plan for the selected VMs; `rightsize` asks vCenter what they really used."""
    chosen = select_vms(inventory, request.filters)
    used = measured_use(services, chosen) if request.strategy is SizingStrategy.RIGHTSIZE else {}
    return make_plan(
        inventory,
        chosen,
        zone=request.zone,
        strategy=request.strategy,
        catalogue_of_zone=lambda zone: load_catalogue(services, zone),
        generated_at=services.clock.now(),
        tags=request.tags,
        auto_map=request.auto_map,
        use_of=lambda vm: used.get(vm.moref),
    )


def save_new_plan(plan: BatchPlan, path: Path) -> None:
    """Write a new plan file; PlanError when there is one of that name."""
    write_plan(plan, path)
