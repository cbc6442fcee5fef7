"""A simulated run as a Gantt chart: an axis of time, each wave, and each of its VMs stage by stage."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from v2s_tui.domain.planning.simulation import Segment, Timeline
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.domain.units import format_duration
from v2s_tui.presentation.charts import ASCII_SIGNS, Signs
from v2s_tui.presentation.run_columns import stage_letter

_LONGEST_LABEL = 24
_NICE_SECONDS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200, 86400)
_DURATION_CELLS = 8
"""Room for a wave's duration behind its line."""
_TICK_CELLS = 12
"""Room that a time on the axis needs at least."""


@dataclass(frozen=True, slots=True)
class GanttLine:
    """One line. track: from the chart's left edge. heading: it is the axis or a wave, not a VM."""

    label: str
    track: str
    heading: bool = False

    def text(self, label_width: int) -> str:
        """Label and track in their places."""
        return f"{self.label[:label_width]:<{label_width}} {self.track}".rstrip()


def label_width_of(labels: Iterable[str]) -> int:
    """Cells for the labels of a chart."""
    return min(_LONGEST_LABEL, max(map(len, labels), default=0))


def gantt(timeline: Timeline, *, width: int, signs: Signs = ASCII_SIGNS) -> list[GanttLine]:
    """The axis, then the waves in order; a stage is its letter for as long as it runs, a VM that waits shows
    the sign for it. width: of the whole line.
    """
    if not timeline.end:
        return []
    by_vm: dict[str, list[Segment]] = {}
    for segment in timeline.segments:
        by_vm.setdefault(segment.vm, []).append(segment)
    labels = [*(f"  {vm}" for vm in by_vm), *(name for name, _, _ in timeline.waves)]
    scale = max(10, width - label_width_of(labels) - 1 - _DURATION_CELLS) / timeline.end
    lines = [GanttLine("", _axis(timeline.end, scale), heading=True)]
    for name, began, ended in timeline.waves:
        lines.append(GanttLine(name, _wave_track(began, ended, scale, signs), heading=True))
        for vm, segments in by_vm.items():
            if began <= segments[0].asked < ended:
                lines.append(GanttLine(f"  {vm}", _track(segments, scale, signs)))
    return lines


def gantt_lines(timeline: Timeline, *, width: int) -> list[str]:
    """The chart in plain ASCII."""
    lines = gantt(timeline, width=width)
    label_width = label_width_of(line.label for line in lines)
    return [line.text(label_width) for line in lines]


def _axis(end_seconds: float, scale: float) -> str:
    """Times at round distances, each written to the right of its place."""
    step = next((each for each in _NICE_SECONDS if each * scale >= _TICK_CELLS), end_seconds)
    cells = ""
    for tick in range(int(end_seconds / step) + 1):
        time = format_duration(tick * step).removesuffix("00s").removesuffix("00m")
        mark = f"|{time}" if tick else "|0"
        cells = cells.ljust(int(tick * step * scale)) + mark
    return cells


def _wave_track(began: float, ended: float, scale: float, signs: Signs) -> str:
    cells = max(1, int((ended - began) * scale))
    return f"{' ' * int(began * scale)}{signs.rest * cells} {format_duration(ended - began)}"


def _track(segments: Sequence[Segment], scale: float, signs: Signs) -> str:
    cells = [" "] * (int(max(each.ended for each in segments) * scale) + 1)
    for segment in segments:
        _fill(cells, segment.asked * scale, segment.began * scale, signs.wait, at_least=0)
        _fill(cells, segment.began * scale, segment.ended * scale, stage_letter(segment.stage), at_least=1)
    return "".join(cells)


def _fill(cells: list[str], begin: float, end: float, sign: str, *, at_least: int) -> None:
    for index in range(int(begin), max(int(begin) + at_least, int(end))):
        if index < len(cells):
            cells[index] = sign


LEGEND = "stages: " + " ".join(f"{stage_letter(stage)}={stage.value}" for stage in Stage)
