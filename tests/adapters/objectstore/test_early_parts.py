"""Parts sent while a file grows, against the lab's Object Storage: the upload that follows sends the rest."""

import random
import threading
from pathlib import Path

import pytest

from v2s_tui.adapters.objectstore.early_parts import EarlyParts
from v2s_tui.adapters.objectstore.store import S3ObjectStore
from v2s_tui.domain.errors import StorageError
from v2s_tui.domain.execution.progress import StageProgress
from v2s_tui.domain.ports import StoredObject
from v2s_tui.system.layered_file import HEAD_BYTES, Layout, Piece, WholeFile

PART = 5 * 1024 * 1024
SIZE = 3 * PART + 1000


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / "disk.qcow2"
    path.write_bytes(random.Random(4).randbytes(SIZE))
    return path


def send_early(
    store: S3ObjectStore, bucket: str, upload_id: str, path: Path, numbers: list[int]
) -> list[int]:
    """Numbers of the parts the server acknowledged."""
    with store.early_parts(
        bucket, "disk.qcow2", upload_id, part_bytes=PART, cancelled=threading.Event()
    ) as early:
        for number in numbers:
            early.part_ready(path, number, (number - 1) * PART, PART)
        for future in early._futures:
            future.result()
    assert early.failure is None
    return [part.number for part in early.sent]


def finish(
    store: S3ObjectStore, bucket: str, upload_id: str, path: Path, progress: StageProgress
) -> StoredObject:
    return store.upload_file(
        path,
        bucket,
        "disk.qcow2",
        upload_id,
        progress=progress,
        cancelled=threading.Event(),
        part_bytes=PART,
    )


def test_the_rest_follows_and_the_object_is_whole(store: S3ObjectStore, bucket: str, disk: Path) -> None:
    upload_id = store.begin_upload(bucket, "disk.qcow2")
    assert send_early(store, bucket, upload_id, disk, [2, 3]) == [2, 3]
    assert [part.number for part in store.list_parts(bucket, "disk.qcow2", upload_id)] == [2, 3]
    progress = StageProgress()
    assert finish(store, bucket, upload_id, disk, progress).size_bytes == SIZE
    assert progress.done_bytes == SIZE


def test_layered_image_is_uploaded_as_what_it_stands_for(
    store: S3ObjectStore, bucket: str, disk: Path, tmp_path: Path
) -> None:
    layered, whole = tmp_path / "layered.qcow2", tmp_path / "whole.qcow2"
    head, end = b"Q" * 104, PART * 2
    layout = Layout("disk.qcow2", SIZE, (Piece(HEAD_BYTES, end, HEAD_BYTES),), end + 3000, head.hex())
    with layered.open("wb") as file:
        file.write(layout.packed())
        file.seek(end)
        file.write(b"t" * 3000)
    content = head.ljust(HEAD_BYTES, b"\0") + disk.read_bytes()[HEAD_BYTES:end] + b"t" * 3000
    whole.write_bytes(content)
    etags = []
    for path in (layered, whole):
        upload_id = store.begin_upload(bucket, "disk.qcow2")
        etags.append(finish(store, bucket, upload_id, path, StageProgress()).etag)
    assert etags[0] == etags[1]
    with WholeFile(layered) as file:
        assert file.size_bytes == len(content)


def test_early_parts_of_another_content_are_sent_again(
    store: S3ObjectStore, bucket: str, disk: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.qcow2"
    other.write_bytes(random.Random(5).randbytes(SIZE))
    upload_id = store.begin_upload(bucket, "disk.qcow2")
    send_early(store, bucket, upload_id, other, [2])
    mixed = finish(store, bucket, upload_id, disk, StageProgress()).etag
    upload_id = store.begin_upload(bucket, "disk.qcow2")
    assert finish(store, bucket, upload_id, disk, StageProgress()).etag == mixed


def test_trouble_with_early_parts_is_kept_not_raised(store: S3ObjectStore, bucket: str, disk: Path) -> None:
    with store.early_parts(
        bucket, "disk.qcow2", "no-such-upload", part_bytes=PART, cancelled=threading.Event()
    ) as early:
        early.part_ready(disk, 2, PART, PART)
        for future in early._futures:
            future.result()
    assert early.sent == ()
    assert early.failure is not None


def test_a_file_that_cannot_be_opened_is_declined(store: S3ObjectStore, bucket: str, tmp_path: Path) -> None:
    with store.early_parts(bucket, "d", "x", part_bytes=PART, cancelled=threading.Event()) as early:
        early.part_ready(tmp_path / "absent", 2, PART, PART)
    assert early.failure is not None


def test_parts_of_an_earlier_run_are_sent_again_only_where_they_differ(
    store: S3ObjectStore, bucket: str, disk: Path
) -> None:
    upload_id = store.begin_upload(bucket, "disk.qcow2")
    send_early(store, bucket, upload_id, disk, [2, 3])
    content = bytearray(disk.read_bytes())
    content[PART + 5] ^= 1
    disk.write_bytes(content)
    with store.early_parts(
        bucket, "disk.qcow2", upload_id, part_bytes=PART, cancelled=threading.Event()
    ) as early:
        for number in (2, 3):
            early.part_ready(disk, number, (number - 1) * PART, PART)
        for future in early._futures:
            future.result()
    assert [part.number for part in early.sent] == [2, 3]
    assert early.sent_bytes == PART, "part 3 was there already"
    assert 0 < early.sending_seconds < 60


def send_passing(store: S3ObjectStore, bucket: str, upload_id: str, path: Path) -> EarlyParts:
    with store.early_parts(
        bucket, "disk.qcow2", upload_id, part_bytes=PART, room_bytes=PART, cancelled=threading.Event()
    ) as early:
        for number in (2, 3):
            early.part_ready(path, number, (number - 1) * PART, PART)
        for future in early._futures:
            future.result()
    assert early.failure is None
    return early


def test_parts_that_need_not_be_kept_leave_the_disk_and_the_object_is_whole(
    store: S3ObjectStore, bucket: str, disk: Path, tmp_path: Path
) -> None:
    (tmp_path / "whole").write_bytes(disk.read_bytes())
    upload_id = store.begin_upload(bucket, "disk.qcow2")
    expected = finish(store, bucket, upload_id, tmp_path / "whole", StageProgress()).etag
    upload_id = store.begin_upload(bucket, "disk.qcow2")
    early = send_passing(store, bucket, upload_id, disk)
    assert disk.stat().st_size == SIZE
    assert disk.stat().st_blocks * 512 < SIZE - 2 * PART + 65536
    stored = store.upload_file(
        disk,
        bucket,
        "disk.qcow2",
        upload_id,
        progress=StageProgress(),
        cancelled=threading.Event(),
        part_bytes=PART,
        known=early.sent,
    )
    assert stored.etag == expected


def test_a_part_that_was_not_kept_and_is_lost_is_never_sent_as_zeros(
    store: S3ObjectStore, bucket: str, disk: Path
) -> None:
    upload_id = store.begin_upload(bucket, "disk.qcow2")
    early = send_passing(store, bucket, upload_id, disk)
    store.abort_upload(bucket, "disk.qcow2", upload_id)
    upload_id = store.begin_upload(bucket, "disk.qcow2")
    with pytest.raises(StorageError, match="lost part"):
        store.upload_file(
            disk,
            bucket,
            "disk.qcow2",
            upload_id,
            progress=StageProgress(),
            cancelled=threading.Event(),
            part_bytes=PART,
            known=early.sent,
        )
