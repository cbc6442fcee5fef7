"""Uploads that resume, through aioboto3 and plain HTTPS to Swift: integrity, cancelling, cleaning up."""

import hashlib
import random
import threading
from dataclasses import replace

import pytest

from v2s_tui.adapters.objectstore import parts
from v2s_tui.adapters.objectstore.store import S3ObjectStore
from v2s_tui.domain.errors import Cancelled, NotFound, StorageError, StorageUnavailable
from v2s_tui.domain.execution.progress import StageProgress
from v2s_tui.domain.units import MIB

pytestmark = pytest.mark.lab


@pytest.fixture
def small_parts(monkeypatch):
    """5 MiB, the least that the server takes, so that a small file has several parts."""
    monkeypatch.setattr(parts, "LEAST_PART_BYTES", 5 * MIB)


@pytest.fixture
def disk(tmp_path):
    """17 MiB and a bit: three full parts and a short one."""
    path = tmp_path / "disk-0.qcow2"
    path.write_bytes(random.Random(7).randbytes(17 * MIB + 3))
    return path


def upload(store, path, bucket, key, upload_id, *, cancelled=None):
    progress = StageProgress()
    stored = store.upload_file(
        path, bucket, key, upload_id, progress=progress, cancelled=cancelled or threading.Event()
    )
    return stored, progress


def test_a_file_arrives_whole(store, bucket, disk, small_parts):
    upload_id = store.begin_upload(bucket, "a/disk-0.qcow2")
    assert [each.upload_id for each in store.list_uploads(bucket, "a/")] == [upload_id]
    stored, progress = upload(store, disk, bucket, "a/disk-0.qcow2", upload_id)
    assert stored.size_bytes == disk.stat().st_size == progress.done_bytes == progress.total_bytes
    assert stored.etag.endswith("-4")
    assert stored == store.head(bucket, "a/disk-0.qcow2")
    assert content_of(store, bucket, "a/disk-0.qcow2") == hashlib.sha256(disk.read_bytes()).hexdigest()
    assert store.list_uploads(bucket, "a/") == ()
    store.delete(bucket, "a/disk-0.qcow2")
    assert store.head(bucket, "a/disk-0.qcow2") is None


def content_of(store, bucket, key) -> str:
    """SHA-256 of the object's bytes, fetched by a signed URL."""
    url = store._control.presign("get_object", expires_seconds=60, Bucket=bucket, Key=key)
    answer = store._session.get(url, verify=store._access.verify, timeout=20)
    return hashlib.sha256(answer.content).hexdigest()


def test_a_cancelled_upload_goes_on_where_it_was(storage_access, store, bucket, disk, small_parts):
    key = "b/disk-0.qcow2"
    upload_id = store.begin_upload(bucket, key)
    cancelled = threading.Event()

    def cancel_after_two_parts() -> float:
        if slow_progress.done_bytes > 11 * MIB:
            cancelled.set()
        return 0.0

    slow_progress = StageProgress()
    slow = S3ObjectStore(replace(storage_access, part_threads=1), bytes_per_second=cancel_after_two_parts)
    with pytest.raises(Cancelled):
        slow.upload_file(disk, bucket, key, upload_id, progress=slow_progress, cancelled=cancelled)
    slow.close()
    kept = store.list_parts(bucket, key, upload_id)
    assert 1 <= len(kept) <= 3

    sent = count_puts(store)
    stored, progress = upload(store, disk, bucket, key, upload_id)
    assert len(sent) == 4 - len(kept), "finished parts are not sent again"
    assert progress.done_bytes == stored.size_bytes
    assert progress.moved_bytes == stored.size_bytes - sum(each.size_bytes for each in kept)
    assert content_of(store, bucket, key) == hashlib.sha256(disk.read_bytes()).hexdigest()
    store.delete(bucket, key)


def count_puts(store) -> list[str]:
    sent: list[str] = []
    put = store._session.put

    def counted(url, **asked):
        sent.append(url)
        return put(url, **asked)

    store._session.put = counted
    return sent


def test_a_part_that_changed_locally_is_sent_again(store, bucket, disk, small_parts):
    key = "c/disk-0.qcow2"
    upload_id = store.begin_upload(bucket, key)
    sent = count_puts(store)
    upload_until_completion(store, disk, bucket, key, upload_id)
    with disk.open("r+b") as file:
        file.write(b"changed")
    before = len(sent)
    upload(store, disk, bucket, key, upload_id)
    assert len(sent) > before
    assert content_of(store, bucket, key) == hashlib.sha256(disk.read_bytes()).hexdigest()
    store.delete(bucket, key)


def upload_until_completion(store, disk, bucket, key, upload_id) -> None:
    """All parts, but not the completion."""
    complete = store._complete
    store._complete = lambda *_: (_ for _ in ()).throw(StorageUnavailable("lost"))
    with pytest.raises(StorageUnavailable):
        upload(store, disk, bucket, key, upload_id)
    store._complete = complete


def test_bytes_damaged_on_the_way_are_refused_and_sent_again(store, bucket, disk, small_parts, monkeypatch):
    key = "d/disk-0.qcow2"
    upload_id = store.begin_upload(bucket, key)
    put, damaged = store._session.put, []

    class Damaged:
        """The window with its first byte flipped."""

        def __init__(self, window):
            self._window = window

        def __len__(self):
            return len(self._window)

        def read(self, size=-1):
            chunk = self._window.read(size)
            if chunk and not damaged:
                damaged.append(True)
                return bytes([chunk[0] ^ 1]) + chunk[1:]
            return chunk

    store._session.put = lambda url, data, **asked: put(url, data=Damaged(data), **asked)
    monkeypatch.setattr("v2s_tui.adapters.objectstore.part_sender.BASE_SECONDS", 0.01)
    stored, progress = upload(store, disk, bucket, key, upload_id)
    assert damaged
    assert progress.done_bytes == stored.size_bytes, "bytes that went twice are counted once"
    assert content_of(store, bucket, key) == hashlib.sha256(disk.read_bytes()).hexdigest()
    store.delete(bucket, key)


def test_an_aborted_upload_is_gone(store, bucket, disk):
    upload_id = store.begin_upload(bucket, "e/disk-0.qcow2")
    store.abort_upload(bucket, "e/disk-0.qcow2", upload_id)
    store.abort_upload(bucket, "e/disk-0.qcow2", upload_id)
    with pytest.raises(NotFound):
        store.list_parts(bucket, "e/disk-0.qcow2", upload_id)
    with pytest.raises(NotFound):
        upload(store, disk, bucket, "e/disk-0.qcow2", upload_id)


def test_a_wrong_secret_is_said_plainly(storage_access):
    store = S3ObjectStore(replace(storage_access, secret_key="wrong"))
    with pytest.raises(StorageError, match=r"check scaleway\.secret_key"):
        store.list_objects("transit", "")
    store.close()


def test_an_unknown_authority_is_said_plainly(storage_access):
    store = S3ObjectStore(replace(storage_access, ca_file=None, attempts=1))
    with pytest.raises(StorageError, match=r"scaleway\.ca_file"):
        store.ensure_bucket("transit")
    store.close()


def test_a_bucket_is_made_once_and_an_absent_one_is_empty(store):
    assert store.ensure_bucket("second") is True
    assert store.ensure_bucket("second") is False
    assert store.list_objects("nowhere", "") == ()
    assert store.list_uploads("nowhere", "") == ()
    store.delete("nowhere", "key")
