"""A forecast as lines of text, for screen and terminal: time and what bounds it, work space, cost."""

from itertools import pairwise

from rich.cells import cell_len, set_cell_size

from v2s_tui.domain.planning.cost import Cost, CostLine
from v2s_tui.domain.planning.forecast import Forecast
from v2s_tui.domain.planning.simulation import Timeline
from v2s_tui.domain.units import counted, format_bytes, format_duration, format_eur
from v2s_tui.presentation.charts import ASCII_SIGNS, Signs, area, bar

_BAR = 20
DEAREST = 12
"""VMs that the cost table names; of more, the rest is one line."""
_LONGEST_NAME = 32
"""Cells of a name in it: a row is to stay one line of 80."""


def time_lines(forecast: Forecast, *, signs: Signs = ASCII_SIGNS) -> list[str]:
    """When it is through, and what holds it up."""
    lines = [
        f"through in {format_duration(forecast.p50_seconds)} (9 of 10 cases within "
        f"{format_duration(forecast.p90_seconds)}), gates excluded"
    ]
    lines.append(f"bottleneck: {forecast.bottleneck or _slowest_vm(forecast.timeline)}")
    for use in forecast.uses:
        waited = f"  waited {format_duration(use.waited_seconds)}" if use.waited_seconds > 1 else ""
        lines.append(f"  {use.limit:<24} {bar(use.share, _BAR, signs)} {use.share:4.0%} busy{waited}")
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


def space_lines(
    timeline: Timeline, *, free_bytes: int | None, width: int = 60, signs: Signs = ASCII_SIGNS
) -> list[str]:
    """The work disk: its peak, what is free, and its use over time with what is free as waterline."""
    peak = timeline.peak_work_bytes
    free = f", {format_bytes(free_bytes)} free" if free_bytes is not None else ""
    lines = [f"work disk peak {format_bytes(peak)}{free}"]
    if peak and timeline.end:
        water = free_bytes if free_bytes is not None and free_bytes <= 2 * peak else None
        top = max(peak, water or 0)
        waterline = None if water is None else water / top
        heights = [level / top for level in _levels(timeline, width)]
        lines += [f"  {line}" for line in area(heights, signs, waterline=waterline)]
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


def cost_lines(cost: Cost, *, signs: Signs = ASCII_SIGNS) -> list[str]:
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
    for wave, amount in cost.by_wave().items():
        share = bar(amount / (cost.monthly or 1), _BAR, signs)
        lines.append(f"  {f'wave {wave}':<24} {share} {format_eur(amount):>14}/month")
    return [*lines, *(f"  note: {note}" for note in cost.notes)]


def cost_table(cost: Cost) -> list[str]:
    """What each VM costs, the dearest first; the rest of a large plan in one line."""
    ordered = sorted(cost.lines, key=lambda line: -line.monthly)
    shown, rest = ordered[:DEAREST], ordered[DEAREST:]
    width = min(_LONGEST_NAME, max((cell_len(line.vm) for line in shown), default=0))
    title = set_cell_size("EUR per month", max(width, 13))
    lines = [f"  {title}  {'Instance':>10} {'Storage':>9} {'IPv4':>7} {'together':>10}"]
    lines += [f"  {set_cell_size(line.vm, max(width, 13))}  {_amounts(line)}" for line in shown]
    if rest:
        sum_of_rest = sum(line.monthly for line in rest)
        lines.append(f"  {counted(len(rest), 'VM')} more: {format_eur(sum_of_rest)}")
    return lines


def _amounts(line: CostLine) -> str:
    return f"{line.instance:>10,.2f} {line.block:>9,.2f} {line.ipv4:>7,.2f} {line.monthly:>10,.2f}"
