"""What the same plan would cost under each sizing strategy; types the plan names stay as they are."""

from v2s_tui.domain.planning.plan import BatchPlan, SizingStrategy
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.presentation.strategy_columns import StrategyRow
from v2s_tui.usecases.look_ahead import Outlook, look_ahead
from v2s_tui.usecases.services import Services


def compare_strategies(services: Services, plan: BatchPlan, inventory: Inventory) -> tuple[StrategyRow, ...]:
    """One row a strategy, in the order of SizingStrategy. Raises PlanError like `look_ahead`."""
    now = look_ahead(services, plan, inventory)
    return tuple(
        _row(each, now, look_ahead(services, _under(plan, each), inventory), plan) for each in SizingStrategy
    )


def _under(plan: BatchPlan, strategy: SizingStrategy) -> BatchPlan:
    defaults = plan.defaults.model_copy(update={"sizing_strategy": strategy})
    return plan.model_copy(update={"defaults": defaults})


def _row(strategy: SizingStrategy, now: Outlook, then: Outlook, plan: BatchPlan) -> StrategyRow:
    types_now = {each.name: each.target_type for each in now.resolved.vms}
    targets = [then.type_of(each) for each in then.resolved.vms]
    return StrategyRow(
        strategy=strategy,
        monthly_eur=then.cost.monthly,
        than_now_eur=then.cost.monthly - now.cost.monthly,
        vcpu_count=sum(each.vcpu_count for each in targets if each),
        memory_bytes=sum(each.memory_bytes for each in targets if each),
        changes=sum(types_now[each.name] != each.target_type for each in then.resolved.vms),
        untyped=sum(each is None for each in targets),
        current=strategy is plan.defaults.sizing_strategy,
    )
