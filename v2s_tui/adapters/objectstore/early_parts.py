"""Parts of an image that is still being received, sent while the rest arrives.

Helps only: a part that is declined, or fails here, is sent by the upload that follows. So nothing here raises
into the receiver, and memory and the queue are bounded. Where the work disk has no room for the whole image
each part is freed from it once the server has it.
"""

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType

from v2s_tui.adapters.objectstore.busy_time import BusyTime
from v2s_tui.adapters.objectstore.part_sender import PartSender
from v2s_tui.adapters.objectstore.parts import PartRange
from v2s_tui.adapters.objectstore.send_parts import same_bytes
from v2s_tui.domain.errors import V2sError
from v2s_tui.domain.execution.artifacts import UploadedPart
from v2s_tui.system.files import free_range
from v2s_tui.system.layered_file import WholeFile

MakeSender = Callable[[WholeFile, Callable[[int, int], None]], PartSender]


class EarlyParts:
    """Use as a context manager around the receive. Leaving it waits for parts that are under way and declines
    the others; leaving by an error stops at once.

    part_bytes: size of every part. room_bytes: see PartSink. sent_bytes: handed to the network so far.
    failure: the first error, for the log. held_parts: asks the server once what an earlier run sent.
    """

    def __init__(
        self,
        make_sender: MakeSender,
        *,
        part_bytes: int,
        room_bytes: int,
        threads: int,
        held_parts: Callable[[], Iterable[UploadedPart]],
    ) -> None:
        self.part_bytes = part_bytes
        self.room_bytes = room_bytes
        self.sent_bytes = 0
        self.failure: V2sError | None = None
        self._make_sender = make_sender
        self._held_parts = held_parts
        self._held: dict[int, UploadedPart] | None = None
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="early-part")
        self._lock = threading.Lock()
        self._busy = BusyTime()
        self._file: WholeFile | None = None
        self._freeable = -1
        self._sender: PartSender | None = None
        self._sent: dict[int, UploadedPart] = {}
        self._futures: list[Future[None]] = []

    @property
    def sent(self) -> tuple[UploadedPart, ...]:
        """Parts the server acknowledged, in order."""
        with self._lock:
            return tuple(self._sent[number] for number in sorted(self._sent))

    @property
    def sending_seconds(self) -> float:
        """With at least one part under way."""
        return self._busy.seconds

    def part_ready(self, path: Path, number: int, offset: int, size_bytes: int) -> None:
        """Send these final bytes of a file that will be renamed. Returns at once; never raises."""
        if self._sender is None and self.failure is None:
            self._open(path)
        if self._sender is not None and self.failure is None:
            part = PartRange(number, offset, size_bytes)
            future = self._pool.submit(self._send, self._sender, part)
            future.add_done_callback(partial(self._ended, part.number))
            self._futures.append(future)

    def _ended(self, number: int, future: Future[None]) -> None:
        """What was not foreseen is told too: a receiver that has no room would wait for ever."""
        error = None if future.cancelled() else future.exception()
        if error is not None and self.failure is None:
            self.failure = V2sError(f"part {number} cannot be read and sent ({type(error).__name__})")

    def _open(self, path: Path) -> None:
        try:
            self._file = WholeFile(path)
            if self.room_bytes:
                self._freeable = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        except OSError as err:
            self.failure = V2sError(f"{path.name} cannot be read ({err.strerror})")
        else:
            self._sender = self._make_sender(self._file, self._count)

    def _send(self, sender: PartSender, part: PartRange) -> None:
        if self.failure is not None:
            return
        try:
            held = self._held_now().get(part.number)
            sent = same_bytes(sender, part, held) if held else None
            if sent is None:
                with self._busy:
                    sent = sender.send(part)
            with self._lock:
                self._sent[part.number] = sent
            self._free(part)
        except V2sError as err:
            self.failure = err

    def _held_now(self) -> dict[int, UploadedPart]:
        with self._lock:
            if self._held is None:
                self._held = {each.number: each for each in self._held_parts()}
            return self._held

    def _free(self, part: PartRange) -> None:
        if not self.room_bytes:
            return
        try:
            free_range(self._freeable, part.offset, part.size_bytes)
        except OSError as err:
            raise V2sError(
                f"the work folder's file system cannot free parts of a file ({err.strerror})",
                hint="use ext4, xfs or btrfs there, or set export_strategy: local",
            ) from err

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
        if self._freeable >= 0:
            os.close(self._freeable)
