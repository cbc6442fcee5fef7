"""A forecast as lines of text: time with its Gantt chart, space over time, cost. For screen and terminal."""

from collections.abc import Sequence
from itertools import pairwise

from v2s_tui.domain.planning.cost import Cost
from v2s_tui.domain.planning.forecast import Forecast
from v2s_tui.domain.planning.simulation import Segment, Timeline
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.domain.units import format_bytes, format_duration, format_eur
from v2s_tui.presentation.run_columns import bar, stage_letter

_CURVE = " .:-=+*#%@"


def time_lines(forecast: Forecast) -> list[str]:
    """When it is through, and what holds it up."""
    lines = [
        f"through in {format_duration(forecast.p50_seconds)} (9 of 10 cases within "
        f"{format_duration(forecast.p90_seconds)}), gates excluded"
    ]
    lines.append(f"bottleneck: {forecast.bottleneck or _slowest_vm(forecast.timeline)}")
    for use in forecast.uses:
        waited = f"  waited {format_duration(use.waited_seconds)}" if use.waited_seconds > 1 else ""
        lines.append(f"  {use.limit:<24} {bar(use.share, 20)} {use.share:4.0%} busy{waited}")
    return lines


def _slowest_vm(timeline: Timeline) -> str:
    """What the end waits for when no limit does: the VM that is through last, and its longest stage."""
    last = max(timeline.segments, key=lambda each: each.ended, default=None)
    if last is None:
        return "none, there is nothing to do"
    longest = max(
        (each for each in timeline.segments if each.vm == last.vm), key=lambda each: each.ended - each.began
    )
    seconds = format_duration(longest.ended - longest.began)
    return f"no limit; {last.vm} is through last, {longest.stage.value} takes {seconds} of it"


def space_lines(timeline: Timeline, *, free_bytes: int | None, width: int = 60) -> list[str]:
    """The work disk: its peak, what is free, and the curve over time."""
    peak = timeline.peak_work_bytes
    free = f", {format_bytes(free_bytes)} free" if free_bytes is not None else ""
    lines = [f"work disk peak {format_bytes(peak)}{free}"]
    if peak and timeline.end:
        lines.append("  " + "".join(_CURVE[round(9 * level / peak)] for level in _levels(timeline, width)))
    if timeline.unfit:
        lines.append(f"  never fit: {', '.join(timeline.unfit)}")
    return lines


def _levels(timeline: Timeline, width: int) -> list[int]:
    """Highest reservation in each of `width` slices of time."""
    levels = [0] * width
    changes = [*timeline.disk, (timeline.end, 0)]
    for (begin, size), (end, _) in pairwise(changes):
        first = min(width - 1, int(begin / timeline.end * width))
        last = min(width - 1, int(end / timeline.end * width))
        for index in range(first, last + 1):
            levels[index] = max(levels[index], size)
    return levels


def gantt_lines(timeline: Timeline, *, width: int, names: Sequence[str] | None = None) -> list[str]:
    """One line a VM: each stage as its letter for as long as it runs, dots while it waits."""
    if not timeline.end:
        return []
    by_vm: dict[str, list[Segment]] = {}
    for segment in timeline.segments:
        by_vm.setdefault(segment.vm, []).append(segment)
    label = min(24, max(map(len, by_vm), default=0))
    scale = max(10, width - label - 2) / timeline.end
    shown = [name for name in names or by_vm if name in by_vm]
    return [f"{name[:label]:<{label}} {_track(by_vm[name], scale)}" for name in shown]


def _track(segments: list[Segment], scale: float) -> str:
    cells = [" "] * (int(max(each.ended for each in segments) * scale) + 1)
    for segment in segments:
        _fill(cells, segment.asked * scale, segment.began * scale, ".")
        _fill(cells, segment.began * scale, segment.ended * scale, stage_letter(segment.stage))
    return "".join(cells)


def _fill(cells: list[str], begin: float, end: float, sign: str) -> None:
    for index in range(int(begin), max(int(begin) + (sign != "."), int(end))):
        if index < len(cells):
            cells[index] = sign


def cost_lines(cost: Cost) -> list[str]:
    """Per month and once, by wave, and what is assumed."""
    instance = sum(line.instance for line in cost.lines)
    block = sum(line.block for line in cost.lines)
    ipv4 = sum(line.ipv4 for line in cost.lines)
    windows = sum(line.windows for line in cost.lines)
    lines = [
        f"{format_eur(cost.monthly)} per month: Instances {format_eur(instance)}"
        + (f" (of it Windows {format_eur(windows)})" if windows else "")
        + f", Block Storage {format_eur(block)}, IPv4 {format_eur(ipv4)}",
        f"{format_eur(cost.once)} once: transit objects, snapshots, double running",
    ]
    lines += [f"  wave {wave:<20} {format_eur(amount):>14}/month" for wave, amount in cost.by_wave().items()]
    return [*lines, *(f"  note: {note}" for note in cost.notes)]


LEGEND = "stages: " + " ".join(f"{stage_letter(stage)}={stage.value}" for stage in Stage)
