"""Where no full screen can be drawn the app says so, with the way without one, and touches nothing."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("term", "to_file"),
    [("dumb", None), ("unknown", None), (None, None), ("xterm", "stdout"), ("xterm", "stderr")],
)
def test_the_app_is_refused_with_the_headless_way(
    tmp_path: Path, term: str | None, to_file: str | None
) -> None:
    ours, theirs = pty.openpty()
    environ = {name: value for name, value in os.environ.items() if name != "TERM"}
    environ |= {"TERM": term} if term else {}
    said = tmp_path / "said"
    ends = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    with said.open("wb") as file:
        ends |= {to_file: file.fileno()} if to_file else {}
        argv = [sys.executable, "-m", "v2s_tui.cli.main"]
        result = subprocess.run(argv, **ends, env=environ, cwd=tmp_path, timeout=30, check=False)
    os.close(theirs)
    shown = os.read(ours, 4000).decode() if to_file != "stderr" else said.read_text()
    os.close(ours)
    assert result.returncode == 2
    assert "needs a terminal with a screen" in shown
    assert "v2s --run plan.yaml" in shown
    assert "\x1b" not in shown


def test_a_theme_that_there_is_not_is_told_before_the_app_opens(tmp_path: Path) -> None:
    (tmp_path / "migration.yaml").write_text("theme: ansi-drak\n")
    ours, theirs = pty.openpty()
    home = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state"), "TERM": "xterm"}
    argv = [sys.executable, "-m", "v2s_tui.cli.main"]
    ends = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    result = subprocess.run(argv, **ends, env={**os.environ, **home}, cwd=tmp_path, timeout=30, check=False)
    os.close(theirs)
    shown = os.read(ours, 4000).decode()
    os.close(ours)
    assert result.returncode == 2
    assert shown.splitlines() == [
        "v2s: theme: there is none called 'ansi-drak'",
        "     did you mean ansi-dark?",
    ]
