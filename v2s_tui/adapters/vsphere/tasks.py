"""Starting vCenter tasks and waiting for their end.

Our own wait: pyVim's WaitForTask breaks on servers that show a task while it runs. Only four properties are
read, and the fault's type decides.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from v2s_tui.adapters.vsphere import faults
from v2s_tui.adapters.vsphere.retrieve import Retriever
from v2s_tui.adapters.vsphere.session import Session
from v2s_tui.adapters.vsphere.values import Ref, Value, moref_of, text_of
from v2s_tui.adapters.vsphere.waiting import Waiting
from v2s_tui.domain.errors import SourceError, SourceUnreachable

_PROPERTIES = ("info.state", "info.progress", "info.error", "info.result")


class Tasks:
    """Runs tasks of one session to their end."""

    def __init__(self, session: Session, retriever: Retriever, waiting: Waiting) -> None:
        self._session = session
        self._retriever = retriever
        self._waiting = waiting

    def run(self, doing: str, start: Callable[[], Any], *, repeatable: bool = False) -> Value | None:
        """Start a task, wait, return its result. A VM that is busy with another task is tried again for a
        bounded time. Raises SourceError (VimFaultError has the fault's type) and its kinds.
        """
        with faults.told_as(doing):
            return self.attempt(doing, start, repeatable=repeatable)

    def attempt(
        self,
        doing: str,
        start: Callable[[], Any],
        *,
        repeatable: bool = False,
        instead: Callable[[], Value | None] = lambda: None,
    ) -> Value | None:
        """As run, but faults come as VimFault.

        instead: asked before it is started again; what it returns is the result of the task that kept the VM
        busy, which was the one wanted (an interrupted run's).
        """
        tries = 0

        def once() -> Value | None:
            nonlocal tries
            tries += 1
            if tries > 1 and (found := instead()) is not None:
                return found
            task = self._session.attempt(start, repeatable=repeatable)
            return self._wait(doing, str(task._moId))

        limit = self._session.address.timeouts.busy
        return self._waiting.while_busy(doing, once, limit_seconds=limit)

    def runs(self, doing: str, task: Value, kind: str) -> bool:
        """True while a task of that kind is queued or running; False where vCenter does not tell (any more).

        kind: how its description id begins, in any case (`createSnapshot` and `createSnapshotEx`).
        """
        paths = ("info.state", "info.descriptionId")
        try:
            info = self._retriever.read(doing, Ref("Task", moref_of(task)), *paths)
        except faults.VimFaultError:
            return False
        state, described = (text_of(info.get(path)) for path in paths)
        return state in {"queued", "running"} and described.lower().startswith(kind.lower())

    def _wait(self, doing: str, task: str) -> Value | None:
        limit = self._session.address.timeouts.task
        look = partial(self._success, doing, task)
        info = self._waiting.until(look, what=f"{doing}: its task at vCenter runs", limit_seconds=limit)
        if info is None:
            raise SourceError(
                f"{doing}: the task has not ended after {limit:.0f} seconds",
                hint="Look at the VM's recent tasks in vCenter; it may still be running there",
            )
        return info.get("info.result")

    def _success(self, doing: str, task: str) -> Mapping[str, Value] | None:
        """What a task that succeeded says; None while it runs; its fault raised."""
        try:
            info = self._retriever.read(doing, Ref("Task", task), *_PROPERTIES)
        except faults.VimFaultError as err:
            if err.kind != faults.GONE:
                raise
            raise SourceUnreachable(
                f"{doing}: vCenter does not know the task any more",
                hint="Did vCenter restart? Retry: what the task did is looked at first",
            ) from err
        state = text_of(info.get("info.state"))
        if state == "error":
            raise faults.from_localized(info.get("info.error"))
        return info if state == "success" else None
