"""The demo by keys in a real terminal: browse, filter, plan, run, approve, leave in the middle, come back."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from lab_process import RunningLab, lab_process, v2s_argv
from tmux_terminal import Terminal, start_plan, terminal

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.lab,
    pytest.mark.timeout(420),
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]

PLAN = {
    "version": 1,
    "defaults": {"zone": "fr-par-1", "adapt": False, "accept": {"bios-as-is": "the lab's guests never boot"}},
    "migrations": [{"vm_pattern": "tiny-*"}],
    "waves": [
        {"name": "canary", "vms": ["tiny-01"], "pause_after": "pause"},
        {"name": "rest", "vms": ["tiny-*"], "pause_after": "continue"},
    ],
}


def open_app(shell: Terminal, lab: RunningLab, home: Path) -> None:
    shell.command(v2s_argv(lab), {"XDG_STATE_HOME": str(home)})
    shell.wait_for("1 Inventory", "? Help")


def test_a_migration_by_keys_survives_leaving_and_coming_back(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(yaml.safe_dump(PLAN))
    with lab_process(tmp_path / "lab", "--scenario", "tiny") as lab, terminal(tmp_path) as shell:
        home = tmp_path / "state"
        open_app(shell, lab, home)
        shell.wait_for("4 of 4 VMs", "tiny-win-01")

        shell.keys("/")
        shell.type("os:windows")
        shown = shell.wait_for("1 of 4 VMs")
        assert "tiny-01 " not in shown
        shell.keys("Enter")
        shell.keys("Escape")
        shell.wait_for("4 of 4 VMs")

        shell.keys("3")
        shell.wait_for("nothing is planned yet")
        shell.keys("C-o")
        shell.wait_for("Open which plan file")
        shell.type(str(plan))
        shell.keys("Enter")
        shell.wait_for("4 VMs in 2 waves", "canary")

        shell.keys("4")
        shell.wait_for("4 VMs", "/month", "bottleneck")
        shell.keys("5")
        shell.wait_for("no batch is open")
        start_plan(shell)
        shell.wait_for("canary 0/1 running")

        shell.keys("q")
        shell.wait_for_shell()
        open_app(shell, lab, home)
        shell.wait_for("GATE after wave canary", "1 of 1 complete", "next   wave rest: 3 VMs", seconds=180)
        shell.wait_for("per month more", seconds=60)
        shell.keys("c")
        shell.wait_for("canary 1/1 ended", "rest")
        shell.wait_for("4/4 complete", "complete", seconds=240)

        shell.keys("6")
        shell.wait_for("Lasted", "4/4")
        shell.keys("o")
        shell.wait_for("Report of batch")
        shell.keys("Escape", "q")
        shell.wait_for_shell()
        assert len(lab.resources("server")) == 4


def test_sigterm_leaves_a_clean_terminal_and_keeps_the_session(tmp_path: Path) -> None:
    with lab_process(tmp_path / "lab", "--scenario", "tiny") as lab, terminal(tmp_path) as shell:
        open_app(shell, lab, tmp_path / "state")
        shell.wait_for("4 of 4 VMs")
        shell.keys("/")
        shell.type("os:windows")
        shell.wait_for("1 of 4 VMs")
        os.kill(app_pid(lab), signal.SIGTERM)
        shell.wait_for_shell()
        shell.type("echo status $?")
        shell.keys("Enter")
        assert "1 Inventory" not in shell.wait_for("status 143")
        open_app(shell, lab, tmp_path / "state")
        shell.wait_for("1 of 4 VMs", "os:windows")
        shell.keys("q")


def app_pid(lab: RunningLab) -> int:
    """The app of this lab: the process whose whole command line is that of the app."""
    argv = "\0".join([sys.executable, "-m", "v2s_tui.cli.main", "--config", str(lab.config), ""])
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if entry.read_text() == argv:
                return int(entry.parent.name)
        except (OSError, UnicodeDecodeError):
            continue
    raise AssertionError(subprocess.run(["ps", "aux"], capture_output=True, text=True, check=True).stdout)
