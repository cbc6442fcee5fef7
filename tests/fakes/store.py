"""A batch's state in memory, which can die at any commit: every prefix of its journal is a crash."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from fakes.world import ProcessDied
from v2s_tui.domain.execution.batch import BatchState
from v2s_tui.domain.execution.documents import Change, all_changes, batch_from
from v2s_tui.system.locks import LockOwner


class FakeStore:
    """StateStore. die_at: number of the commit that is never written (None: lives for ever); on_death: called
    then. Like the real one it is strict: a commit is on "disk" before its future is done.
    """

    def __init__(self, batch: BatchState, path: Path = Path("batch-fake.json")) -> None:
        self.path = path
        self.owner: LockOwner | None = None
        self.die_at: int | None = None
        self.on_death: Callable[[], None] = lambda: None
        self.commits = 0
        self.failing: Exception | None = None
        self._lock = threading.Lock()
        self._tables: dict[str, dict[int, Any]] = {}
        self._apply(all_changes(batch))

    def load(self) -> BatchState:
        """As of the last commit."""
        with self._lock:
            return batch_from(self._tables, name=self.path.name)

    def commit(self, changes: Sequence[Change], then: Callable[[], None] | None = None) -> "Future[None]":
        """At once, in the caller's thread."""
        future: Future[None] = Future()
        with self._lock:
            if self.die_at is not None and self.commits >= self.die_at:
                self.on_death()
                future.set_exception(ProcessDied())
                return future
            if self.failing is not None:
                future.set_exception(self.failing)
                return future
            self.commits += 1
            self._apply(changes)
        if then is not None:
            then()
        future.set_result(None)
        return future

    def announce(self, owner: LockOwner) -> None:
        """Remember it."""
        self.owner = owner

    def close(self) -> None:
        """Nothing to do."""

    def _apply(self, changes: Sequence[Change]) -> None:
        for each in changes:
            self._tables.setdefault(each.table, {})[each.id] = each.document
