"""What a start will do, as lines: asked before the first wave, in the app and at a terminal."""

from v2s_tui.domain.planning.cost import Cost
from v2s_tui.domain.planning.forecast import Forecast
from v2s_tui.domain.planning.plan_options import Consistency
from v2s_tui.domain.planning.resolved import ResolvedPlan
from v2s_tui.domain.planning.show import plan_size
from v2s_tui.domain.units import counted, format_duration, format_eur


def power_lines(resolved: ResolvedPlan) -> list[str]:
    """Sources whose power the plan touches; empty when it touches none."""
    cold = [each.name for each in resolved.vms if each.consistency is Consistency.COLD]
    lines = []
    if cold:
        lines.append(f"SHUTS DOWN the source before its copy: {', '.join(cold)}")
    if resolved.post_migration.power_off_source:
        lines.append("POWERS OFF every source once its VM is complete (power_off_source)")
    return lines


def start_lines(resolved: ResolvedPlan, cost: Cost, forecast: Forecast) -> list[str]:
    """Waves with their gates, what it costs, how long it takes, whose power it touches."""
    lines = [
        f"{plan_size(resolved)}, "
        f"about {format_duration(forecast.p50_seconds)} (P90 {format_duration(forecast.p90_seconds)})",
        f"{format_eur(cost.monthly)} per month, {format_eur(cost.once)} once",
        "",
    ]
    lines += [
        f"wave {each.name}: {counted(len(each.vm_names), 'VM')}, then {each.pause_after.value}"
        for each in resolved.waves
    ]
    touched = power_lines(resolved)
    return [*lines, "", *(touched or ["no source's power is touched"])]
