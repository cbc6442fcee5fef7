"""Object Storage as stages see it."""

import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from v2s_tui.domain.execution.artifacts import UploadedPart
from v2s_tui.domain.execution.progress import StageProgress


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as HEAD or LIST tells it."""

    key: str
    size_bytes: int
    etag: str
    last_modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """A multipart upload that is neither completed nor aborted."""

    key: str
    upload_id: str
    initiated_at: datetime | None = None


class ObjectStore(Protocol):
    """Transit storage. Errors: StorageError, StorageUnavailable, NotFound, Cancelled."""

    def ensure_bucket(self, bucket: str) -> bool:
        """Make the bucket private in the configured region when it is missing; True when it was made."""
        ...

    def head(self, bucket: str, key: str) -> StoredObject | None: ...

    def list_objects(self, bucket: str, prefix: str) -> tuple[StoredObject, ...]: ...

    def list_uploads(self, bucket: str, prefix: str) -> tuple[OpenUpload, ...]: ...

    def begin_upload(self, bucket: str, key: str) -> str:
        """Start a multipart upload; returns its id."""
        ...

    def list_parts(self, bucket: str, key: str, upload_id: str) -> tuple[UploadedPart, ...]:
        """Parts the server has; raises NotFound when the upload does not exist (any more)."""
        ...

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
        """Send the parts the server does not have yet, complete, and compare size and checksums."""
        ...

    def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        """Succeeds when it is already gone."""
        ...

    def delete(self, bucket: str, key: str) -> None:
        """Succeeds when it is already gone."""
        ...

    def close(self) -> None:
        """Let go of connections; never raises."""
        ...
