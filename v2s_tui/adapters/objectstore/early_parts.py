"""Parts of an image that is still being received, sent while the rest arrives.

Helps only: a part that is declined, or fails here, is sent by the upload that follows. So nothing here raises
into the receiver, and memory and the queue are bounded.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from v2s_tui.adapters.objectstore.part_sender import PartSender
from v2s_tui.adapters.objectstore.parts import PartRange
from v2s_tui.domain.errors import V2sError
from v2s_tui.domain.execution.artifacts import UploadedPart
from v2s_tui.system.layered_file import WholeFile

MakeSender = Callable[[WholeFile, Callable[[int, int], None]], PartSender]


class EarlyParts:
    """Use as a context manager around the receive. Leaving it waits for parts that are under way and declines
    the others; leaving by an error stops at once.

    part_bytes: size of every part. sent_bytes: handed to the network so far. failure: the first error, for
    the log.
    """

    def __init__(self, make_sender: MakeSender, *, part_bytes: int, threads: int) -> None:
        self.part_bytes = part_bytes
        self.sent_bytes = 0
        self.failure: V2sError | None = None
        self._make_sender = make_sender
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="early-part")
        self._lock = threading.Lock()
        self._file: WholeFile | None = None
        self._sender: PartSender | None = None
        self._sent: dict[int, UploadedPart] = {}
        self._futures: list[Future[None]] = []

    @property
    def sent(self) -> tuple[UploadedPart, ...]:
        """Parts the server acknowledged, in order."""
        with self._lock:
            return tuple(self._sent[number] for number in sorted(self._sent))

    def part_ready(self, path: Path, number: int, offset: int, size_bytes: int) -> None:
        """Send these final bytes of a file that will be renamed. Returns at once; never raises."""
        if self._sender is None and self.failure is None:
            self._open(path)
        if self._sender is not None and self.failure is None:
            part = PartRange(number, offset, size_bytes)
            self._futures.append(self._pool.submit(self._send, self._sender, part))

    def _open(self, path: Path) -> None:
        try:
            self._file = WholeFile(path)
        except OSError as err:
            self.failure = V2sError(f"{path.name} cannot be read ({err.strerror})")
        else:
            self._sender = self._make_sender(self._file, self._count)

    def _send(self, sender: PartSender, part: PartRange) -> None:
        if self.failure is not None:
            return
        try:
            sent = sender.send(part)
        except V2sError as err:
            self.failure = err
            return
        with self._lock:
            self._sent[part.number] = sent

    def _count(self, _done_bytes: int, sent_bytes: int) -> None:
        self.sent_bytes = sent_bytes

    def __enter__(self) -> "EarlyParts":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and self._sender is not None:
            self._sender.halt()
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._file is not None:
            self._file.close()
