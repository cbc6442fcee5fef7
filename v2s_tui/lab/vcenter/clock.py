"""One thread that does things later: tasks proceed, leases become ready or run out."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable

Action = Callable[[], None]


class Clock:
    """Runs actions after a delay, in order of time. pace: factor on every delay given in lab seconds."""

    def __init__(self, *, pace: float = 1.0) -> None:
        self.pace = pace
        self._due: list[tuple[float, int, Action]] = []
        self._order = itertools.count()
        self._wake = threading.Condition()
        self._running = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._running = True
        self._thread = threading.Thread(target=self._run, name="lab-vcenter-clock", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread; what is not due yet never happens."""
        with self._wake:
            self._running = False
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def later(self, lab_seconds: float, action: Action) -> None:
        """Run the action after lab_seconds at the lab's pace."""
        self.after(lab_seconds * self.pace, action)

    def after(self, wait_seconds: float, action: Action) -> None:
        """Run the action after wall-clock seconds."""
        with self._wake:
            heapq.heappush(self._due, (time.monotonic() + wait_seconds, next(self._order), action))
            self._wake.notify_all()

    def _run(self) -> None:
        while (action := self._next()) is not None:
            action()

    def _next(self) -> Action | None:
        """Wait for the next action that is due; None once stopped."""
        with self._wake:
            while self._running:
                wait_seconds = self._due[0][0] - time.monotonic() if self._due else None
                if wait_seconds is not None and wait_seconds <= 0:
                    return heapq.heappop(self._due)[2]
                self._wake.wait(wait_seconds)
            return None
