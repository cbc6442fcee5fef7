"""Signals to a real runner process: SIGTERM leaves cleanly, SIGHUP is ignored, Ctrl+C asks, then aborts."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from v2s_tui.adapters.store.reading import read_batch, state_path
from v2s_tui.domain.planning.stages import JobStatus
from v2s_tui.engine.attach import BlockingRunnerClient, living_runner
from v2s_tui.engine.runner import start_detached

SCRIPT = str(Path(__file__).with_name("runner_process.py"))
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start(question: str = "") -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, SCRIPT, str(tmp_path), question], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None
        for _ in range(2):
            assert process.stdout.readline() == "converting\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _statuses(tmp_path: Path) -> set[JobStatus]:
    return {job.status for job in read_batch(state_path(tmp_path, "0a1b2c3d")).jobs.values()}


def test_sigterm_checkpoints_and_leaves(tmp_path: Path, start: Start) -> None:
    process = start()
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 130
    state = read_batch(state_path(tmp_path, "0a1b2c3d"))
    assert _statuses(tmp_path) == {JobStatus.PENDING}
    assert state.header.runners[-1].left == "SIGTERM"
    assert "interrupted: SIGTERM" in state.jobs["vm-0"].note


def test_sighup_is_ignored(tmp_path: Path, start: Start) -> None:
    process = start()
    process.send_signal(signal.SIGHUP)
    (tmp_path / "go").touch()
    assert process.wait(20) == 0
    assert _statuses(tmp_path) == {JobStatus.COMPLETE}


def test_ctrl_c_without_anybody_to_ask_aborts(tmp_path: Path, start: Start) -> None:
    process = start()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130


def test_ctrl_c_may_hold_and_the_second_one_aborts(tmp_path: Path, start: Start) -> None:
    process = start("hold")
    process.send_signal(signal.SIGINT)
    path = state_path(tmp_path, "0a1b2c3d")
    for _ in range(500):
        if read_batch(path).header.paused:
            break
        time.sleep(0.01)
    assert read_batch(path).header.paused
    assert process.poll() is None
    client = BlockingRunnerClient(path, origin="test")
    client.send("abort")
    client.close()
    assert process.wait(20) == 130


def test_kill_9_is_survived(tmp_path: Path, start: Start) -> None:
    process = start()
    process.kill()
    process.wait()
    path = state_path(tmp_path, "0a1b2c3d")
    assert living_runner(path) is None
    assert JobStatus.CONVERTING in _statuses(tmp_path)
    (tmp_path / "go").touch()
    again = start()
    assert again.wait(20) == 0
    assert _statuses(tmp_path) == {JobStatus.COMPLETE}
    assert {job.runs for job in read_batch(path).jobs.values()} == {2}


def test_a_detached_runner_outlives_its_starter(tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    log = tmp_path / "logs" / "run.log"
    start_detached([sys.executable, SCRIPT, str(tmp_path)], log)
    path = state_path(tmp_path, "0a1b2c3d")
    for _ in range(1000):
        if path.exists() and _statuses(tmp_path) == {JobStatus.COMPLETE}:
            break
        time.sleep(0.01)
    assert _statuses(tmp_path) == {JobStatus.COMPLETE}
    assert log.read_text() == "converting\nconverting\n"
