"""What VMs really used, for `rightsize`: asked once per process, so that every look at a plan sizes alike."""

from collections.abc import Iterable, Mapping, Sequence

from v2s_tui.domain.errors import ConfigError, SourceError
from v2s_tui.domain.planning.plan import BatchPlan, Migration, SizingStrategy
from v2s_tui.domain.planning.selection import select
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.source.vm import Vm
from v2s_tui.domain.target.sizing import MeasuredUse
from v2s_tui.usecases.services import Services


def measured_use(services: Services, vms: Sequence[Vm]) -> Mapping[str, MeasuredUse]:
    """By moref; empty without a vCenter (an RVTools file), where rightsizing then says so VM by VM."""
    known = services.measured
    unknown = [vm.moref for vm in vms if vm.moref not in known]
    if unknown:
        known.update(dict.fromkeys(unknown) | _ask(services, unknown))
    return {vm.moref: use for vm in vms if (use := known.get(vm.moref)) is not None}


def _ask(services: Services, morefs: Iterable[str]) -> dict[str, MeasuredUse | None]:
    try:
        return dict(services.source().measured_use(morefs))
    except (ConfigError, SourceError):
        return {}


def use_in_plan(services: Services, plan: BatchPlan, inventory: Inventory) -> Mapping[str, MeasuredUse]:
    """Measured use of the VMs whose type the plan leaves to `rightsize`; nothing is asked where it is none.

    Raises PlanError for an exclusion that cannot be read.
    """

    def rightsized(line: Migration) -> bool:
        strategy = line.sizing_strategy or plan.defaults.sizing_strategy
        return strategy is SizingStrategy.RIGHTSIZE and not line.target_type

    if not any(map(rightsized, plan.migrations)):
        return {}
    selection = select(plan, inventory, strict=False, kept_filters=services.settings.filters)
    return measured_use(services, [line.vm for line in selection.lines if rightsized(line.migration)])
