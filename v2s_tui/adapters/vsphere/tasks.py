"""Starting vCenter tasks and waiting for their end.

Our own wait: pyVim's WaitForTask breaks on servers that show a task while it runs. Only four properties are
read, and the fault's type decides.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from v2s_tui.adapters.vsphere import faults
from v2s_tui.adapters.vsphere.faults import BUSY, VimFault
from v2s_tui.adapters.vsphere.retrieve import Retriever
from v2s_tui.adapters.vsphere.session import Session
from v2s_tui.adapters.vsphere.values import Ref, Value, text_of
from v2s_tui.domain.errors import SourceError

_FIRST_POLL_SECONDS = 0.1
_LONGEST_POLL_SECONDS = 2.0
_LONGEST_BUSY_SECONDS = 5.0


class Tasks:
    """Runs tasks of one session to their end. sleep and clock are for tests."""

    def __init__(
        self,
        session: Session,
        retriever: Retriever,
        *,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._retriever = retriever
        self._sleep = sleep
        self._clock = clock

    def run(self, doing: str, start: Callable[[], Any], *, repeatable: bool = False) -> Value | None:
        """Start a task, wait, return its result. A VM that is busy with another task is tried again for a
        bounded time. Raises SourceError (VimFaultError has the fault's type) and its kinds.
        """
        with faults.told_as(doing):
            return self.attempt(doing, start, repeatable=repeatable)

    def attempt(self, doing: str, start: Callable[[], Any], *, repeatable: bool = False) -> Value | None:
        """As run, but faults come as VimFault."""
        deadline = self._clock() + self._session.address.timeouts.busy
        pause = _FIRST_POLL_SECONDS * 5
        while True:
            try:
                task = self._session.attempt(start, repeatable=repeatable)
                return self._wait(doing, str(task._moId))
            except VimFault as fault:
                if fault.kind != BUSY or self._clock() + pause > deadline:
                    raise
            self._sleep(pause)
            pause = min(pause * 2, _LONGEST_BUSY_SECONDS)

    def _wait(self, doing: str, task: str) -> Value | None:
        limit = self._session.address.timeouts.task
        deadline = self._clock() + limit
        pause = _FIRST_POLL_SECONDS
        while True:
            info = self._info(doing, task)
            match text_of(info.get("info.state")):
                case "success":
                    return info.get("info.result")
                case "error":
                    raise faults.from_localized(info.get("info.error"))
            if self._clock() > deadline:
                raise SourceError(
                    f"{doing}: the task has not ended after {limit:.0f} seconds",
                    hint="Look at the VM's recent tasks in vCenter; it may still be running there",
                )
            self._sleep(pause)
            pause = min(pause * 1.5, _LONGEST_POLL_SECONDS)

    def _info(self, doing: str, task: str) -> Mapping[str, Value]:
        paths = ("info.state", "info.progress", "info.error", "info.result")
        return self._retriever.read(doing, Ref("Task", task), *paths)
