"""What each sizing strategy would make of a plan, side by side."""

from dataclasses import dataclass

from v2s_tui.domain.planning.plan import SizingStrategy
from v2s_tui.domain.units import GIB
from v2s_tui.presentation.columns import Column


@dataclass(frozen=True, slots=True)
class StrategyRow:
    """The plan under that strategy. monthly_eur: all of it, storage too. than_now_eur: against the plan as it
    is. changes: VMs that would go to another type. untyped: VMs without one.
    """

    strategy: SizingStrategy
    monthly_eur: float
    than_now_eur: float
    vcpu_count: int
    memory_bytes: int
    changes: int
    untyped: int
    current: bool


STRATEGY_COLUMNS: tuple[Column[StrategyRow], ...] = (
    Column("strategy", "Strategy", 14, lambda row: row.strategy.value + (" (now)" if row.current else ""),
           grows=True),
    Column("price", "EUR/month", 11, lambda row: f"{row.monthly_eur:,.2f}", right=True),
    Column("delta", "Than now", 10, lambda row: "" if row.current else f"{row.than_now_eur:+,.2f}",
           right=True),
    Column("vcpu", "vCPU", 5, lambda row: str(row.vcpu_count), right=True),
    Column("memory", "GiB", 6, lambda row: f"{row.memory_bytes / GIB:,.0f}", right=True),
    Column("changes", "Changes", 7, lambda row: str(row.changes) if row.changes else "", right=True),
    Column("untyped", "No type", 7, lambda row: str(row.untyped) if row.untyped else "", right=True),
)  # fmt: skip
