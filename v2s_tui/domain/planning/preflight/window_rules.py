"""Rules about the waves' windows, which need the forecast."""

from collections.abc import Iterable
from datetime import datetime

from v2s_tui.domain.planning.preflight.findings import Finding, Severity
from v2s_tui.domain.planning.resolved import ResolvedPlan, ResolvedWave
from v2s_tui.domain.planning.simulation import Timeline
from v2s_tui.domain.units import format_duration


def window_findings(plan: ResolvedPlan, timeline: Timeline, now: datetime) -> Iterable[Finding]:
    """Waves whose window is over, or shorter than the wave takes by the forecast."""
    seconds = {name: ended - began for name, began, ended in timeline.waves}
    for wave in plan.waves:
        if wave.not_after is None or not wave.vm_names:
            continue
        yield from _window(wave, seconds.get(wave.name, 0.0), now)


def _window(wave: ResolvedWave, seconds: float, now: datetime) -> Iterable[Finding]:
    end = wave.not_after
    if end is None:
        return
    if end <= now:
        yield Finding(
            "window-over",
            Severity.BLOCKS,
            f"the window of wave {wave.name} ended {end.isoformat()}",
            "no VM of the wave would start",
            "give it another window",
            wave=wave.name,
        )
        return
    begin = max(now, wave.not_before) if wave.not_before else now
    if seconds > (end - begin).total_seconds():
        yield Finding(
            "window-short",
            Severity.WARNS,
            f"wave {wave.name} takes about {format_duration(seconds)}, its window "
            f"{format_duration((end - begin).total_seconds())}",
            "VMs that have not started when it closes do not start",
            "a longer window, fewer VMs, or higher limits",
            wave=wave.name,
        )
