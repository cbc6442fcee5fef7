"""A newcomer without any configuration, on a small terminal: from the guide to the inventory."""

import shutil
import stat
from pathlib import Path

import pytest
from lab_process import lab_process, v2s_argv
from tmux_terminal import terminal

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.lab,
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]


def test_a_newcomer_connects_trusts_the_certificate_and_sees_the_vms(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with (
        lab_process(tmp_path / "lab", "--scenario", "tiny") as lab,
        terminal(home, width=80, height=24) as shell,
    ):
        vmware = lab.settings["vmware"]
        shell.command(v2s_argv(None), {"HOME": str(home), "XDG_STATE_HOME": "", "XDG_CONFIG_HOME": ""})
        shell.wait_for("Welcome to v2s", "l   Try the lab", "c   Connect", "esc look around")
        shell.keys("c")
        shell.wait_for("Connect v2s", "enter check")
        shell.type(f"127.0.0.1:{vmware['port']}")
        shell.keys("Down")
        shell.type(vmware["username"])
        shell.keys("Down")
        password = Path(vmware["password_file"]).read_text().strip()
        shell.type(password)
        shell.keys("Enter")
        assert password not in shell.wait_for("all checked", "ctrl+y takes", seconds=90)
        shell.keys("C-y")
        shell.wait_for("all checked", "2 FAIL", seconds=90)
        shell.keys("C-s")
        shell.wait_for("4 of 4 VMs", "tiny-win-01")
        shell.keys("q")
        shell.wait_for_shell()
    config = home / ".config" / "v2s" / "migration.yaml"
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert password not in config.read_text()
