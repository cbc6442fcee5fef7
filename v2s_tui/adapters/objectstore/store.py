"""Object Storage behind the `ObjectStore` port: buckets, objects and multipart uploads that resume."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from v2s_tui.adapters.objectstore.access import StorageAccess
from v2s_tui.adapters.objectstore.control import ControlClient
from v2s_tui.adapters.objectstore.download import save
from v2s_tui.adapters.objectstore.early_parts import EarlyParts
from v2s_tui.adapters.objectstore.part_sender import (
    ATTEMPTS,
    PATIENT_ATTEMPTS,
    SIGNED_SECONDS,
    Counter,
    PartSender,
    pooled_session,
)
from v2s_tui.adapters.objectstore.parts import composite_etag, plan_parts
from v2s_tui.adapters.objectstore.rate_ceiling import RateCeiling
from v2s_tui.adapters.objectstore.send_parts import send_parts
from v2s_tui.domain.errors import NotFound, StorageError
from v2s_tui.domain.execution.artifacts import UploadedPart
from v2s_tui.domain.execution.progress import StageProgress
from v2s_tui.domain.ports import OpenUpload, StoredObject
from v2s_tui.system.layered_file import WholeFile

log = logging.getLogger(__name__)
STALE_UPLOAD_DAYS = 14
"""Longer than any upload that is still being worked on."""


class S3ObjectStore:
    """Implements `ObjectStore`. One per process; safe to share between threads.

    bytes_per_second: the ceiling of all uploads together, asked again and again; 0 means none.
    """

    def __init__(self, access: StorageAccess, *, bytes_per_second: Callable[[], float] = lambda: 0.0) -> None:
        self._access = access
        self._control = ControlClient(access)
        self._session = pooled_session(access.part_threads)
        self._ceiling = RateCeiling(bytes_per_second)
        self._storage_class = access.storage_class
        # Several VMs reach their first upload at once; only one of them may make the bucket.
        self._bucket_lock = threading.Lock()

    def close(self) -> None:
        """Close connections and the client's thread."""
        self._session.close()
        self._control.close()

    # --- buckets and objects

    def ensure_bucket(self, bucket: str) -> bool:
        """Make the bucket, private, when it is missing; True when it was made.

        A bucket that exists in another region is a StorageError: imports read from their own region only.
        """
        with self._bucket_lock:
            try:
                found = self._control.call(f"look at bucket {bucket}", "head_bucket", Bucket=bucket)
            except NotFound:
                self._make_bucket(bucket)
                return True
        region = found.get("BucketRegion") or self._access.region
        if region != self._access.region:
            raise StorageError(
                f"bucket {bucket} is in {region}, the migration goes to {self._access.region}",
                hint="name another bucket: imports read from their own region only",
            )
        return False

    def _make_bucket(self, bucket: str) -> None:
        self._control.call(
            f"make bucket {bucket}",
            "create_bucket",
            Bucket=bucket,
            ACL="private",
            CreateBucketConfiguration={"LocationConstraint": self._access.region},
        )
        self._let_stale_uploads_go(bucket)

    def _let_stale_uploads_go(self, bucket: str) -> None:
        """Ask the service to abort uploads that nobody completes: their parts cost and show in no listing."""
        rule = {
            "ID": "v2s-stale-uploads",
            "Status": "Enabled",
            "Filter": {"Prefix": "migrations/"},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": STALE_UPLOAD_DAYS},
        }
        try:
            self._control.call(
                f"set the lifecycle of {bucket}",
                "put_bucket_lifecycle_configuration",
                Bucket=bucket,
                LifecycleConfiguration={"Rules": [rule]},
            )
        except StorageError as err:
            log.info("stale uploads stay in %s until v2s leftovers removes them: %s", bucket, err.title)

    def head(self, bucket: str, key: str) -> StoredObject | None:
        """The object's size and ETag, None when it does not exist."""
        try:
            found = self._control.call(f"look at {bucket}/{key}", "head_object", Bucket=bucket, Key=key)
        except NotFound:
            return None
        return StoredObject(key, found["ContentLength"], _bare(found["ETag"]), found.get("LastModified"))

    def list_objects(self, bucket: str, prefix: str) -> tuple[StoredObject, ...]:
        """All objects under the prefix; none when the bucket does not exist."""
        found = self._listed(f"list {bucket}/{prefix}", "list_objects_v2", "Contents", bucket, prefix)
        return tuple(
            StoredObject(each["Key"], each["Size"], _bare(each["ETag"]), each.get("LastModified"))
            for each in found
        )

    def list_uploads(self, bucket: str, prefix: str) -> tuple[OpenUpload, ...]:
        """Multipart uploads under the prefix that are neither completed nor aborted, oldest first."""
        found = self._listed(f"list uploads of {bucket}", "list_multipart_uploads", "Uploads", bucket, prefix)
        uploads = [OpenUpload(each["Key"], each["UploadId"], each.get("Initiated")) for each in found]
        return tuple(sorted(uploads, key=lambda each: str(each.initiated_at)))

    def _listed(
        self, what: str, operation: str, items: str, bucket: str, prefix: str
    ) -> list[dict[str, Any]]:
        try:
            return self._control.pages(what, operation, items, Bucket=bucket, Prefix=prefix)
        except NotFound:
            return []

    def delete(self, bucket: str, key: str) -> None:
        """Succeeds when it is already gone."""
        with contextlib.suppress(NotFound):
            self._control.call(f"delete {bucket}/{key}", "delete_object", Bucket=bucket, Key=key)

    def download(self, bucket: str, key: str, target: Path) -> None:
        """Copy an object into a file; nothing is left there when it fails."""
        what = f"read {bucket}/{key}"
        url = self._control.presign("get_object", expires_seconds=SIGNED_SECONDS, Bucket=bucket, Key=key)
        try:
            save(self._session, self._access, what, url, target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    # --- multipart uploads

    def begin_upload(self, bucket: str, key: str) -> str:
        """Start a multipart upload in the storage class that the server takes; returns its id."""
        wanted = {"StorageClass": self._storage_class} if self._storage_class else {}
        try:
            return self._begin(bucket, key, wanted)
        except StorageError as err:
            if not wanted or "StorageClass" not in str(err):
                raise
        self._storage_class = ""
        return self._begin(bucket, key, {})

    def _begin(self, bucket: str, key: str, storage_class: dict[str, str]) -> str:
        answer = self._control.call(
            f"begin the upload of {bucket}/{key}",
            "create_multipart_upload",
            Bucket=bucket,
            Key=key,
            ChecksumAlgorithm="CRC32",
            ContentType="application/octet-stream",
            **storage_class,
        )
        upload_id: str = answer["UploadId"]
        return upload_id

    def list_parts(self, bucket: str, key: str, upload_id: str) -> tuple[UploadedPart, ...]:
        """Parts the server has; raises NotFound when the upload does not exist (any more)."""
        found = self._control.pages(
            f"list parts of {bucket}/{key}", "list_parts", "Parts", **_target(bucket, key, upload_id)
        )
        return tuple(
            UploadedPart(
                each["PartNumber"],
                each["Size"],
                _bare(each["ETag"]),
                crc32c=each.get("ChecksumCRC32C", ""),
                crc32=each.get("ChecksumCRC32", ""),
            )
            for each in found
        )

    def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        """Succeeds when it is already gone."""
        with contextlib.suppress(NotFound):
            self._control.call(
                f"abort the upload of {bucket}/{key}",
                "abort_multipart_upload",
                **_target(bucket, key, upload_id),
            )

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

        part_bytes, known: of an `early_parts` that went before; its parts are not read again, unless the file
        became so large that it must be cut otherwise.
        progress counts this file's bytes from 0 to its size, its moved_bytes those sent now. Raises NotFound
        when the upload is gone, Cancelled with finished parts kept.
        """
        present = {each.number: each for each in self.list_parts(bucket, key, upload_id)}
        with WholeFile(path) as file:
            size_bytes = file.size_bytes
            progress.total_bytes = size_bytes
            plan = plan_parts(size_bytes, part_bytes=part_bytes)
            same_cut = plan[0].size_bytes == part_bytes
            sender = PartSender(
                self._control,
                self._session,
                self._access,
                target=_target(bucket, key, upload_id),
                file=file,
                counter=Counter(_reporter(progress)),
                ceiling=self._ceiling,
                cancelled=cancelled,
            )
            parts = send_parts(
                sender,
                plan,
                present=present,
                known={each.number: each for each in known} if same_cut else {},
                threads=self._access.part_threads,
                cancelled=cancelled,
            )
        self._complete(bucket, key, upload_id, parts)
        return self._verified(bucket, key, size_bytes, parts)

    def early_parts(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        *,
        part_bytes: int,
        room_bytes: int = 0,
        cancelled: threading.Event,
    ) -> EarlyParts:
        """Sends parts of a file that still grows; `upload_file` sends the rest."""

        def sender(file: WholeFile, count: Callable[[int, int], None]) -> PartSender:
            return PartSender(
                self._control,
                self._session,
                self._access,
                target=_target(bucket, key, upload_id),
                file=file,
                counter=Counter(count),
                ceiling=self._ceiling,
                cancelled=cancelled,
                attempts=PATIENT_ATTEMPTS if room_bytes else ATTEMPTS,
            )

        return EarlyParts(
            sender,
            part_bytes=part_bytes,
            room_bytes=room_bytes,
            threads=self._access.part_threads,
            held_parts=lambda: self.list_parts(bucket, key, upload_id),
        )

    def _complete(self, bucket: str, key: str, upload_id: str, parts: list[UploadedPart]) -> None:
        listed = [
            {"PartNumber": each.number, "ETag": each.etag, "ChecksumCRC32": each.crc32} for each in parts
        ]
        try:
            self._control.call(
                f"complete the upload of {bucket}/{key}",
                "complete_multipart_upload",
                MultipartUpload={"Parts": listed},
                **_target(bucket, key, upload_id),
            )
        except NotFound:
            # a repeated request after an answer was lost: the object is there, the upload is not
            if self.head(bucket, key) is None:
                raise

    def _verified(self, bucket: str, key: str, size_bytes: int, parts: list[UploadedPart]) -> StoredObject:
        stored = self.head(bucket, key)
        if stored is None or stored.size_bytes != size_bytes:
            held = f"{stored.size_bytes} bytes" if stored else "nothing"
            raise StorageError(f"Object Storage holds {held} at {bucket}/{key}, {size_bytes} bytes were sent")
        expected = composite_etag([each.etag for each in parts])
        if expected and stored.etag.endswith(f"-{len(parts)}") and stored.etag != expected:
            raise StorageError(
                f"{bucket}/{key} is not made of the parts that were sent",
                hint="another upload wrote the same key; delete the object and upload again",
            )
        return stored


def _target(bucket: str, key: str, upload_id: str) -> dict[str, str]:
    return {"Bucket": bucket, "Key": key, "UploadId": upload_id}


def _bare(etag: str) -> str:
    return etag.strip('"')


def _reporter(progress: StageProgress) -> Callable[[int, int], None]:
    def changed(done_bytes: int, sent_bytes: int) -> None:
        progress.done_bytes = done_bytes
        progress.moved_bytes = max(0, sent_bytes)
        progress.updated = time.monotonic()

    return changed
