"""The Estimate screen's body: the forecast's lines with colours that repeat what letters and words say."""

from collections.abc import Iterable

from textual.content import Content

from v2s_tui.domain.planning.forecast import Forecast
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.presentation.charts import ASCII_SIGNS, BLOCK_SIGNS, Signs
from v2s_tui.presentation.forecast_lines import cost_lines, cost_table, space_lines, time_lines
from v2s_tui.presentation.gantt import GanttLine, gantt, label_width_of
from v2s_tui.presentation.run_columns import stage_letter
from v2s_tui.usecases.look_ahead import Outlook

_AT_SOURCE = {Stage.VALIDATE, Stage.SHUTDOWN_SOURCE, Stage.SNAPSHOT, Stage.EXPORT}
_ON_THE_WAY = {Stage.UPLOAD_S3, Stage.IMPORT_SCW}
_AT_TARGET = {Stage.CREATE_INSTANCE, Stage.VERIFY, Stage.CLEANUP}
_WIDEST_CHART = 100


def _style_of(stage: Stage) -> str:
    """A colour for each place where a stage works: plain at the source, this host, the way, the target."""
    if stage in _AT_SOURCE:
        return "$foreground"
    if stage in _ON_THE_WAY:
        return "$text-primary"
    return "$text-success" if stage in _AT_TARGET else "$text-warning"


_STYLES = {stage_letter(stage): _style_of(stage) for stage in Stage}


def estimate_text(outlook: Outlook, forecast: Forecast, *, width: int, ascii_only: bool) -> Content:
    """Time, work disk, cost, Gantt chart, and what is assumed. width: of the line, in cells."""
    signs = ASCII_SIGNS if ascii_only else BLOCK_SIGNS
    chart = min(_WIDEST_CHART, width - 4)
    space = space_lines(forecast.timeline, free_bytes=outlook.work_free_bytes, width=chart, signs=signs)
    parts = [
        *_section("Time", time_lines(forecast, signs=signs)),
        *_section("Work disk", space),
        *_section("Cost", cost_lines(outlook.cost, signs=signs)),
        *_heading("Gantt chart"),
        *_gantt(forecast, width=width, signs=signs),
        _legend(),
        Content(),
        *map(Content, cost_table(outlook.cost)),
        Content(),
        *(Content.styled(f"assumed: {each}", "$text-muted") for each in forecast.assumptions),
    ]
    return Content("\n").join(parts)


def _heading(title: str) -> list[Content]:
    return [Content.styled(title, "bold $text-accent")]


def _section(title: str, lines: Iterable[str]) -> list[Content]:
    return [*_heading(title), *map(_with_blocks, lines), Content()]


def _with_blocks(line: str) -> Content:
    """Coloured where block elements draw a bar or an area."""
    text = Content(line)
    for start, end, sign in _runs(line):
        if sign != " " and sign in BLOCK_SIGNS.levels:
            text = text.stylize("$primary", start, end)
    return text


def _gantt(forecast: Forecast, *, width: int, signs: Signs) -> Iterable[Content]:
    lines = gantt(forecast.timeline, width=width, signs=signs)
    label_width = label_width_of(line.label for line in lines)
    return (_gantt_line(line, label_width) for line in lines)


def _gantt_line(line: GanttLine, label_width: int) -> Content:
    text = Content(line.text(label_width))
    if line.heading:
        return text.stylize("bold" if line.label else "$text-muted")
    begin = label_width + 1
    for start, end, letter in _runs(line.track):
        if letter in _STYLES:
            text = text.stylize(_STYLES[letter], begin + start, begin + end)
    return text


def _runs(track: str) -> Iterable[tuple[int, int, str]]:
    """(first cell, cell behind the last, character) of each run of equal characters."""
    start = 0
    for index in range(1, len(track) + 1):
        if index == len(track) or track[index] != track[start]:
            yield start, index, track[start]
            start = index


def _legend() -> Content:
    entries = [
        Content.styled(stage_letter(stage), _style_of(stage)) + Content(f"={stage.value}") for stage in Stage
    ]
    return Content("  ").join(entries)
