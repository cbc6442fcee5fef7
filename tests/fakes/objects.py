"""Object Storage in memory: objects, and uploads that stay open until they are completed or aborted."""

import hashlib
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fakes.disks import tiny_part_bytes
from fakes.source import MADE_AT
from fakes.world import World
from v2s_tui.domain.errors import Cancelled, NotFound, StorageError, V2sError
from v2s_tui.domain.execution.artifacts import UploadedPart
from v2s_tui.domain.execution.progress import StageProgress
from v2s_tui.domain.ports import OpenUpload, StoredObject


@dataclass
class FakeEarlyParts:
    """Sends a part at once, in the receiver's thread."""

    objects: "FakeObjects"
    key: str
    upload_id: str
    part_bytes: int
    room_bytes: int = 0
    sending_seconds: float = 0.0
    failure: V2sError | None = None
    sent_bytes: int = 0
    _sent: dict[int, UploadedPart] = field(default_factory=dict)

    @property
    def sent(self) -> tuple[UploadedPart, ...]:
        """In order."""
        return tuple(self._sent[number] for number in sorted(self._sent))

    def part_ready(self, path: Path, number: int, offset: int, size_bytes: int) -> None:
        """Never raises what v2s raises."""
        content = path.read_bytes()[offset : offset + size_bytes]
        try:
            if self.failure is None:
                self._sent[number] = self.objects.put_part(self.key, self.upload_id, number, content)
                self.sent_bytes += size_bytes
                if self.room_bytes:
                    _free(path, offset, size_bytes)
        except V2sError as err:
            self.failure = err


@dataclass
class FakeObjects:
    """objects and their contents: by (bucket, key); uploads: (bucket, key) by id. parts: by upload and
    number; sent: (key, number) of every part that crossed the wire.
    """

    world: World
    buckets: set[str] = field(default_factory=set)
    objects: dict[tuple[str, str], StoredObject] = field(default_factory=dict)
    contents: dict[tuple[str, str], bytes] = field(default_factory=dict)
    uploads: dict[str, tuple[str, str]] = field(default_factory=dict)
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)
    sent: list[tuple[str, int]] = field(default_factory=list)

    def ensure_bucket(self, bucket: str) -> bool:
        """True when it was made."""
        self.world.enter("ensure_bucket", bucket)
        with self.world.lock:
            made = bucket not in self.buckets
            self.buckets.add(bucket)
        self.world.leave("ensure_bucket", bucket)
        return made

    def head(self, bucket: str, key: str) -> StoredObject | None:
        """None when it is not there."""
        self.world.enter("head", key)
        return self.objects.get((bucket, key))

    def list_objects(self, bucket: str, prefix: str) -> tuple[StoredObject, ...]:
        """Of that prefix."""
        self.world.enter("list_objects", prefix)
        return tuple(
            each for (where, key), each in self.objects.items() if where == bucket and key.startswith(prefix)
        )

    def list_uploads(self, bucket: str, prefix: str) -> tuple[OpenUpload, ...]:
        """Of that prefix."""
        self.world.enter("list_uploads", prefix)
        return tuple(
            OpenUpload(key, upload_id, MADE_AT)
            for upload_id, (where, key) in self.uploads.items()
            if where == bucket and key.startswith(prefix)
        )

    def begin_upload(self, bucket: str, key: str) -> str:
        """Its id."""
        self.world.enter("begin_upload", key)
        upload_id = self.world.new_id("upload")
        with self.world.lock:
            self.uploads[upload_id] = (bucket, key)
        self.world.leave("begin_upload", key)
        return upload_id

    def list_parts(self, bucket: str, key: str, upload_id: str) -> tuple[UploadedPart, ...]:
        """What it has, while it is open."""
        self.world.enter("list_parts", key)
        if upload_id not in self.uploads:
            raise NotFound(f"upload {upload_id} does not exist")
        held = self.parts.get(upload_id, {})
        return tuple(_uploaded(number, held[number]) for number in sorted(held))

    def put_part(self, key: str, upload_id: str, number: int, content: bytes) -> UploadedPart:
        """One part over the wire."""
        self.world.enter("put_part", key)
        with self.world.lock:
            if upload_id not in self.uploads:
                raise NotFound(f"upload {upload_id} does not exist")
            self.parts.setdefault(upload_id, {})[number] = content
            self.sent.append((key, number))
        self.world.leave("put_part", key)
        return _uploaded(number, content)

    @contextmanager
    def early_parts(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        *,
        part_bytes: int,
        room_bytes: int = 0,
        cancelled: threading.Event,
    ) -> Iterator[FakeEarlyParts]:
        """Parts of that upload."""
        yield FakeEarlyParts(self, key, upload_id, part_bytes, room_bytes)

    def upload_file(
        self,
        path: Path,
        bucket: str,
        key: str,
        upload_id: str,
        *,
        progress: StageProgress,
        cancelled: threading.Event,
        part_bytes: int = 0,
        known: Collection[UploadedPart] = (),
    ) -> StoredObject:
        """Sends what the server has not, and completes the upload of exactly what it holds then.

        Parts in `known` are taken at their word, as the real one does.
        """
        self.world.enter("upload_file", key)
        if cancelled.is_set():
            raise Cancelled("stopped while uploading")
        held = {each.number: each for each in self.list_parts(bucket, key, upload_id)}
        trusted, file = {each.number: each for each in known}, path.read_bytes()
        step = tiny_part_bytes(part_bytes) if part_bytes else len(file)
        pieces = {at // step + 1: file[at : at + step] for at in range(0, len(file), step)}
        progress.total_bytes, progress.moved_bytes = len(file), 0
        for number, piece in pieces.items():
            there = held.get(number)
            if there is None and number in trusted and trusted[number] != _uploaded(number, piece):
                raise StorageError(f"part {number} is lost, and the work disk kept no copy")
            if there is None or there not in (trusted.get(number), _uploaded(number, piece)):
                self.put_part(key, upload_id, number, piece)
                progress.moved_bytes += len(piece)
        progress.done_bytes = len(file)
        with self.world.lock:
            content = b"".join(self.parts[upload_id][number] for number in pieces)
            stored = StoredObject(key, len(content), hashlib.sha256(content).hexdigest()[:32], MADE_AT)
            self.objects[bucket, key] = stored
            self.contents[bucket, key] = content
            del self.uploads[upload_id], self.parts[upload_id]
        self.world.leave("upload_file", key)
        return stored

    def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        """Gone either way."""
        self.world.enter("abort_upload", key)
        with self.world.lock:
            self.uploads.pop(upload_id, None)
            self.parts.pop(upload_id, None)
        self.world.leave("abort_upload", key)

    def download(self, bucket: str, key: str, target: Path) -> None:
        """As it is stored."""
        self.world.enter("download", key)
        if (bucket, key) not in self.contents:
            raise NotFound(f"there is no object {key}")
        target.write_bytes(self.contents[bucket, key])

    def delete(self, bucket: str, key: str) -> None:
        """Gone either way."""
        self.world.enter("delete_object", key)
        with self.world.lock:
            self.objects.pop((bucket, key), None)
        self.world.leave("delete_object", key)


def _free(path: Path, offset: int, size_bytes: int) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:offset] + bytes(size_bytes) + content[offset + size_bytes :])


def _uploaded(number: int, content: bytes) -> UploadedPart:
    return UploadedPart(number, len(content), hashlib.md5(content, usedforsecurity=False).hexdigest())
