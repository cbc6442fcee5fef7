"""A whole migration by keys on a small terminal, as an operator over SSH does it: browse, filter, size, make
waves, edit, estimate, run, approve, leave, come back, see one VM fail, retry it, approve, read the report.
"""

import re
import shutil
from pathlib import Path

import pytest
import yaml
from lab_process import lab_process, v2s_argv
from tmux_terminal import Terminal, start_plan, terminal

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.lab,
    pytest.mark.slow,
    pytest.mark.timeout(420),
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]

ONE_VM_FAILS_ONCE = {
    "rules": [
        {"server": "vcenter", "operation": "CreateSnapshot_Task", "subject": "tiny-02", "first": 1,
         "fault": "NotSupported"},
    ]
}  # fmt: skip
EDITOR = """\
#!/bin/sh
cat >> "$1" <<END
defaults:
  adapt: false
  accept: {bios-as-is: the guests of the lab never boot}
END
"""
"""What the operator does in an editor: nothing in the lab's small guests can be adapted."""


def test_a_whole_migration_by_keys(tmp_path: Path) -> None:
    faults, editor = tmp_path / "faults.yaml", tmp_path / "editor"
    faults.write_text(yaml.safe_dump(ONE_VM_FAILS_ONCE))
    editor.write_text(EDITOR)
    editor.chmod(0o700)
    options = ("--scenario", "tiny", "--speed", "10", "--faults", str(faults))
    environ = {"XDG_STATE_HOME": str(tmp_path / "state"), "EDITOR": str(editor)}
    with lab_process(tmp_path / "lab", *options) as lab, terminal(tmp_path, width=80, height=24) as shell:
        argv = v2s_argv(lab)
        shell.command(argv, environ)
        choose_vms(shell)
        make_waves(shell)
        edit_and_estimate(shell)
        start(shell)
        approve_the_canary(shell)

        shell.keys("q")
        shell.wait_for_shell()
        shell.command(argv, environ)
        retry_and_approve(shell)

        read_the_report(shell)
        assert len(lab.resources("server")) == 4


def choose_vms(shell: Terminal) -> None:
    """Browse, filter, mark, plan, give one another type."""
    shell.wait_for("4 of 4 VMs", "tiny-win-01")
    shell.keys("/")
    shell.type("os:linux")
    assert "tiny-win-01" not in shell.wait_for("3 of 4 VMs")
    shell.keys("Enter", "a")
    shell.wait_for("3 marked")
    shell.keys("Escape", "a")
    shell.wait_for("4 of 4 VMs", "4 marked")
    shell.keys("p")
    shell.wait_for("4 VMs EUR", "(auto)")
    shell.keys("Enter")
    shell.wait_for("Instance type for tiny-01", "EUR/month")
    shell.type("DEV1-L")
    shell.keys("Enter")
    shell.wait_for("DEV1-L ")


def make_waves(shell: Terminal) -> None:
    """Three waves; a gate behind the first and the second."""
    shell.keys("3")
    shell.wait_for("4 VMs in 1 wave", "priority 5 (4 VMs)")
    shell.keys("Down")
    to_new_wave(shell, "canary")
    shell.wait_for("canary (1 VM)")
    for name in ("tiny-02", "tiny-03"):
        go_to(shell, name)
        shell.keys("space")
    to_new_wave(shell, "production")
    shell.wait_for("production (2 VMs)")
    go_to(shell, "tiny-win-01")
    to_new_wave(shell, "rest")
    shell.wait_for("rest (1 VM)", "4 VMs in 3 waves")
    for wave in ("canary (1 VM)", "production (2 VMs)"):
        go_to(shell, wave)
        choose_policy(shell, "then pause ")
    shell.keys("C-s")
    shell.wait_for("Save the plan as")
    shell.keys("Enter")
    shell.wait_for("plan.yaml  4 VMs in 3 waves")


def to_new_wave(shell: Terminal, name: str) -> None:
    shell.keys("w")
    shell.wait_for("new wave...")
    shell.type("new wave")
    shell.keys("Enter")
    shell.wait_for("Name of the new wave")
    shell.type(name)
    shell.keys("Enter")


def go_to(shell: Terminal, row: str) -> None:
    """Move the cursor to the row that shows this."""
    shell.keys("g")
    for _ in range(10):
        if row in cursor_row(shell):
            return
        shell.keys("j")
    raise AssertionError(shell.screen)


def choose_policy(shell: Terminal, shown: str) -> None:
    """o goes through the policies; each shows before the next."""
    for _ in range(3):
        row = cursor_row(shell)
        if shown in row:
            return
        shell.keys("o")
        shell.wait_until(lambda row=row: cursor_row(shell) != row)
    assert shown in cursor_row(shell)


def cursor_row(shell: Terminal) -> str:
    return next((line for line in shell.screen.splitlines() if line.startswith(">")), "")


def edit_and_estimate(shell: Terminal) -> None:
    """Edit the file in an editor and come back validated; look at time, room and money."""
    shell.keys("e")
    shell.wait_for("taken", "boots by BIOS")
    shell.keys("4")
    shell.wait_for("4 VMs", "/month", "bottleneck")


def start(shell: Terminal) -> None:
    shell.keys("5")
    shell.wait_for("no batch is open")
    start_plan(shell)


def approve_the_canary(shell: Terminal) -> None:
    shell.wait_for("GATE after wave canary", "1 of 1 complete", "production: 2 VMs", seconds=90)
    shell.keys("c")
    shell.wait_for("canary 1/1 ended", "production")


def retry_and_approve(shell: Terminal) -> None:
    """One VM of the second wave has failed while nobody looked: see why, retry it, go on."""
    shell.wait_for("GATE after wave production", "1 of 2", "tiny-02 FAILED", seconds=90)
    go_to(shell, "tiny-02")
    shell.keys("Enter")
    shell.wait_for("tiny-02", "snapshot", "fix")
    shell.keys("t")
    shell.wait_for("GATE after wave production", "2 of 2 complete, 0 failed", seconds=60)
    shell.keys("c")
    shell.wait_for("4/4 complete", seconds=90)


def read_the_report(shell: Terminal) -> None:
    shell.keys("6")
    shell.wait_for("Lasted", "4/4")
    shell.keys("o")
    pages = [shell.wait_for("Report of batch", "Summary")]
    for _ in range(10):
        shell.keys("PageDown")
        pages.append(shell.screen)
    report = "\n".join(pages)
    assert re.search(r"Succeeded +4\b", report)
    assert report.count("approve") >= 2
    assert "Retries" in report
    shell.keys("Escape", "q")
    shell.wait_for_shell()
