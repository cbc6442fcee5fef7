"""A clock that moves only when it is told to, and a second or so at every look where a test wants that."""

import threading
from datetime import UTC, datetime, timedelta


class FakeClock:
    """Starts on a fixed day. Thread safe."""

    def __init__(self, start: datetime = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)) -> None:
        self._now = start
        self._elapsed = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The fake time."""
        return self._now

    def monotonic(self) -> float:
        """Fake seconds since the clock was made."""
        return self._elapsed

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self._now += timedelta(seconds=seconds)
            self._elapsed += seconds
