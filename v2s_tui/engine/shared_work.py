"""What the VMs of a batch share is made by one of them, while the others that need it wait."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from v2s_tui.domain.errors import Cancelled

_LOOK_SECONDS = 0.5
"""How often one who waits looks whether it was cancelled."""


class SharedWork:
    """One at a time for each thing; for worker threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def alone(self, what: str, cancelled: threading.Event) -> Iterator[None]:
        """Nobody else is inside for the same `what`. Raises Cancelled while it waits."""
        with self._guard:
            lock = self._locks[what]
        while not lock.acquire(timeout=_LOOK_SECONDS):
            if cancelled.is_set():
                raise Cancelled(f"stopped while another VM makes {what}")
        try:
            yield
        finally:
            lock.release()
