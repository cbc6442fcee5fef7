"""Nobody listens any more, or nothing can be written: work goes on, an incomplete result is no success."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fakes.plans import batch_of, plan_of, vm_named

from v2s_tui.adapters.store.batch_state import BatchStateFile
from v2s_tui.domain.planning.plan import PausePolicy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a batch of one VM, whose name is not Latin."""
    plan = plan_of([("all", [vm_named("日本-01")], PausePolicy.CONTINUE)])
    BatchStateFile.create(tmp_path / "work", batch_of(plan)).close()
    (tmp_path / "migration.yaml").write_text(f"conversion: {{work_dir: {tmp_path / 'work'}}}\n")
    return tmp_path


def v2s(folder: Path, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """In a shell, with its redirections."""
    return subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m v2s_tui.cli.main {command}'],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.mark.parametrize("command", ["batch report -o /dev/full", "batch list > /dev/full"])
def test_a_full_disk_is_told_and_is_no_success(folder: Path, command: str) -> None:
    result = v2s(folder, command)
    assert result.returncode == 2
    assert "No space left on device" in result.stderr
    assert "free space there, or name another place" in result.stderr
    assert "Traceback" not in result.stderr


def test_what_nobody_hears_stops_no_work(folder: Path) -> None:
    assert v2s(folder, "batch report -o report.md 2> /dev/full").returncode == 0
    assert "Migration report" in (folder / "report.md").read_text()
    assert v2s(folder, "batch nonsense 2> /dev/full").returncode == 2


def test_a_name_that_the_terminal_cannot_write_is_escaped(folder: Path) -> None:
    result = v2s(folder, "batch status", PYTHONIOENCODING="latin-1")
    assert result.returncode == 0, result.stderr
    assert "\\u65e5\\u672c-01" in result.stdout
