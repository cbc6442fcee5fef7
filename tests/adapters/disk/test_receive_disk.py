"""LocalDisks against a real HTTPS server and real qemu-img: what is sent arrives, or nothing is left."""

import hashlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from nfc_server import Behaviour, NfcServer, nfc_server
from stream_maker import GRAIN, StreamMaker, some_grains

from v2s_tui.adapters.disk.local import LocalDisks
from v2s_tui.domain.errors import Cancelled, LeaseFailed, SourceUnreachable, V2sError, WorkDiskFull
from v2s_tui.domain.execution.progress import StageProgress
from v2s_tui.domain.ports import DiskStream, ReceivedDisk

T = TypeVar("T")
ODD_CAPACITY = 640 * GRAIN + 7 * 512


@pytest.fixture(scope="module")
def maker() -> StreamMaker:
    return StreamMaker(ODD_CAPACITY, some_grains(7, [0, 1, 2, 40, 511, 512, 513, 640]))


@pytest.fixture(scope="module")
def body(maker: StreamMaker) -> bytes:
    return maker.stream()


def disk_stream(server: NfcServer, **changed: object) -> DiskStream:
    stream = DiskStream(server.url, server.tls.thumbprint_sha1, 2000, ODD_CAPACITY)
    return replace(stream, **changed)  # type: ignore[arg-type]


def receive(disks: LocalDisks, stream: DiskStream, target: Path) -> ReceivedDisk:
    return disks.receive(stream, target, progress=StageProgress(), cancelled=threading.Event())


def failure(tmp_path: Path, behaviour: Behaviour, **changed: object) -> V2sError:
    """The error of a receive that must fail, after a look that nothing is left."""
    work = tmp_path / "work"
    work.mkdir()
    with nfc_server(tmp_path, behaviour) as server, pytest.raises(V2sError) as caught:
        receive(LocalDisks(stall_seconds=0.4), disk_stream(server, **changed), work / "base.qcow2")
    assert list(work.iterdir()) == []
    return caught.value


@pytest.mark.parametrize("mode", ["w12", "pass", "plain"])
def test_received_disk_equals_the_source(tmp_path: Path, maker: StreamMaker, body: bytes, mode: str) -> None:
    raw, base = tmp_path / "disk.raw", tmp_path / "base.qcow2"
    raw.write_bytes(maker.raw_disk())
    disks = LocalDisks(mode=mode, sync=mode == "w12")
    with nfc_server(tmp_path, Behaviour(body, chunked=mode == "pass")) as server:
        received = receive(disks, disk_stream(server), base)
    assert received.stream_sha1 == hashlib.sha1(body, usedforsecurity=False).hexdigest()
    assert received.received_bytes == len(body)
    assert received.virtual_size_bytes == ODD_CAPACITY
    assert received.base.size_bytes == base.stat().st_size
    assert disks.check(base).startswith("qemu-img ")
    compare = ["qemu-img", "compare", "-f", "raw", "-F", "qcow2", str(raw), str(base)]
    subprocess.run(compare, check=True, capture_output=True)


def test_certificate_authority_is_enough_without_thumbprint(tmp_path: Path, body: bytes) -> None:
    with nfc_server(tmp_path, Behaviour(body)) as server:
        stream = disk_stream(server, thumbprint="", ca_file=str(server.tls.ca_file))
        assert receive(LocalDisks(), stream, tmp_path / "base.qcow2").received_bytes == len(body)


def test_untrusted_certificate_is_refused(tmp_path: Path, body: bytes) -> None:
    assert isinstance(failure(tmp_path, Behaviour(body), thumbprint=""), SourceUnreachable)


def test_other_certificate_than_the_pinned_one_is_refused(tmp_path: Path, body: bytes) -> None:
    error = failure(tmp_path, Behaviour(body), thumbprint=":".join(["AB"] * 20))
    assert isinstance(error, SourceUnreachable)
    assert "another certificate" in error.title


def test_nobody_listens(tmp_path: Path) -> None:
    error = failure(tmp_path, Behaviour(b""), url="https://127.0.0.1:9/nfc/1/disk-0.vmdk")
    assert isinstance(error, SourceUnreachable)


def test_cut_stream_leaves_nothing(tmp_path: Path, body: bytes) -> None:
    error = failure(tmp_path, Behaviour(body, stop_after=len(body) - 512))
    assert isinstance(error, LeaseFailed)
    assert "cut" in error.title


