"""Parts of a disk that is kept nowhere else: what happens when one cannot be sent."""

import errno
import threading
from concurrent.futures import wait
from pathlib import Path
from types import SimpleNamespace

import pytest

from v2s_tui.adapters.objectstore import part_sender
from v2s_tui.adapters.objectstore.access import StorageAccess
from v2s_tui.adapters.objectstore.early_parts import EarlyParts
from v2s_tui.adapters.objectstore.store import S3ObjectStore
from v2s_tui.domain.units import MIB
from v2s_tui.system.layered_file import WholeFile

ACCESS = StorageAccess("https://127.0.0.1:1", "fr-par", "key", "secret")


class TroubledServer:
    """Answers 503 so many times, then takes parts."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals

    def presign(self, _operation: str, **_asked: object) -> str:
        return "https://127.0.0.1:1/"

    def pages(self, *_asked: object, **_more: object) -> list[dict[str, object]]:
        return []

    def put(self, _url: str, *, data: part_sender.FileWindow, **_asked: object) -> SimpleNamespace:
        while data.read(MIB):
            pass
        self.refusals -= 1
        status = 503 if self.refusals >= 0 else 200
        return SimpleNamespace(status_code=status, headers={"ETag": '"e"'}, content=b"<Code>SlowDown</Code>")


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(part_sender, "BASE_SECONDS", 0.0)
    path = tmp_path / "disk.qcow2"
    path.write_bytes(b"d" * 3 * MIB)
    return path


def send(disk: Path, *, refusals: int, room_bytes: int) -> EarlyParts:
    store = S3ObjectStore(ACCESS)
    store.close()
    store._control = store._session = TroubledServer(refusals)  # type: ignore[assignment]
    with store.early_parts(
        "b", "k", "u", part_bytes=MIB, room_bytes=room_bytes, cancelled=threading.Event()
    ) as early:
        early.part_ready(disk, 2, MIB, MIB)
        wait(early._futures)
    return early


def test_an_outage_of_minutes_does_not_cost_a_disk_that_has_no_copy_here(disk: Path) -> None:
    early = send(disk, refusals=part_sender.PATIENT_ATTEMPTS - 1, room_bytes=MIB)
    assert [part.number for part in early.sent] == [2]
    assert early.failure is None


def test_where_the_disk_is_kept_the_upload_that_follows_has_the_patience(disk: Path) -> None:
    early = send(disk, refusals=part_sender.ATTEMPTS, room_bytes=0)
    assert early.sent == ()
    assert "SlowDown" in str(early.failure)


def test_a_part_that_the_work_disk_does_not_give_is_told(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver that waits for room must hear that none will come."""

    def unreadable(*_asked: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(WholeFile, "read_at", unreadable)
    early = send(disk, refusals=0, room_bytes=MIB)
    assert early.sent == ()
    assert "part 2 cannot be read and sent (OSError)" in str(early.failure)
