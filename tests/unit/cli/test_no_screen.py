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


def on_a_terminal(folder: Path, **environment: str) -> tuple[int, list[str]]:
    """Exit code and lines of the app, started where it could be shown."""
    ours, theirs = pty.openpty()
    home = {"HOME": str(folder), "XDG_STATE_HOME": str(folder / "state"), "TERM": "xterm"}
    argv = [sys.executable, "-m", "v2s_tui.cli.main"]
    ends = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    environ = {**os.environ, **home, **environment}
    result = subprocess.run(argv, **ends, env=environ, cwd=folder, timeout=30, check=False)
    os.close(theirs)
    shown = os.read(ours, 4000).decode()
    os.close(ours)
    return result.returncode, shown.splitlines()


def test_a_theme_that_there_is_not_is_told_before_the_app_opens(tmp_path: Path) -> None:
    (tmp_path / "migration.yaml").write_text("theme: ansi-drak\n")
    assert on_a_terminal(tmp_path) == (
        2, ["v2s: theme: there is none called 'ansi-drak'", "     did you mean ansi-dark?"],
    )  # fmt: skip


def test_a_home_that_cannot_be_written_is_told_with_the_way_round_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    state = str(tmp_path / "file" / "state")
    assert on_a_terminal(tmp_path, XDG_STATE_HOME=state) == (
        2,
        [
            f"v2s: the app cannot keep its session in {state} (Not a directory)",
            "     set XDG_STATE_HOME to a folder of yours",
        ],
    )
