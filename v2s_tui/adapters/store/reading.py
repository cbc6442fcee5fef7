"""Reading a state without a lock, while its writer works: `batch status`, `batch list`, the app before it
attaches.

A reader sees the state as of some commit, never half of one: it reads the snapshot, then the journal of that
generation, and begins again when the writer compacted in between.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from v2s_tui.adapters.store.journal import apply_changes, decode
from v2s_tui.adapters.store.snapshot_file import journal_path, read_snapshot
from v2s_tui.domain.errors import StateError
from v2s_tui.domain.execution.batch import BatchHeader, BatchState
from v2s_tui.domain.execution.documents import batch_from, header_from

STATE_FOLDER = "batch-state"
_TRIES = 50


def read_tables(path: Path) -> dict[str, dict[int, Any]]:
    """The tables at path as of the last whole commit.

    Raises StateError when there is no such state or it is damaged.
    """
    for _ in range(_TRIES):
        try:
            snapshot = read_snapshot(path)
            journal = journal_path(path, snapshot.generation)
            content = journal.read_bytes() if snapshot.generation else b""
        except FileNotFoundError:
            if path.exists():
                continue
            raise StateError(
                f"{path.name} does not exist", hint="`v2s batch list` shows what there is"
            ) from None
        read = decode(content, after=snapshot.sequence, name=journal.name)
        for commit in read.commits:
            apply_changes(snapshot.tables, commit)
        return snapshot.tables
    raise StateError(f"the journal of {path.name} is missing", hint="restore the state folder from a backup")


def read_batch(path: Path) -> BatchState:
    """The batch at path, lock-free. Raises StateError."""
    return batch_from(read_tables(path), name=path.name)


@dataclass(frozen=True, slots=True)
class ListedBatch:
    """One state file of a work folder. header: None when it cannot be read; problem says why."""

    path: Path
    header: BatchHeader | None
    total: int = 0
    complete: int = 0
    failed: int = 0
    problem: str = ""


def state_path(work_dir: Path, batch_id: str) -> Path:
    """`{work_dir}/batch-state/batch-{id}.json` (specification, "State & Resume")."""
    return work_dir / STATE_FOLDER / f"batch-{batch_id}.json"


def list_batches(work_dir: Path) -> tuple[ListedBatch, ...]:
    """All batches of a work folder, newest first; those that cannot be read come last."""
    listed = [_listed(path) for path in _state_files(work_dir)]
    readable = [each for each in listed if each.header is not None]
    readable.sort(key=lambda each: each.header.created_at if each.header else 0, reverse=True)
    return (*readable, *(each for each in listed if each.header is None))


def _state_files(work_dir: Path) -> Iterator[Path]:
    folder = work_dir / STATE_FOLDER
    try:
        # Not by `glob`: to it a folder that may not be read is an empty one.
        yield from sorted(each for each in folder.iterdir() if each.match("batch-*.json"))
    except FileNotFoundError:
        return
    except PermissionError as err:
        raise StateError(
            f"{folder} belongs to another user",
            hint="run v2s as the user who started its batches, or set conversion.work_dir",
        ) from err


def _listed(path: Path) -> ListedBatch:
    try:
        tables = read_tables(path)
        header = header_from(tables, name=path.name)
    except (StateError, OSError) as err:
        return ListedBatch(path, None, problem=str(err))
    statuses = [job["status"] for job in tables.get("jobs", {}).values()]
    return ListedBatch(path, header, len(statuses), statuses.count("complete"), statuses.count("failed"))
