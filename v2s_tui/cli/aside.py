"""Output that holds up nobody: a terminal may take none for hours (Ctrl+S, text that is being selected, a
laptop that sleeps while its connection lives), and so may the reader of a pipe.
"""

import logging
import queue
import threading
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import TypeVar

Thing = TypeVar("Thing")
log = logging.getLogger(__name__)


class Aside:
    """Does work in order in a thread of its own. Leaving it waits until all of it is done."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._do, name="output", daemon=True)
        self._thread.start()

    def later(self, work: Callable[[Thing], None]) -> Callable[[Thing], None]:
        """The same work, done aside."""
        return lambda thing: self._work.put(partial(work, thing))

    def unless_behind(self, work: Callable[[Thing], None]) -> Callable[[Thing], None]:
        """The same for what is soon out of date: left out while anything before it is not done."""

        def do(thing: Thing) -> None:
            if self._work.empty():
                self._work.put(partial(work, thing))

        return do

    def wait(self, seconds: float) -> None:
        """Let what was asked for until now be done first, at most so long."""
        done = threading.Event()
        self._work.put(done.set)
        done.wait(seconds)

    def _do(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                work()
            except Exception:
                log.exception("something could not be said")

    def __enter__(self) -> "Aside":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._work.put(None)
        self._thread.join()
