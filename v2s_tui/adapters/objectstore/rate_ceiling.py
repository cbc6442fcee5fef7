"""A ceiling on bytes per second shared by all threads that send."""

import threading
import time
from collections.abc import Callable


class RateCeiling:
    """bytes_per_second: asked at each chunk, so that it may change with the time of day; 0 means no
    ceiling.
    """

    def __init__(
        self,
        bytes_per_second: Callable[[], float],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bytes_per_second = bytes_per_second
        self._monotonic = monotonic
        self._free_at = 0.0
        self._lock = threading.Lock()

    def reserve(self, size_bytes: int) -> float:
        """Take a place in the queue for that many bytes; returns seconds to wait before sending them."""
        rate = self._bytes_per_second()
        if rate <= 0:
            return 0.0
        with self._lock:
            now = self._monotonic()
            turn = max(now, self._free_at)
            self._free_at = turn + size_bytes / rate
        return turn - now