def test_silent_host_is_given_up(tmp_path: Path, body: bytes) -> None:
    error = failure(tmp_path, Behaviour(body, stop_after=100_000, then="stall"))
    assert isinstance(error, LeaseFailed)
    assert "sent nothing" in error.title


def test_host_may_be_silent_while_it_reads_zeros(tmp_path: Path) -> None:
    """It says nothing of them, so a large thick disk makes it silent for long."""
    capacity = 3200 * GRAIN
    stream = StreamMaker(capacity, some_grains(7, [0, 3199])).stream()
    with nfc_server(tmp_path, Behaviour(stream, stop_after=70_000, then="pause")) as server:
        received = receive(
            LocalDisks(stall_seconds=0.4),
            disk_stream(server, capacity_bytes=capacity),
            tmp_path / "base.qcow2",
        )
    assert received.virtual_size_bytes == capacity


def test_refusing_host_is_named(tmp_path: Path) -> None:
    error = failure(tmp_path, Behaviour(b"gone", status=404))
    assert isinstance(error, LeaseFailed)
    assert "404" in error.title


def test_other_capacity_than_the_lease_said(tmp_path: Path, body: bytes) -> None:
    assert isinstance(failure(tmp_path, Behaviour(body), capacity_bytes=ODD_CAPACITY * 2), LeaseFailed)


def test_full_work_disk_is_told_as_such(tmp_path: Path, body: bytes) -> None:
    # The file cannot grow beyond the limit its parent had: the kernel answers EFBIG as it would ENOSPC.
    script = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); sys.path.insert(0, sys.argv[1]);"
        "import test_receive_disk as here; here.receive_with_little_room(sys.argv[2:])"
    )
    with nfc_server(tmp_path, Behaviour(body)) as server:
        argv = [str(Path(__file__).parent), server.url, server.tls.thumbprint_sha1, str(tmp_path)]
        done = subprocess.run(
            [sys.executable, "-c", script, *argv], check=False, capture_output=True, text=True
        )
    assert done.stdout.strip() == "WorkDiskFull", done.stderr
    assert list(tmp_path.glob("*base.qcow2*")) == []


def receive_with_little_room(argv: list[str]) -> None:
    url, thumbprint, folder = argv
    try:
        receive(LocalDisks(), DiskStream(url, thumbprint, 2000, ODD_CAPACITY), Path(folder) / "base.qcow2")
    except WorkDiskFull as err:
        print(type(err).__name__)


def test_cancelling_ends_the_child_and_leaves_nothing(tmp_path: Path, body: bytes) -> None:
    work, cancelled = tmp_path / "work", threading.Event()
    work.mkdir()
    threading.Timer(0.6, cancelled.set).start()
    with nfc_server(tmp_path, Behaviour(body, stop_after=100_000, then="stall")) as server:
        began = time.monotonic()
        with pytest.raises(Cancelled):
            LocalDisks().receive(
                disk_stream(server), work / "base.qcow2", progress=StageProgress(), cancelled=cancelled
            )
    assert time.monotonic() - began < 10
    assert list(work.iterdir()) == []


def test_the_child_dies_with_its_runner_and_shows_no_secret(tmp_path: Path, body: bytes) -> None:
    script = (
        "import sys, threading; sys.path.insert(0, sys.argv[1]); import test_receive_disk as here;"
        "here.receive_until_killed(sys.argv[2:])"
    )
    behaviour = Behaviour(body, stop_after=100_000, then="stall")
    with nfc_server(tmp_path, behaviour) as server:
        argv = [str(Path(__file__).parent), server.url, server.tls.thumbprint_sha1, str(tmp_path)]
        runner = subprocess.Popen([sys.executable, "-c", script, *argv])
        child = _wait_for(lambda: _worker_of(runner.pid))
        _wait_for((tmp_path / ".base.qcow2.partial").exists)
        assert "/nfc/" not in Path(f"/proc/{child}/cmdline").read_text()
        assert "/nfc/" not in Path(f"/proc/{child}/environ").read_text()
        runner.kill()
        runner.wait()
        _wait_for(lambda: not _alive(child))


def receive_until_killed(argv: list[str]) -> None:
    url, thumbprint, folder = argv
    receive(LocalDisks(), DiskStream(url, thumbprint, 2000, ODD_CAPACITY), Path(folder) / "base.qcow2")


def _worker_of(runner: int) -> int:
    children = Path(f"/proc/{runner}/task/{runner}/children").read_text().split()
    return int(children[0]) if children else 0


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except FileNotFoundError:
        return False


def _wait_for(condition: Callable[[], T], *, seconds: float = 20) -> T:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found
