"""The one door through which a running batch changes: event in, state and journal and listeners follow.

Listeners hear an event only after it is on disk, in order, from the writer's thread: what a screen or a log
shows has happened for good.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future

from v2s_tui.domain.execution.batch import BatchState
from v2s_tui.domain.execution.batch_transitions import apply
from v2s_tui.domain.execution.documents import changes
from v2s_tui.domain.execution.events import Event
from v2s_tui.engine.state_store import StateStore

Listener = Callable[[Event], None]
log = logging.getLogger(__name__)


class Recorder:
    """Holds the current state; every method may be called from any thread."""

    def __init__(self, store: StateStore, listeners: Iterable[Listener] = ()) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._listeners = tuple(listeners)
        self.state: BatchState = store.load()
        self._last_effect = max((int(each) for each in self.state.effects), default=0)

    def record(self, event: Event) -> "Future[None]":
        """Apply the event; the future is done when it is on disk and raises StateError when it never will be.

        Raises ValueError or KeyError for an event that must not happen; nothing changes then.
        """
        with self._lock:
            after = apply(self.state, event)
            written = self._store.commit(changes(self.state, after, event), lambda: self._tell(event))
            self.state = after
        return written

    def record_and_wait(self, event: Event) -> None:
        """For worker threads: record, and return once it is on disk. Never call it on the event loop."""
        self.record(event).result()

    def next_effect_id(self) -> str:
        """A ledger id that no other effect of the batch has."""
        with self._lock:
            self._last_effect += 1
            return str(self._last_effect)

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:
                log.exception("a listener failed on %s", event.kind)
