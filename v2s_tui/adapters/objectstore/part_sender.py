"""Parts over pooled plain HTTP connections by presigned URLs: checksummed, retried, memory bounded.

A part is read twice, once for its CRC32 (the signature covers it, so it must be known before) and once to
send; the second time it comes from the page cache. Two MiB per thread are in memory, whatever the part size.
"""

import random
import threading
from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from v2s_tui.adapters.objectstore.access import StorageAccess
from v2s_tui.adapters.objectstore.control import ControlClient
from v2s_tui.adapters.objectstore.failures import from_xml, no_answer
from v2s_tui.adapters.objectstore.file_window import CHUNK_BYTES, FileWindow, RangeDigests, digests_of
from v2s_tui.adapters.objectstore.parts import PartRange
from v2s_tui.adapters.objectstore.rate_ceiling import RateCeiling
from v2s_tui.domain.errors import Cancelled, OutsideError, StorageError, StorageUnavailable
from v2s_tui.domain.execution.artifacts import UploadedPart
from v2s_tui.system.layered_file import WholeFile

SIGNED_SECONDS = 6 * 3600
"""Life of a part's URL: a 1 GiB part on a slow line still ends in time."""
SEND_SECONDS = 60.0
"""For one block of 1 MiB: a dozen connections that share a slow line, or a line that stands still a while."""
ATTEMPTS = 6
PATIENT_ATTEMPTS = 26
"""About eight minutes, where giving up means that a disk must be read again from its beginning."""
BASE_SECONDS = 1.0
"""Pause before the second attempt; each further one doubles it."""


class _PatientConnection(HTTPSConnection):
    """urllib3 gives every block that is sent the time of a connect only; this one is connected by then."""

    def request(self, *args: Any, **kwargs: Any) -> None:
        self.timeout = SEND_SECONDS
        super().request(*args, **kwargs)


class _PatientPool(HTTPSConnectionPool):
    ConnectionCls = _PatientConnection


class _LargeBlocks(HTTPAdapter):
    """Sends bodies in 1 MiB blocks instead of 16 KiB: a sixtieth of the calls per byte."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> Any:
        super().init_poolmanager(*args, blocksize=CHUNK_BYTES, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": HTTPConnectionPool, "https": _PatientPool}


class Counter:
    """Bytes done so far, and those of them handed to the network; told to `changed` after each chunk."""

    def __init__(self, changed: Callable[[int, int], None]) -> None:
        self._changed = changed
        self._lock = threading.Lock()
        self._done = self._sent = 0

    def add(self, size_bytes: int) -> None:
        """Count bytes sent; negative when an attempt failed and they must go again."""
        with self._lock:
            self._done += size_bytes
            self._sent += size_bytes
            self._changed(self._done, self._sent)

    def keep(self, size_bytes: int) -> None:
        """Count bytes that the server has already."""
        with self._lock:
            self._done += size_bytes
            self._changed(self._done, self._sent)


class PartSender:
    """Sends parts of one file to one upload. cancelled: set by the operator. attempts: for each part."""

    def __init__(
        self,
        control: ControlClient,
        session: requests.Session,
        access: StorageAccess,
        *,
        target: dict[str, str],
        file: WholeFile,
        counter: Counter,
        ceiling: RateCeiling,
        cancelled: threading.Event,
        attempts: int = ATTEMPTS,
    ) -> None:
        self._control = control
        self._session = session
        self._access = access
        self._target = target
        self._file = file
        self._counter = counter
        self._ceiling = ceiling
        self._cancelled = cancelled
        self._attempts = attempts
        self._halted = threading.Event()

    def checkpoint(self) -> None:
        """Raise Cancelled when the upload must stop."""
        if self._halted.is_set() or self._cancelled.is_set():
            raise Cancelled("the upload was stopped; finished parts are kept")

    def halt(self) -> None:
        """Make every thread of this upload stop at its next chunk."""
        self._halted.set()

    def count(self, size_bytes: int) -> None:
        """Count bytes that need not be sent."""
        self._counter.keep(size_bytes)

    def digests(self, part: PartRange, *, with_md5: bool) -> RangeDigests:
        """Checksums of a part as it is in the file now."""
        return digests_of(self._file, part, checkpoint=self.checkpoint, with_md5=with_md5)

    def send(self, part: PartRange, *, crc32: str = "") -> UploadedPart:
        """Send one part, trying again what may pass; raises StorageError, StorageUnavailable or NotFound.

        crc32: of the part when it was sent before, "" when it was not; a file that has other bytes there now
        does not hold them any more.
        """
        digests = self.digests(part, with_md5=False)
        if crc32 and digests.crc32 != crc32:
            raise StorageError(
                f"Object Storage lost part {part.number} of {self._target['Key']}; no copy of it is here",
                hint="retry from the export: the disk must be read again",
            )
        for attempt in range(1, self._attempts + 1):
            try:
                etag = self._put(part, digests.crc32)
            except StorageUnavailable:
                if attempt == self._attempts:
                    raise
                self._pause(attempt)
            else:
                return UploadedPart(part.number, part.size_bytes, etag, crc32=digests.crc32)
        raise AssertionError("the last attempt returns or raises")

    def _put(self, part: PartRange, crc32: str) -> str:
        url = self._control.presign(
            "upload_part",
            expires_seconds=SIGNED_SECONDS,
            PartNumber=part.number,
            ChecksumCRC32=crc32,
            **self._target,
        )
        what = f"store part {part.number} of {self._target['Key']}"
        window = FileWindow(self._file, part, before_chunk=self._before_chunk)
        try:
            return self._request(what, url, window, crc32)
        except OutsideError:
            self._counter.add(-window.position)
            raise

    def _request(self, what: str, url: str, window: FileWindow, crc32: str) -> str:
        try:
            answer = self._session.put(
                url,
                data=window,
                headers={"x-amz-checksum-crc32": crc32},
                timeout=(self._access.connect_seconds, self._access.read_seconds),
                verify=self._access.verify,
            )
        except requests.RequestException as err:
            raise no_answer(what, err) from err
        except EOFError as err:
            raise StorageError(f"cannot {what}: {err}", hint="was the file changed meanwhile?") from err
        if answer.status_code != 200:
            raise from_xml(
                what, answer.status_code, answer.content, answer.headers.get("x-amz-request-id", "")
            )
        return answer.headers.get("ETag", "").strip('"')

    def _before_chunk(self, size_bytes: int) -> None:
        self.checkpoint()
        wait_seconds = self._ceiling.reserve(size_bytes)
        if wait_seconds > 0 and self._halted.wait(wait_seconds):
            self.checkpoint()
        self._counter.add(size_bytes)

    def _pause(self, attempt: int) -> None:
        seconds = min(30.0, BASE_SECONDS * 2 ** (attempt - 1)) * random.uniform(0.5, 1.0)  # noqa: S311
        self._halted.wait(seconds)
        self.checkpoint()


def pooled_session(threads: int) -> requests.Session:
    """A session whose connections are shared by that many threads."""
    session = requests.Session()
    adapter = _LargeBlocks(pool_connections=2, pool_maxsize=max(8, threads * 2))
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session
