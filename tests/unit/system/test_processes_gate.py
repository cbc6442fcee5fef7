"""The one gate for processes: output, failure that can be pasted, cancellation of the whole group, secrets
hidden.
"""

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from v2s_tui.domain.errors import Cancelled, ToolError
from v2s_tui.system.processes import pasteable, run_tool, spawn_detached, tool_environment


def _python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_output_and_last_lines_come_back() -> None:
    lines: list[str] = []
    finished = run_tool(
        _python("import sys; print('out'); print('10%\\r20%', file=sys.stderr)"), on_line=lines.append
    )
    assert finished.stdout == b"out\n"
    assert finished.stderr_tail == "10%\n20%"
    assert lines == ["10%", "20%"]


def test_standard_input_is_given() -> None:
    assert run_tool(_python("import sys; print(sys.stdin.read()[::-1])"), stdin=b"abc").stdout == b"cba\n"


def test_a_failure_carries_command_exit_code_and_tail() -> None:
    argv = _python("import sys; print('it broke', file=sys.stderr); sys.exit(3)")
    with pytest.raises(ToolError, match="ended with exit code 3") as caught:
        run_tool([*argv, "--password=hunter2"], hint="look inside")
    error = caught.value
    assert (error.exit_code, error.stderr_tail, error.hint) == (3, "it broke", "look inside")
    assert "hunter2" not in error.command
    assert "--password=***" in error.command


def test_other_exit_codes_may_be_fine() -> None:
    assert run_tool(_python("raise SystemExit(3)"), accepted=(0, 3)).stdout == b""


def test_a_missing_tool_says_how_to_get_it() -> None:
    with pytest.raises(ToolError, match="cannot be started") as caught:
        run_tool(["no-such-tool"])
    assert "doctor" in caught.value.hint


def test_being_killed_is_named() -> None:
    with pytest.raises(ToolError, match="was killed by SIGKILL"):
        run_tool(_python("import os; os.kill(os.getpid(), 9)"))


def test_too_long_ends_it() -> None:
    with pytest.raises(ToolError, match="took longer than"):
        run_tool(_python("import time; time.sleep(60)"), timeout_seconds=0.4)


def test_cancelling_ends_children_and_grandchildren(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(pid_file)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(60)"
    )
    cancelled = threading.Event()

    def cancel_when_started() -> None:
        while not (pid_file.exists() and pid_file.read_text()):
            time.sleep(0.01)
        cancelled.set()

    threading.Thread(target=cancel_when_started).start()
    with pytest.raises(Cancelled):
        run_tool(_python(code), cancelled=cancelled)
    grandchild = int(pid_file.read_text())
    for _ in range(200):
        if not _runs(grandchild):
            return
        time.sleep(0.01)
    raise AssertionError("the grandchild survived")


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_the_environment_has_nothing_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCW_SECRET_KEY", "hidden")
    assert "SCW_SECRET_KEY" not in tool_environment()
    assert tool_environment({"X": "1"})["X"] == "1"


def test_pasteable_quotes_like_a_shell() -> None:
    assert pasteable(["qemu-img", "info", "a b.qcow2"]) == "qemu-img info 'a b.qcow2'"


def test_a_detached_process_has_its_own_session_and_log(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    code = "import os, sys; print(os.getsid(0) == os.getpid(), flush=True); print('err', file=sys.stderr)"
    pid = spawn_detached(_python(code), log)
    os.waitpid(pid, 0)
    assert log.read_text() == "True\nerr\n"
    assert log.stat().st_mode & 0o077 == 0
