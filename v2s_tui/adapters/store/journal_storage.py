"""TinyDB storage with a journal: what was acknowledged survives kill -9, and an update costs what it touches.

Stock JSONStorage rewrites the file in place: 85 ms an update at 1,000 VMs, and a kill may leave half a file
(reference: terminal.md section 3). Here an update is one line appended and synced; the snapshot is rewritten
when the journal has grown to `compact_at_bytes`, by rename, in the thread that commits.
"""

import contextlib
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Document, Table

from v2s_tui.adapters.store.journal import apply_changes, decode, encode
from v2s_tui.adapters.store.snapshot_file import (
    SnapshotFile,
    journal_path,
    read_snapshot,
    write_snapshot,
)
from v2s_tui.domain.errors import StateError
from v2s_tui.domain.execution.documents import Change
from v2s_tui.system.files import sync_folder
from v2s_tui.system.locks import FileLock, LockHeld, LockOwner, lock_path

COMPACT_AT_BYTES = 32 * 1024**2
_WHOLE_TABLE = -1


class JournalStorage(Storage):
    """Storage of a TinyDB database. One writer: a second one is refused with the first one's pid.

    tables: the documents by table and integer id; read it, never change it. note: what recovery had to do.
    """

    def __init__(
        self, path: str | Path, *, compact_at_bytes: int = COMPACT_AT_BYTES, initial: Sequence[Change] = ()
    ) -> None:
        """Open or create; recovers the journal. initial: what a new file holds from its first moment on.

        Raises StateError (second writer, damage, initial content for a file that exists) and OSError.
        """
        self.path = Path(path)
        self.note = ""
        self._initial = initial
        self.tables: dict[str, dict[int, Any]] = {}
        self._compact_at_bytes = compact_at_bytes
        self._journal = -1
        self._broken = ""
        try:
            self.lock = FileLock(lock_path(self.path))
        except LockHeld as err:
            pid = f"process {err.owner.pid} on {err.owner.host}" if err.owner else "another process"
            raise StateError(
                f"{self.path.name} is in use by {pid}",
                hint="attach to it with `v2s batch attach`, or wait until it has ended",
            ) from err
        try:
            self.lock.write_owner(LockOwner(os.getpid(), socket.gethostname()))
            self._recover()
        except BaseException:
            self.close()
            raise

    # --- recovery

    def _recover(self) -> None:
        if not self.path.exists():
            self._require_count(0)
            apply_changes(self.tables, self._initial)
            self._begin_generation(1, sequence=0)
            return
        if self._initial:
            raise StateError(f"{self.path.name} exists already", hint="resume that batch, or start a new one")
        snapshot = read_snapshot(self.path)
        self.tables = snapshot.tables
        self._generation = snapshot.generation
        journal = journal_path(self.path, snapshot.generation)
        content = journal.read_bytes() if journal.exists() else b""
        read = decode(content, after=snapshot.sequence, name=journal.name)
        self._require_count(read.sequence)
        for commit in read.commits:
            apply_changes(self.tables, commit)
        self._sequence = read.sequence
        self._open_journal(read.good_bytes)
        if read.torn:
            self.note = (
                f"{journal.name} ended in a torn line of {len(content) - read.good_bytes} bytes, dropped"
            )
        self._remove_other_journals()

    def _require_count(self, sequence: int) -> None:
        acknowledged = self.lock.read_count()
        if sequence < acknowledged:
            raise StateError(
                f"{self.path.name} has lost its last {acknowledged - sequence} acknowledged changes",
                hint="restore the state folder from a backup; to go on with what is left, remove "
                f"{lock_path(self.path).name} (resume then checks the evidence of every VM)",
            )

    def _open_journal(self, good_bytes: int) -> None:
        path = journal_path(self.path, self._generation)
        self._journal = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.ftruncate(self._journal, good_bytes)
        os.fsync(self._journal)
        self._journal_bytes = good_bytes

    def _remove_other_journals(self) -> None:
        current = journal_path(self.path, self._generation)
        for stray in self.path.parent.glob(f"{self.path.name}.journal.*"):
            if stray != current:
                stray.unlink(missing_ok=True)

    # --- writing

    def commit(self, changes: Sequence[Change]) -> None:
        """Append, sync, then show: when it returns, the changes survive a crash.

        Raises StateError when the disk refuses; the storage takes nothing more after that.
        """
        if self._broken:
            raise StateError(self._broken, hint="free space or remount the state folder, then resume")
        line = encode(self._sequence + 1, changes)
        try:
            self._append(line)
            self.lock.write_count(self._sequence + 1)
        except OSError as err:
            self._broken = f"{self.path.name} cannot be written ({err.strerror})"
            raise StateError(
                self._broken, hint="free space or remount the state folder, then resume"
            ) from err
        self._sequence += 1
        apply_changes(self.tables, changes)
        if self._journal_bytes >= self._compact_at_bytes:
            self._compact_if_possible()

    def _append(self, line: bytes) -> None:
        try:
            written = os.write(self._journal, line)
            while written < len(line):
                written += os.write(self._journal, line[written:])
            os.fdatasync(self._journal)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._journal, self._journal_bytes)
            raise
        self._journal_bytes += len(line)

    def _compact_if_possible(self) -> None:
        """A compaction that fails costs nothing: the journal goes on growing, and the next commit tries again
        after as many bytes more. Only when the new snapshot is in place and its folder could not be synced,
        nothing more may be written: the journal we have is not the one that a reader takes.
        """
        try:
            self.compact()
        except OSError as err:
            if self._read_by_others() != self._generation:
                self._broken = f"{self.path.name} cannot be written ({err.strerror})"
                return
            self.note = f"compaction failed ({err.strerror}); the journal goes on"
            self._compact_at_bytes += self._journal_bytes

    def compact(self) -> None:
        """Write the snapshot anew and begin an empty journal. Raises OSError; nothing is lost then."""
        old = journal_path(self.path, self._generation)
        self._begin_generation(self._generation + 1, sequence=self._sequence)
        old.unlink(missing_ok=True)

    def _begin_generation(self, generation: int, *, sequence: int) -> None:
        path = journal_path(self.path, generation)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            sync_folder(self.path.parent)
            write_snapshot(self.path, SnapshotFile(self.tables, generation, sequence))
        except BaseException:
            os.close(descriptor)
            if self._read_by_others() != generation:
                path.unlink(missing_ok=True)
            raise
        if self._journal >= 0:
            os.close(self._journal)
        self._journal, self._journal_bytes = descriptor, 0
        self._generation, self._sequence = generation, sequence

    def _read_by_others(self) -> int:
        """The generation of the snapshot that is in place; 0 none."""
        return read_snapshot(self.path).generation if self.path.exists() else 0

    # --- TinyDB's side

    def read(self) -> dict[str, dict[str, Any]]:
        """All tables as TinyDB expects them; costs a copy of every id, so our own table does not use it."""
        return {
            name: {str(key): document for key, document in table.items()}
            for name, table in self.tables.items()
        }

    def write(self, data: Mapping[str, Mapping[str, Any]]) -> None:
        """Replace everything, as one commit (TinyDB does so when it drops tables)."""
        dropped = [Change(name, _WHOLE_TABLE, None) for name in self.tables]
        put = [
            Change(name, int(key), dict(document))
            for name, table in data.items()
            for key, document in table.items()
        ]
        self.commit([*dropped, *put])

    def close(self) -> None:
        """Release the lock; a second call does nothing."""
        if self._journal >= 0:
            os.close(self._journal)
            self._journal = -1
        self.lock.release()


