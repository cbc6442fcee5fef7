"""The state of a batch as the engine sees it; adapters/store/batch_state.py keeps it on disk."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol

from v2s_tui.domain.execution.batch import BatchState
from v2s_tui.domain.execution.documents import Change
from v2s_tui.system.locks import LockOwner


class StateStore(Protocol):
    """One batch's documents, with one writer. Errors (in futures too): StateError."""

    path: Path

    def load(self) -> BatchState:
        """The batch as of the last commit."""
        ...

    def commit(self, changes: Sequence[Change], then: Callable[[], None] | None = None) -> "Future[None]":
        """Write in the order of the calls, from any thread; done when on disk, after calling `then`."""
        ...

    def announce(self, owner: LockOwner) -> None:
        """Say which process works on the batch and where it can be reached."""
        ...

    def close(self) -> None: ...
