"""Object Storage as stages see it."""

import threading
from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from v2s_tui.domain.errors import V2sError
from v2s_tui.domain.execution.artifacts import UploadedPart
from v2s_tui.domain.execution.progress import StageProgress
from v2s_tui.domain.ports.host import PartSink


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


class EarlyUpload(PartSink, Protocol):
    """Where parts of an image go while it is received.

    sent: parts the server has, in order. sent_bytes: handed to the network so far, in sending_seconds with at
    least one part under way. failure: what ended the sending, None while it works.
    """

    @property
    def sent(self) -> tuple[UploadedPart, ...]: ...

    @property
    def sent_bytes(self) -> int: ...

    @property
    def sending_seconds(self) -> float: ...

    @property
    def failure(self) -> V2sError | None: ...


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

    def early_parts(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        *,
        part_bytes: int,
        room_bytes: int = 0,
        cancelled: threading.Event,
    ) -> AbstractContextManager[EarlyUpload]:
        """Sends parts of a file that still grows; `upload_file` with the same part_bytes sends the rest.

        A part that the server has already with the same bytes is not sent again. room_bytes: parts are freed
        from the file once the server has them, see PartSink.

        Leaving the context waits for the parts under way and declines the others; leaving it by an error
        stops at once. Trouble is kept in `failure`, never raised.
        """
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
        part_bytes: int = 0,
        known: Collection[UploadedPart] = (),
    ) -> StoredObject:
        """Send the parts the server does not have yet, complete, and compare size and checksums.

        part_bytes, known: of `early_parts` that went before; its parts are not read again. 0 leaves the
        choice to the store. Raises StorageError for a known part that the server lost and the file does not
        hold any more.
        """
        ...

    def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        """Succeeds when it is already gone."""
        ...

    def download(self, bucket: str, key: str, target: Path) -> None:
        """Copy an object into a file; nothing is left there when it fails. Raises NotFound."""
        ...

    def delete(self, bucket: str, key: str) -> None:
        """Succeeds when it is already gone."""
        ...

    def close(self) -> None:
        """Let go of connections; never raises."""
        ...