class _Touched(dict[int, Mapping[str, Any]]):
    """A table as an updater sees it: documents are copied when read, so that what changed can be told."""

    def __init__(self, documents: Mapping[int, Mapping[str, Any]]) -> None:
        super().__init__(documents)
        self.changed: dict[int, Mapping[str, Any] | None] = {}

    def __getitem__(self, key: int) -> Mapping[str, Any]:
        if key not in self.changed:
            self[key] = deepcopy(super().__getitem__(key))
        return super().__getitem__(key)

    def __setitem__(self, key: int, document: Mapping[str, Any]) -> None:
        super().__setitem__(key, document)
        self.changed[key] = document

    def __delitem__(self, key: int) -> None:
        super().__delitem__(key)
        self.changed[key] = None

    def pop(self, key: int, *default: Any) -> Any:
        found = super().pop(key, *default)
        self.changed[key] = None
        return found


class JournalTable(Table):
    """TinyDB table whose updates are committed document by document. Update by `doc_ids` where you can."""

    @property
    def _journalled(self) -> JournalStorage:
        return cast(JournalStorage, self._storage)

    def _read_table(self) -> dict[Any, Mapping[str, Any]]:
        return self._journalled.tables.get(self.name, {})

    def _update_table(self, updater: Callable[[dict[int, Mapping[str, Any]]], None]) -> None:
        before = self._read_table()
        touched = _Touched(before)
        updater(touched)
        changes = [
            Change(self.name, key, None if document is None else dict(document))
            for key, document in touched.changed.items()
            if document != before.get(key)
        ]
        if changes:
            self._journalled.commit(changes)
        self.clear_cache()

    def get(self, cond: Any = None, doc_id: int | None = None, doc_ids: list[int] | None = None) -> Any:
        """As TinyDB; by ids without touching another document."""
        table = self._read_table()
        if doc_id is not None:
            return Document(table[doc_id], doc_id) if doc_id in table else None
        if doc_ids is not None:
            return [Document(table[each], each) for each in doc_ids if each in table]
        return super().get(cond)


class JournalledTinyDB(TinyDB):
    """`JournalledTinyDB(path)`: TinyDB's whole API over a JournalStorage."""

    table_class = JournalTable
    default_storage_class = JournalStorage  # type: ignore[assignment]
