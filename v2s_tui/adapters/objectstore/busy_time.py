"""How long at least one of several threads was at work: the time that tells a link's speed."""

import threading
import time
from types import TracebackType


class BusyTime:
    """Enter it around each piece of work. seconds: with at least one under way, those that ended."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._lock = threading.Lock()
        self._at_work = 0
        self._since = 0.0

    def __enter__(self) -> None:
        with self._lock:
            if not self._at_work:
                self._since = time.monotonic()
            self._at_work += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._at_work -= 1
            now = time.monotonic()
            self.seconds += now - self._since
            self._since = now
