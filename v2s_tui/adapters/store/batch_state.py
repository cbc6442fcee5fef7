"""The state of one batch as its runner keeps it: commits from any thread, one writer thread, group commit."""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

from v2s_tui.adapters.store.journal_storage import COMPACT_AT_BYTES, JournalStorage
from v2s_tui.adapters.store.reading import state_path
from v2s_tui.domain.errors import StateError
from v2s_tui.domain.execution.batch import BatchState
from v2s_tui.domain.execution.documents import Change, all_changes, batch_from
from v2s_tui.system.files import make_private_folder
from v2s_tui.system.locks import LockOwner

_Work = tuple[Sequence[Change], "Future[None]", Callable[[], None] | None]


class BatchStateFile:
    """The only writer of `{work_dir}/batch-state/batch-{id}.json`.

    Open it with `create` or `open`; both raise StateError, for a state in use with the pid that uses it.
    """

    def __init__(self, storage: JournalStorage) -> None:
        self.path = storage.path
        self.note = storage.note
        self._storage = storage
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="state-writer", daemon=True)
        self._thread.start()

    @classmethod
    def create(
        cls, work_dir: Path, batch: BatchState, *, compact_at_bytes: int = COMPACT_AT_BYTES
    ) -> "BatchStateFile":
        """A new state file that holds the batch."""
        path = state_path(work_dir, batch.header.batch_id)
        try:
            make_private_folder(path.parent)
            return cls(JournalStorage(path, compact_at_bytes=compact_at_bytes, initial=all_changes(batch)))
        except OSError as err:
            raise StateError(
                f"{path.parent} cannot be written ({err.strerror})", hint="check work_dir in migration.yaml"
            ) from err

    @classmethod
    def open(cls, path: Path, *, compact_at_bytes: int = COMPACT_AT_BYTES) -> "BatchStateFile":
        """An existing state file."""
        if not path.exists():
            raise StateError(f"{path.name} does not exist", hint="`v2s batch list` shows what there is")
        try:
            return cls(JournalStorage(path, compact_at_bytes=compact_at_bytes))
        except OSError as err:
            raise StateError(
                f"{path.name} cannot be opened for writing ({err.strerror})",
                hint="check owner and free space of the state folder",
            ) from err

    def load(self) -> BatchState:
        """The batch as of the last commit. Ask before commits of your own are under way."""
        return batch_from(self._storage.tables, name=self.path.name)

    def commit(self, changes: Sequence[Change], then: Callable[[], None] | None = None) -> "Future[None]":
        """Write the changes; commits keep the order of the calls. then: called by the writer once they are
        on disk, before the future is done. The future raises StateError when the disk refuses.
        """
        future: Future[None] = Future()
        self._queue.put((changes, future, then))
        return future

    def announce(self, owner: LockOwner) -> None:
        """Write who holds the state, for the message to a second writer and for attaching."""
        self._storage.lock.write_owner(owner)

    def close(self) -> None:
        """Finish pending commits, release the lock."""
        self._queue.put(None)
        self._thread.join()
        self._storage.close()

    def _write(self) -> None:
        while True:
            group, ended = self._next_group()
            if group:
                self._commit_group(group)
            if ended:
                return

    def _next_group(self) -> tuple[list[_Work], bool]:
        """Everything queued by now: one sync acknowledges all of it."""
        work = self._queue.get()
        group: list[_Work] = []
        while work is not None:
            group.append(work)
            try:
                work = self._queue.get_nowait()
            except queue.Empty:
                return group, False
        return group, True

    def _commit_group(self, group: list[_Work]) -> None:
        """One sync for all. A commit whose caller no longer waits is written all the same: it is applied."""
        waited_for = [future.set_running_or_notify_cancel() for _, future, _ in group]
        try:
            self._storage.commit([change for changes, _, _ in group for change in changes])
        except Exception as err:  # noqa: BLE001 - whatever the disk says reaches those who wait for it
            for (_, future, _), wanted in zip(group, waited_for, strict=True):
                if wanted:
                    future.set_exception(err)
            return
        for (_, future, then), wanted in zip(group, waited_for, strict=True):
            if then is not None:
                then()
            if wanted:
                future.set_result(None)
