"""Bars, areas and Gantt charts: in their places, within their width, in characters every terminal has."""

from dataclasses import replace

import pytest
from fakes.plans import plan_of, vm_named
from rich.cells import cell_len

from v2s_tui.domain.planning.cost import Cost, CostLine
from v2s_tui.domain.planning.forecast import forecast
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.simulation import Timeline
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.presentation.charts import ASCII_SIGNS, BLOCK_SIGNS, ROWS, area, bar
from v2s_tui.presentation.forecast_lines import DEAREST, cost_lines, cost_table, space_lines, time_lines
from v2s_tui.presentation.gantt import gantt, gantt_lines, label_width_of
from v2s_tui.presentation.run_columns import stage_letter

NAMES = [f"web-{number}" for number in range(4)]


def _forecast():
    waves = [("canary", [vm_named(NAMES[0])], PausePolicy.PAUSE),
             ("rest", [vm_named(name) for name in NAMES[1:]], PausePolicy.CONTINUE)]  # fmt: skip
    return forecast(plan_of(waves))


@pytest.mark.parametrize(
    ("share", "drawn"), [(-1, "----"), (0, "----"), (0.5, "##--"), (1, "####"), (9, "####")]
)
def test_a_bar_keeps_its_width(share: float, drawn: str) -> None:
    assert bar(share, 4) == drawn


def test_an_area_stands_on_its_lowest_row_under_the_waterline() -> None:
    assert area([1.0, 0.5, 0.25, 0.0], ASCII_SIGNS, waterline=1.0) == ["#---", "#", "##", "###"]
    assert area([0.125], BLOCK_SIGNS)[-1] == "▄"
    assert len(area([], ASCII_SIGNS)) == ROWS


def test_the_waterline_is_drawn_only_where_it_is_near() -> None:
    timeline = _forecast().timeline
    peak = timeline.peak_work_bytes
    assert any("-" in line for line in space_lines(timeline, free_bytes=int(1.2 * peak))[1:])
    far = space_lines(timeline, free_bytes=10 * peak)
    assert not any("-" in line for line in far[1:])
    assert far[1].strip(), "the peak reaches the top row"


@pytest.mark.parametrize("width", [60, 80, 140])
def test_every_vm_stands_under_its_wave_within_the_width(width: int) -> None:
    lines = gantt(_forecast().timeline, width=width)
    labels = [line.label for line in lines]
    assert labels == ["", "canary", "  web-0", "rest", *(f"  {name}" for name in NAMES[1:])]
    assert all(len(line) <= width for line in gantt_lines(_forecast().timeline, width=width))
    assert lines[0].track.startswith("|0")


def test_a_later_wave_begins_where_the_one_before_it_ends() -> None:
    lines = {line.label: line.track for line in gantt(_forecast().timeline, width=100)}
    first = len(lines["  web-0"].rstrip())
    begins = len(lines["  web-1"]) - len(lines["  web-1"].lstrip())
    assert abs(begins - first) <= 1
    assert stage_letter(Stage.IMPORT_SCW) in lines["  web-3"]


def test_nothing_planned_draws_nothing() -> None:
    assert gantt(Timeline(), width=80) == []
    assert label_width_of([]) == 0


def test_plain_signs_are_plain() -> None:
    found = _forecast()
    cost = Cost((CostLine("a", "one", (), 10.0, 1.0, 0.0), CostLine("b", "two", (), 30.0, 1.0, 0.0)))
    lines = [*time_lines(found), *space_lines(found.timeline, free_bytes=1), *cost_lines(cost)]
    assert all(line.isascii() for line in [*lines, *gantt_lines(found.timeline, width=80)])


def test_the_dearest_vms_are_named_and_the_rest_summed() -> None:
    line = CostLine("a", "one", (), 10.0, 1.0, 0.0)
    many = tuple(
        replace(line, vm=f"vm-{number:02d}", instance=float(number)) for number in range(DEAREST + 3)
    )
    table = cost_table(Cost(many))
    assert table[1].split()[0] == f"vm-{DEAREST + 2}"
    assert table[-1].strip() == f"3 VMs more: EUR {0 + 1 + 2 + 3:.2f}"


def test_a_row_of_the_cost_table_stays_one_line_under_its_title() -> None:
    names = ("customer-portal-frontend-production-eu-west-blue-green-0001", "日本語サーバー-éü", "web-01")
    table = cost_table(Cost(tuple(CostLine(name, "one", (), 10.0, 1.0, 0.0) for name in names)))
    assert {cell_len(line) for line in table} == {cell_len(table[0])}
    assert cell_len(table[0]) < 80
