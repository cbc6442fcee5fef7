"""The runner's socket: whole picture, deltas, commands with replies, one write token, and leaving."""

import asyncio
import os
import shutil
import socket
import stat
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fakes.plans import batch_of, plan_of, vm_named
from fakes.rig import Rig, until

from v2s_tui.adapters.store.batch_state import BatchStateFile
from v2s_tui.adapters.store.reading import read_batch
from v2s_tui.domain.errors import InputError, StateError
from v2s_tui.domain.execution.batch import BatchStatus
from v2s_tui.domain.execution.snapshot import BatchSnapshot, picture_of
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.engine import control
from v2s_tui.engine.attach import BlockingRunnerClient, RunnerClient, living_runner
from v2s_tui.engine.commands import Command
from v2s_tui.engine.control import ControlServer, socket_path
from v2s_tui.engine.outcome import BatchOutcome
from v2s_tui.engine.runner import run_in_foreground
from v2s_tui.engine.settings import GateMode
from v2s_tui.engine.wire import encode
from v2s_tui.system.locks import LockOwner


class Running:
    """A runner in a thread, over a real state file and a real socket, waiting at its gate."""

    def __init__(self, tmp_path: Path) -> None:
        waves = [
            ("one", [vm_named("vm-0"), vm_named("vm-1")], PausePolicy.PAUSE),
            ("two", [vm_named("vm-2")], PausePolicy.CONTINUE),
        ]
        self.rig = Rig(plan_of(waves), tmp_path)
        self.store = BatchStateFile.create(tmp_path, batch_of(self.rig.plan))
        self.path = self.store.path
        self.rig.store = self.store  # type: ignore[assignment]
        self.outcome: BatchOutcome | None = None
        self.pictures: list[BatchSnapshot] = []
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        request = self.rig.request(self.store, GateMode.WAIT, on_picture=self.pictures.append)
        self.outcome = run_in_foreground(request)
        self.store.close()


@asynccontextmanager
async def _attached(path: Path, origin: str = "app") -> AsyncIterator[RunnerClient]:
    for _ in range(2000):
        try:
            client = await RunnerClient.connect(path, origin=origin)
            break
        except StateError:
            await asyncio.sleep(0.005)
    else:
        raise AssertionError("no runner came up")
    try:
        yield client
    finally:
        await client.close()


