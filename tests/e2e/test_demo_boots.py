"""The demo as a newcomer sees it: its Linux guests are adapted, boot here under UEFI, and arrive."""

import json
from importlib.resources import files
from pathlib import Path

import pytest
from lab_process import lab_process, v2s

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(1500)]

PLAN = files("v2s_tui.lab.scenarios").joinpath("demo-plan.yaml")


def test_ten_linux_guests_boot_before_they_are_sent(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    with lab_process(tmp_path / "lab", "--scenario", "demo") as lab:
        result = v2s(lab, "--run", str(PLAN), "--yes", timeout=1400)
        failed = [line for line in result.stderr.splitlines() if "FAILED in" in line]
        assert (result.returncode, failed) == (0, []), result.stderr[-4000:]
        (batch_id,) = lab.batch_ids()
        written = v2s(lab, "batch", "report", "--batch-id", batch_id, "--format", "json", "-o", str(report))
        assert written.returncode == 0, written.stderr
        lab.assert_nothing_left_behind()
        assert {each["state"] for each in lab.resources("server")} == {"running"}
    text = json.dumps(json.loads(report.read_text()))
    assert text.count('"userspace"') >= 10
