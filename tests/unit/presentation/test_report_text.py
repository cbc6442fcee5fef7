"""The report says what happened, in every format, and no name can break it."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.plans import plan_of, vm_named
from fakes.rig import Rig
from fakes.world import failing

from v2s_tui.domain.errors import ToolError
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.simulation import Segment
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.domain.report import BatchReport, forecast_figures, report_of
from v2s_tui.domain.report_lines import GuestChanges
from v2s_tui.engine.settings import GateMode
from v2s_tui.presentation.report_text import REPORT_FORMATS, report_format_of

ODD_NAME = "[web] <b>|pipe"


@pytest.fixture
def report(tmp_path: Path) -> BatchReport:
    waves = [
        ("canary", [vm_named("web-dev-01")], PausePolicy.PAUSE),
        ("all", [vm_named(ODD_NAME), vm_named("db-01", disks=2)], PausePolicy.CONTINUE),
    ]
    rig = Rig(plan_of(waves), tmp_path)
    rig.world.rules.append(
        failing(
            "check",
            ToolError("img check failed", command="", exit_code=1, stderr_tail="leaked"),
            about="00000002",
        )
    )
    rig.run(gate_mode=GateMode.STOP)
    rig.run(gate_mode=GateMode.STOP, approve=True)
    return report_of(rig.state, rig.clock.now(), monthly_eur={"web-dev-01": 40.15, "db-01": 12.0})


def test_the_last_words_of_a_tool_stay_words(report: BatchReport) -> None:
    """They may repeat what stands in a guest: nothing of it is obeyed by a terminal or ends its block."""
    said = "\x1b]0;owned\x07\x1b[2J\n`````\n<script>alert(1)</script>"
    vms = tuple(replace(line, detail=said) if line.detail else line for line in report.vms)
    hostile = replace(report, vms=vms)
    for name in ("markdown", "text"):
        assert not set(REPORT_FORMATS[name](hostile)) & set("\x1b\x07")
    lines = REPORT_FORMATS["markdown"](hostile).splitlines()
    began = lines.index("``````text")
    assert "<script>alert(1)</script>" in lines[began : lines.index("``````", began)]


def test_it_counts_and_tells_how_to_go_on(report: BatchReport) -> None:
    assert report.status.value == "partial"
    assert report.resume_command == "v2s batch resume --batch-id 0a1b2c3d"
    assert report.monthly_eur == pytest.approx(52.15)
    assert [line.name for line in report.vms if line.error] == [ODD_NAME]
    assert report.approvals[0].decision.value == "approve"


def test_what_a_failed_vm_left_is_listed(report: BatchReport) -> None:
    assert {(each.vm_name, each.kind.value) for each in report.leftovers} == {(ODD_NAME, "vmware_snapshot")}


def test_markdown_has_the_specified_sections(report: BatchReport) -> None:
    text = REPORT_FORMATS["markdown"](report)
    for heading in (
        "# Migration report: batch 0a1b2c3d", "## Summary", "## Successful migrations",
        "## Failed migrations", "## Stage timing", "## Decisions at gates", "## Artifacts",
        "## Left outside", "## Going on",
    ):  # fmt: skip
        assert heading in text
    (row,) = [line for line in text.splitlines() if line.startswith("| [web]")][:1]
    assert row == "| [web] &lt;b>\\|pipe | convert | img check failed |"


def test_stages_are_in_alphabetical_order_and_of_successful_vms_only(report: BatchReport) -> None:
    names = [line.stage.value for line in report.stages]
    assert {line.count for line in report.stages} == {2}
    text = REPORT_FORMATS["markdown"](report)
    table = text[text.index("## Stage timing") : text.index("## Waves")]
    shown = [line.split(" | ")[0].lstrip("| ") for line in table.splitlines() if line.startswith("| ")][2:]
    assert shown == sorted(names)


def test_guests_are_summed_up_and_their_warnings_said_once(tmp_path: Path) -> None:
    rig = Rig(plan_of([("all", [vm_named("a"), vm_named("b")], PausePolicy.CONTINUE)]), tmp_path)
    rig.run()
    job = rig.state.jobs["a"]
    notes = {
        "adapt_guest": "no swap", "boot": "proven here", "rehearsal": "userspace in 41 s (kvm)",
        "consistency": "cold",
    }  # fmt: skip
    artifacts = replace(job.artifacts, guest_manifest="/e/m.json", boot_level="userspace", notes=notes)
    state = replace(rig.state, jobs={**rig.state.jobs, "a": replace(job, artifacts=artifacts)})
    changes = {"a": GuestChanges(("/etc/fstab", "/boot/grub/grub.cfg"), ("no swap",))}
    made = report_of(state, rig.clock.now(), guest_changes=changes)
    text = REPORT_FORMATS["markdown"](made)
    assert "| a | 2 | 1 | userspace in 41 s (kvm) | proven here | /e/m.json |" in text
    assert text.count("no swap") == 1
    assert "| a | consistency | cold |" in text
    assert [line.boot for line in made.vms] == ["proven here", "unproven"]
    without = REPORT_FORMATS["markdown"](report_of(state, rig.clock.now()))
    assert "| a | adapt_guest | no swap |" in without, "the manifest is gone, the warning is not"


def test_html_escapes_names(report: BatchReport) -> None:
    text = REPORT_FORMATS["html"](report)
    assert "[web] &lt;b&gt;|pipe" in text
    assert "<b>|pipe" not in text


def test_csv_has_one_line_per_vm_and_no_formula(report: BatchReport) -> None:
    rows = list(csv.DictReader(io.StringIO(REPORT_FORMATS["csv"](report))))
    assert [row["name"] for row in rows] == ["web-dev-01", ODD_NAME, "db-01"]
    assert rows[1]["status"] == "failed"


def test_json_is_the_whole_record(report: BatchReport) -> None:
    data = json.loads(REPORT_FORMATS["json"](report))
    assert data["batch_id"] == "0a1b2c3d"
    assert len(data["disks"]) == 4


def test_plain_text_lines_up(report: BatchReport) -> None:
    text = REPORT_FORMATS["text"](report)
    assert "Successful migrations\n---------------------" in text


@pytest.mark.parametrize(
    ("name", "expected"), [("r.html", "html"), ("r.CSV", "csv"), ("r.md", "markdown"), ("r", "markdown")]
)
def test_the_ending_of_the_file_chooses_the_format(name: str, expected: str) -> None:
    assert report_format_of(Path(name)) == expected


def test_forecast_and_actual_stand_side_by_side(tmp_path: Path) -> None:
    segments = [
        Segment("a", Stage.EXPORT, 0.0, 1.0, 11.0),
        Segment("b", Stage.EXPORT, 0.0, 5.0, 25.0),
        Segment("a", Stage.VERIFY, 20.0, 20.0, 22.0),
    ]
    figures = forecast_figures(90.0, segments)
    assert figures == {"total": 90.0, "export": 15.0, "verify": 2.0}
    rig = Rig(plan_of([("all", [vm_named("a")], PausePolicy.CONTINUE)]), tmp_path)
    rig.run()
    state = replace(rig.state, header=replace(rig.state.header, forecast=figures))
    lines = {line.stage: line for line in report_of(state, rig.clock.now()).stages}
    assert lines[Stage.EXPORT].forecast_seconds == 15.0
    assert lines[Stage.SNAPSHOT].forecast_seconds is None
