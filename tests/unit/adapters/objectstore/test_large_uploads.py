"""A disk of 1 TB at the level of its parts: a thousand of them, and memory that stays as it is."""

import hashlib
import threading
import tracemalloc
from types import SimpleNamespace

import pytest

from v2s_tui.adapters.objectstore import parts
from v2s_tui.adapters.objectstore.access import StorageAccess
from v2s_tui.adapters.objectstore.store import S3ObjectStore
from v2s_tui.domain.execution.artifacts import UploadedPart
from v2s_tui.domain.execution.progress import StageProgress
from v2s_tui.domain.units import MIB, TB

ACCESS = StorageAccess("https://127.0.0.1:1", "fr-par", "key", "secret")


class MemoryServer:
    """Takes parts as HTTP would hand them over, keeps their sizes and digests only."""

    def __init__(self) -> None:
        self.sizes: dict[int, int] = {}
        self.etags: dict[int, str] = {}
        self.completed: list[dict[str, object]] = []
        self.held: list[dict[str, object]] = []
        self._lock = threading.Lock()

    def presign(self, _operation, *, expires_seconds, PartNumber, **_asked) -> str:  # noqa: N803
        return f"part {PartNumber}"

    def pages(self, *_asked, **_more):
        return self.held

    def call(self, _what, operation, **asked):
        if operation == "complete_multipart_upload":
            self.completed = asked["MultipartUpload"]["Parts"]
            return {}
        etag = parts.composite_etag([self.etags[number] for number in sorted(self.etags)])
        return {"ContentLength": sum(self.sizes.values()), "ETag": f'"{etag}"'}

    def put(self, url, *, data, **_asked):
        size = 0
        while chunk := data.read(MIB):
            size += len(chunk)
        assert size == len(data)
        number = int(url.removeprefix("part "))
        with self._lock:
            self.sizes[number] = size
            self.etags[number] = hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()
        return SimpleNamespace(status_code=200, headers={"ETag": f'"{self.etags[number]}"'})


@pytest.fixture
def server():
    return MemoryServer()


@pytest.fixture
def store(server):
    made = S3ObjectStore(ACCESS)
    made.close()
    made._control = made._session = server
    return made


def sparse(path, size_bytes):
    with path.open("wb") as file:
        file.truncate(size_bytes)
    return path


def upload(store, path):
    progress = StageProgress()
    store.upload_file(path, "b", "k", "u", progress=progress, cancelled=threading.Event())
    return progress


def test_a_thousand_parts_are_completed_in_order_in_bounded_memory(store, server, tmp_path, monkeypatch):
    """As many parts as 1 TB has, made small so that the test is quick."""
    monkeypatch.setattr(parts, "LEAST_PART_BYTES", MIB // 16)
    monkeypatch.setattr(parts, "MIB", MIB // 16)
    size = 1000 * MIB // 16 - 5
    path = sparse(tmp_path / "disk", size)
    tracemalloc.start()
    progress = upload(store, path)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"1,000 parts of {MIB // 16} bytes: {peak_bytes / MIB:.1f} MiB of memory at most")
    assert peak_bytes < 4 * MIB, "a few blocks and a thousand records, not the parts"
    assert [each["PartNumber"] for each in server.completed] == list(range(1, 1001))
    assert sum(server.sizes.values()) == size == progress.done_bytes


def test_memory_is_bounded_whatever_the_part_size(store, server, tmp_path, monkeypatch):
    """Four of the parts that a disk of 1 TB is cut into, sent at once."""
    part_bytes = parts.part_size_bytes(TB)
    assert part_bytes > 900 * MIB
    monkeypatch.setattr(parts, "LEAST_PART_BYTES", part_bytes // 8)
    path = sparse(tmp_path / "disk", 4 * (part_bytes // 8))
    tracemalloc.start()
    upload(store, path)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(server.sizes) == 4
    assert peak_bytes < 4 * 3 * MIB, f"{peak_bytes} bytes for parts of {part_bytes // 8}"


def test_early_parts_of_a_file_that_outgrew_their_size_are_sent_anew(store, server, tmp_path, monkeypatch):
    """It needs more parts than an object may have, so it is cut otherwise than it was at first."""
    monkeypatch.setattr(parts, "MAX_PARTS", 4)
    monkeypatch.setattr(parts, "LEAST_PART_BYTES", MIB)
    early = UploadedPart(2, MIB, "e" * 32, crc32="AAAAAA==")
    server.held = [{"PartNumber": 2, "Size": MIB, "ETag": early.etag}]
    size = 5 * MIB
    stored = store.upload_file(
        sparse(tmp_path / "disk.qcow2", size),
        "b",
        "k",
        "u",
        progress=StageProgress(),
        cancelled=threading.Event(),
        part_bytes=MIB,
        known=[early],
    )
    assert stored.size_bytes == size
    assert server.sizes == {1: 2 * MIB, 2: 2 * MIB, 3: MIB}
