"""What a start will do, as lines: asked before the first wave, in the app and at a terminal."""

from v2s_tui.domain.planning.cost import Cost
from v2s_tui.domain.planning.forecast import Forecast
from v2s_tui.domain.planning.resolved import ResolvedPlan
from v2s_tui.domain.planning.show import plan_size
from v2s_tui.domain.planning.source_power import power_by_wave
from v2s_tui.domain.units import counted, format_duration, format_eur


def power_lines(resolved: ResolvedPlan) -> list[str]:
    """Sources whose power the plan touches, all by name, wave by wave; empty when it touches none."""
    return [
        f"wave {touched.wave} {line}" for touched in power_by_wave(resolved) for line in touched.describe()
    ]


def start_lines(resolved: ResolvedPlan, cost: Cost, forecast: Forecast) -> list[str]:
    """Waves with their gates, what it costs, how long it takes, whose power it touches."""
    lines = [
        f"{plan_size(resolved)}, "
        f"about {format_duration(forecast.p50_seconds)} (P90 {format_duration(forecast.p90_seconds)})",
        f"{format_eur(cost.monthly)} per month, {format_eur(cost.once)} once",
        "",
    ]
    touched = power_lines(resolved)
    lines += [*(touched or ["no source's power is touched"]), ""]
    return lines + [
        f"wave {each.name}: {counted(len(each.vm_names), 'VM')}, then {each.pause_after.value}"
        for each in resolved.waves
    ]
