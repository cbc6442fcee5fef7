"""Whoever asks for the lab in the app's guide gets `v2s demo` in its place."""

import os
import signal
import sys
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from v2s_tui.cli import lab
from v2s_tui.cli.main import cli
from v2s_tui.tui.beginning import TRY_THE_LAB


@pytest.mark.parametrize(("code", "said", "left_with"), [(TRY_THE_LAB, "the demo", 0), (143, "", 143)])
def test_the_guide_leads_to_the_demo(
    monkeypatch: pytest.MonkeyPatch, code: int, said: str, left_with: int
) -> None:
    monkeypatch.setattr("v2s_tui.cli.app.open_app", lambda *_: code)
    monkeypatch.setattr(
        "v2s_tui.cli.lab.demo", click.Command("demo", callback=lambda: click.echo("the demo"))
    )
    result = CliRunner().invoke(cli, [])
    assert result.output.strip() == said
    assert result.exit_code == left_with


def test_ctrl_c_reaches_the_one_who_is_asked_and_not_the_lab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, pid_file = tmp_path / "python", tmp_path / "pid"
    program.write_text(
        f"#!{sys.executable}\n"
        "import os, pathlib\n"
        "from v2s_tui.lab.up import _signals\n"
        "with _signals() as ended:\n"
        f"    pathlib.Path({str(pid_file)!r}).write_text(str(os.getpid()))\n"
        "    print('lab ready /there', flush=True)\n"
        "    ended.recv(1)\n"
    )
    program.chmod(0o700)
    monkeypatch.setattr(lab.sys, "executable", str(program))
    with lab.lab_running(tmp_path / "lab", scenario="demo") as config:
        assert config == Path("/there")
        pid = int(pid_file.read_text())
        os.kill(pid, signal.SIGINT)
        time.sleep(0.5)
        assert "(zombie)" not in Path(f"/proc/{pid}/status").read_text()
    assert not Path(f"/proc/{pid}").exists()