def _mode(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture
def running(tmp_path: Path) -> Running:
    return Running(tmp_path)


async def test_watch_approve_and_see_the_end(running: Running) -> None:
    async with _attached(running.path) as client:
        await until(lambda: client.picture.gate is not None)
        assert client.picture.live
        assert client.picture.runner_pid == os.getpid()
        assert [wave.complete for wave in client.picture.waves] == [2, 0]
        assert "approve" in await client.send("approve")
        await asyncio.wait_for(client.closed.wait(), 10)
        assert client.picture.status is BatchStatus.COMPLETE
        assert client.picture.counters.complete == 3
        assert [event.kind for event in client.events][-2:] == ["wave_ended", "batch_ended"]
        assert client.picture.work_free_bytes == 10**15
    running.thread.join(10)
    assert running.outcome is not None
    approval = read_batch(running.path).header.approvals[0]
    assert approval.origin.startswith("app on ")


async def test_one_commands_at_a_time_and_the_token_can_be_taken_over(running: Running) -> None:
    async with _attached(running.path, "first") as first, _attached(running.path, "second") as second:
        await until(lambda: first.picture.gate is not None)
        await first.send("hold")
        with pytest.raises(InputError, match=r"first on .* commands this batch"):
            await second.send("approve")
        await until(lambda: "first" in second.picture.write_token)
        await second.take_over()
        await second.send("approve")
        with pytest.raises(InputError, match=r"second on .* commands|has left"):
            await first.send("abort")
        await asyncio.wait_for(second.closed.wait(), 10)
    running.thread.join(10)


async def test_the_token_is_free_when_its_holder_leaves(running: Running) -> None:
    async with _attached(running.path, "first") as first:
        await until(lambda: first.picture.gate is not None)
        await first.send("hold")
    async with _attached(running.path, "second") as second:
        await until(lambda: second.picture.write_token == "")
        await second.send("approve")
        await asyncio.wait_for(second.closed.wait(), 10)
    running.thread.join(10)


async def test_a_command_that_makes_no_sense_gets_its_reason(running: Running) -> None:
    async with _attached(running.path) as client:
        await until(lambda: client.picture.gate is not None)
        with pytest.raises(InputError, match="no VM 'nobody'"):
            await client.send("retry", vm="nobody")
        with pytest.raises(InputError, match="no command"):
            await client.send("explode")
        await client.send("approve")
        await asyncio.wait_for(client.closed.wait(), 10)
    running.thread.join(10)


async def test_pictures_come_as_a_stream(running: Running) -> None:
    async with _attached(running.path) as client:
        counts: list[int] = []
        approved = False
        async for picture in client.snapshots():
            counts.append(picture.counters.complete)
            if picture.gate is not None and not approved:
                approved = True
                await client.send("approve")
        assert counts[-1] == 3
        assert counts == sorted(counts)
    running.thread.join(10)


def test_a_blocking_client_sends_one_command(running: Running) -> None:
    async def gate() -> None:
        async with _attached(running.path) as client:
            await until(lambda: client.picture.gate is not None)

    asyncio.run(gate())
    client = BlockingRunnerClient(running.path, origin="batch attach", watch=True)
    assert "approve" in client.send("approve", take_over=True)
    assert [picture.counters.complete for picture in client.snapshots()][-1] == 3
    client.close()
    running.thread.join(10)
    assert living_runner(running.path) is None
    with pytest.raises(StateError, match="no runner works"):
        BlockingRunnerClient(running.path, origin="late")


async def test_the_socket_is_private_and_its_path_short(running: Running) -> None:
    async with _attached(running.path) as client:
        owner = living_runner(running.path)
        assert owner is not None
        path = owner.socket
        assert len(path) < 107
        assert _mode(path) == 0o600
        assert _mode(str(Path(path).parent)) == 0o700
        await until(lambda: client.picture.gate is not None)
        await client.send("abort")
        await asyncio.wait_for(client.closed.wait(), 10)
    running.thread.join(10)
    with pytest.raises(FileNotFoundError):
        _mode(path)


async def test_a_watcher_that_never_reads_does_not_keep_the_runner_from_leaving(tmp_path: Path) -> None:
    state = batch_of(plan_of([("one", [vm_named(f"vm-{each}") for each in range(50)], PausePolicy.PAUSE)]))

    def picture() -> BatchSnapshot:
        return picture_of(state, datetime.now(UTC))

    async def no_command(_command: Command) -> str:
        return ""

    server = ControlServer(socket_path(tmp_path / "batch-0a1b2c3d.json"), command=no_command, picture=picture)
    await server.start()
    _, writer = await asyncio.open_unix_connection(server.path)
    for _ in range(200):
        writer.write(encode({"type": "hello", "watch": True}))
    await writer.drain()
    await asyncio.sleep(0.2)
    await asyncio.wait_for(server.close(), 10)
    writer.close()


async def test_rubbish_on_the_socket_harms_nobody(running: Running) -> None:
    async with _attached(running.path) as client:
        owner = living_runner(running.path)
        assert owner is not None
        reader, writer = await asyncio.open_unix_connection(owner.socket)
        writer.write(b"not json\n")
        assert await reader.read() == b""
        writer.close()
        await until(lambda: client.picture.gate is not None)
        await client.send("approve")
        await asyncio.wait_for(client.closed.wait(), 10)
    running.thread.join(10)


@pytest.fixture
def suspended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The state of a batch whose runner listens and does nothing more, as after Ctrl+Z."""
    monkeypatch.setattr("v2s_tui.engine.attach._PATIENCE_SECONDS", 0.2)
    store = BatchStateFile.create(tmp_path, batch_of(plan_of([("one", [vm_named("a")], PausePolicy.PAUSE)])))
    where = socket_path(store.path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(where))
        listening.listen()
        store.announce(LockOwner(os.getpid(), "here", str(where)))
        yield store.path
    store.close()
    where.unlink()


def test_a_suspended_runner_is_told_of_instead_of_waited_for(suspended: Path) -> None:
    watching = BlockingRunnerClient(suspended, origin="batch status", watch=True)
    with pytest.raises(StateError, match="does not answer"):
        next(watching.snapshots())
    watching.close()
    telling = BlockingRunnerClient(suspended, origin="batch attach")
    with pytest.raises(StateError, match="does not answer"):
        telling.send("approve")
    telling.close()


async def test_the_app_does_not_wait_for_a_suspended_runner(suspended: Path) -> None:
    with pytest.raises(StateError, match="does not answer"):
        await RunnerClient.connect(suspended)


async def test_a_work_folder_that_takes_no_socket_is_worked_on_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spare = Path(tempfile.mkdtemp(prefix="v2s-"))
    monkeypatch.setattr(tempfile, "tempdir", str(spare))
    listen = asyncio.start_unix_server

    async def refuse_there(*how: Any, path: str, **more: Any) -> asyncio.Server:
        if not path.startswith(str(spare)):
            raise PermissionError(1, "Operation not permitted")  # as CIFS says
        return await listen(*how, path=path, **more)

    monkeypatch.setattr(asyncio, "start_unix_server", refuse_there)
    monkeypatch.setattr(control, "_LONGEST_PATH", 4096)
    running = Running(tmp_path)
    async with _attached(running.path) as client:
        await until(lambda: client.picture.gate is not None)
        await client.send("approve")
        await asyncio.wait_for(client.closed.wait(), 10)
    running.thread.join(10)
    assert running.outcome is not None


def test_a_long_work_folder_gets_a_short_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    deep = tmp_path / ("d" * 90) / "batch-0a1b2c3d.json"
    deep.parent.mkdir()
    assert len(str(socket_path(deep))) < 107


async def test_it_is_reached_after_the_session_that_started_it_has_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Path(tempfile.mkdtemp(prefix="v2s-"))  # a socket's path must be short
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(session))
    running = Running(tmp_path)
    async with _attached(running.path):
        shutil.rmtree(session)  # as logind does when the last session of a user ends
    async with _attached(running.path) as client:
        await until(lambda: client.picture.gate is not None)
        await client.send("approve")
        await asyncio.wait_for(client.closed.wait(), 10)
    running.thread.join(10)


def test_copies_of_a_work_folder_have_sockets_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    first, copy = (tmp_path / name / "batch-0a1b2c3d.json" for name in ("work", "copy"))
    assert socket_path(first) != socket_path(copy)
    assert socket_path(first) == socket_path(first)
