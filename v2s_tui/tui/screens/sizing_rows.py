"""What the Sizing screen shows of an outlook: rows, sums against the source, types that fit, reasons."""

from collections.abc import Sequence

from rich.text import Text

from v2s_tui.domain.planning.plan import SizingStrategy
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.target.instance_types import InstanceType
from v2s_tui.domain.target.sizing import Need, choose_type, misfits, need_of
from v2s_tui.domain.units import GIB, counted, format_eur
from v2s_tui.presentation.plan_columns import SizingRow, catalogue_note, type_text
from v2s_tui.usecases.look_ahead import Outlook


def sizing_rows(outlook: Outlook | None) -> list[SizingRow]:
    """One row a planned VM, in the plan's order."""
    if outlook is None:
        return []
    blocked: dict[str, int] = {}
    for finding in outlook.blocking:
        blocked[finding.vm] = blocked.get(finding.vm, 0) + 1
    return [
        SizingRow(
            planned,
            outlook.type_of(planned),
            chosen=planned.name in outlook.chosen_names,
            alarms=blocked.get(planned.name, 0),
            cheapest=_cheapest(outlook, planned),
        )
        for planned in outlook.resolved.vms
    ]


def _cheapest(outlook: Outlook, planned: PlannedVm) -> InstanceType | None:
    catalogue = outlook.catalogues.get(planned.zone)
    if catalogue is None:
        return None
    name = choose_type(planned.vm, catalogue, SizingStrategy.COST).type_name
    return catalogue.get(name) if name else None


def most_needed(rows: Sequence[SizingRow]) -> Need:
    """What all of these VMs can live with."""
    needs = [need_of(row.planned.vm) for row in rows]
    return Need(max(each.vcpu_count for each in needs), max(each.memory_bytes for each in needs))


def sums_text(rows: Sequence[SizingRow], outlook: Outlook, *, strategy: str, marked: int) -> Text:
    """Price, what the VMs get and how it differs from what they have, and what is wrong. Of all rows."""
    typed = [row for row in rows if row.target]
    price = sum(row.target.price_month_eur for row in typed if row.target)
    has_cpu = sum(row.planned.vm.cpu_count for row in rows)
    has_gib = sum(row.planned.vm.memory_mb for row in rows) / 1024
    gets_cpu = sum(row.target.vcpu_count for row in typed if row.target)
    gets_gib = sum(row.target.memory_bytes for row in typed if row.target) / GIB
    text = Text(no_wrap=True, overflow="ellipsis")
    saving = sum(row.saving_eur for row in rows if not row.chosen)
    text.append(f"{counted(len(rows), 'VM')} {format_eur(price)}/month", style="bold")
    text.append(f"  {marked} marked" if marked else "", style="bold")
    missing = len(rows) - len(typed)
    if missing:
        text.append("  ").append(f" {missing} without a type ", style="bold reverse")
    text.append(f"  {strategy}" + (f" (cost: -{saving:,.0f})" if saving >= 1 else ""))
    text.append(f"  {gets_cpu} vCPU ({gets_cpu - has_cpu:+d})")
    text.append(f"  {gets_gib:,.0f} GiB ({gets_gib - has_gib:+,.0f})")
    notes = {note for each in outlook.catalogues.values() if (note := catalogue_note(each))}
    return text.append("  " + "; ".join(sorted(notes)) if notes else "", style="dim")


def fitting_types(outlook: Outlook, rows: Sequence[SizingRow]) -> list[InstanceType]:
    """Types of the first row's zone that can take every row, cheapest first."""
    types = outlook.catalogues[rows[0].planned.zone].types
    needs = [need_of(row.planned.vm) for row in rows]
    fitting = [each for each in types if not any(misfits(need, each) for need in needs)]
    return sorted(fitting, key=lambda each: each.price_hour_eur)


def why_lines(outlook: Outlook, row: SizingRow) -> list[str]:
    """Why the VM goes there, and what each type that costs less lacks."""
    need = need_of(row.planned.vm)
    types = sorted(outlook.catalogues[row.planned.zone].types, key=lambda each: each.price_hour_eur)
    limit = row.target.price_hour_eur if row.target else float("inf")
    lines = [f"has {row.source_text}, {counted(len(row.planned.vm.disks), 'disk')}"]
    if row.target:
        lines.append(f"gets {row.target.name}: {type_text(row.target)}")
    cheaper = [
        f"  {each.name:<20} {format_eur(each.price_month_eur):>12}  {'; '.join(why)}"
        for each in types
        if each.price_hour_eur < limit and (why := misfits(need, each))
    ]
    heading = "cheaper types and what they lack:" if cheaper else "no type is cheaper"
    return [*lines, row.planned.type_reason, "", heading, *cheaper]


def sizing_tone(row: SizingRow, column: str) -> str:
    """Colour that repeats what the words say."""
    if column == "target" and row.target is None:
        return "fail"
    if column == "name" and row.alarms:
        return "warn"
    if column == "stock" and row.target is not None:
        return {"available": "ok", "scarce": "warn", "shortage": "fail"}.get(row.target.stock.value, "dim")
    return ""
