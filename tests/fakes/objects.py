"""Object Storage in memory: objects, and uploads that stay open until they are completed or aborted."""

import hashlib
import threading
from dataclasses import dataclass, field
from pathlib import Path

from fakes.source import MADE_AT
from fakes.world import World
from v2s_tui.domain.errors import Cancelled, NotFound
from v2s_tui.domain.execution.artifacts import UploadedPart
from v2s_tui.domain.execution.progress import StageProgress
from v2s_tui.domain.ports import OpenUpload, StoredObject


@dataclass
class FakeObjects:
    """objects and their contents: by (bucket, key); uploads: (bucket, key) by id."""

    world: World
    buckets: set[str] = field(default_factory=set)
    objects: dict[tuple[str, str], StoredObject] = field(default_factory=dict)
    contents: dict[tuple[str, str], bytes] = field(default_factory=dict)
    uploads: dict[str, tuple[str, str]] = field(default_factory=dict)

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
        """None yet, while it is open."""
        self.world.enter("list_parts", key)
        if upload_id not in self.uploads:
            raise NotFound(f"upload {upload_id} does not exist")
        return ()

    def upload_file(
        self,
        path: Path,
        bucket: str,
        key: str,
        upload_id: str,
        *,
        progress: StageProgress,
        cancelled: threading.Event,
    ) -> StoredObject:
        """Completes the upload."""
        self.world.enter("upload_file", key)
        if cancelled.is_set():
            raise Cancelled("stopped while uploading")
        with self.world.lock:
            if upload_id not in self.uploads:
                raise NotFound(f"upload {upload_id} does not exist")
            content = path.read_bytes()
            progress.total_bytes = progress.done_bytes = progress.moved_bytes = len(content)
            stored = StoredObject(key, len(content), hashlib.sha256(content).hexdigest()[:32], MADE_AT)
            self.objects[bucket, key] = stored
            self.contents[bucket, key] = content
            del self.uploads[upload_id]
        self.world.leave("upload_file", key)
        return stored

    def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        """Gone either way."""
        self.world.enter("abort_upload", key)
        with self.world.lock:
            self.uploads.pop(upload_id, None)
        self.world.leave("abort_upload", key)

    def delete(self, bucket: str, key: str) -> None:
        """Gone either way."""
        self.world.enter("delete_object", key)
        with self.world.lock:
            self.objects.pop((bucket, key), None)
        self.world.leave("delete_object", key)
