"""How a planned VM reads in a table: the sizing map on the screen, `plan show`, and the run's plan table."""

from dataclasses import dataclass

from v2s_tui.domain.planning.plan import Migration
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.target.instance_types import Catalogue, InstanceType
from v2s_tui.domain.target.sizing import Need
from v2s_tui.domain.units import GIB
from v2s_tui.presentation.columns import Column
from v2s_tui.presentation.inventory_columns import memory_text


@dataclass(frozen=True, slots=True)
class SizingRow:
    """A planned VM and the type it goes to. chosen: named by the operator. alarms: findings that block.

    cheapest: what the strategy `cost` would choose, None where nothing fits.
    """

    planned: PlannedVm
    target: InstanceType | None
    chosen: bool = False
    alarms: int = 0
    cheapest: InstanceType | None = None

    @property
    def saving_eur(self) -> float:
        """What the cheapest type would save in a month."""
        if self.target is None or self.cheapest is None:
            return 0.0
        return self.target.price_month_eur - self.cheapest.price_month_eur

    @property
    def source_text(self) -> str:
        """`4 vCPU 16 GiB`: what it has in vSphere."""
        vm = self.planned.vm
        return f"{vm.cpu_count} vCPU {memory_text(vm.memory_mb)}"


def type_text(target: InstanceType) -> str:
    """`4 vCPU 16 GiB`: what the type offers."""
    return f"{target.vcpu_count} vCPU {target.memory_bytes / GIB:g} GiB"


def _target(row: SizingRow) -> str:
    if row.target is None:
        return row.planned.target_type or "no type fits"
    return row.target.name + ("" if row.chosen else " (auto)")


def _cheapest(row: SizingRow) -> str:
    if row.cheapest is None:
        return "-"
    return f"{row.cheapest.name} -{row.saving_eur:,.2f}" if row.saving_eur > 0 else "the same"


def _price(row: SizingRow) -> str:
    return f"{row.target.price_month_eur:,.2f}" if row.target else "-"


SIZING_COLUMNS: tuple[Column[SizingRow], ...] = (
    Column("name", "VM", 20, lambda row: row.planned.name),
    Column("source", "Has", 15, lambda row: row.source_text, lambda row: row.planned.vm.cpu_count),
    Column("target", "Goes to", 24, _target),
    Column("cheapest", "Cost would say", 24, _cheapest, lambda row: row.saving_eur, important=False),
    Column("offers", "Gets", 15, lambda row: type_text(row.target) if row.target else "-", important=False),
    Column("price", "EUR/month", 10, _price,
           lambda row: row.target.price_month_eur if row.target else 0.0, right=True),
    Column("zone", "Zone", 9, lambda row: row.planned.zone, important=False),
    Column("wave", "Wave", 12, lambda row: row.planned.wave, important=False),
    Column("disk", "Disk", 9, lambda row: f"{row.planned.vm.total_disk_gib:,.0f} GiB",
           lambda row: row.planned.vm.total_disk_bytes, right=True, important=False),
    Column("stock", "Stock", 9, lambda row: row.target.stock.value if row.target else "-", important=False),
)  # fmt: skip


def type_columns(need: Need, now: InstanceType | None) -> tuple[Column[InstanceType], ...]:
    """Types to choose from. need: of all VMs meant, the most of each. now: where the first goes today."""

    def spare(each: InstanceType) -> str:
        gib = (each.memory_bytes - need.memory_bytes) / GIB
        return f"+{each.vcpu_count - need.vcpu_count} vCPU +{gib:g} GiB"

    def than_now(each: InstanceType) -> str:
        return "now" if each is now else f"{each.price_month_eur - now.price_month_eur:+,.2f}" if now else ""

    return (
        Column("name", "Type", 18, lambda each: each.name),
        Column("vcpu", "vCPU", 4, lambda each: str(each.vcpu_count), lambda each: each.vcpu_count,
               right=True),
        Column("memory", "GiB", 4, lambda each: f"{each.memory_bytes / GIB:g}",
               lambda each: each.memory_bytes, right=True),
        Column("price", "EUR/month", 9, lambda each: f"{each.price_month_eur:,.2f}",
               lambda each: each.price_hour_eur, right=True),
        Column("delta", "Than now", 9, than_now, right=True),
        Column("stock", "Stock", 9, lambda each: each.stock.value),
        Column("spare", "To spare", 16, spare, important=False),
        Column("cpu", "CPU", 9, lambda each: "dedicated" if each.dedicated_vcpu else "shared",
               important=False),
    )  # fmt: skip


def catalogue_note(catalogue: Catalogue) -> str:
    """Where prices come from, said where it is not the API."""
    if catalogue.source == "api":
        return ""
    return f"prices and types of {catalogue.zone} are bundled figures of {catalogue.as_of:%Y-%m-%d}, not live"


MIGRATION_COLUMNS: tuple[Column[Migration], ...] = (
    Column("vm", "VM", 24, lambda line: line.selector),
    Column("target", "Goes to", 20, lambda line: line.target_type or "[auto-map]"),
    Column("priority", "Prio", 4, lambda line: str(line.priority), lambda line: line.priority, right=True),
    Column("zone", "Zone", 9, lambda line: line.zone or ""),
    Column("notes", "Notes", 50, lambda line: line.notes, important=False),
)
"""Lines of a plan as written, before it meets an inventory."""
