"""One writer at a time: an flock on a file of its own, which the kernel releases whatever kills the holder.

The lock file also carries two facts: who holds it (for the message to the second writer), and how many
commits were acknowledged (so that a journal that later lost some of them is found out). The locked file is
never renamed; what it protects may be.
"""

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

_COUNT_DIGITS = 20
_OWNER_OFFSET = _COUNT_DIGITS + 1
_FILE_MODE = 0o600
_TRIES = 5
_TRY_AGAIN_SECONDS = 0.02


def lock_path(path: Path) -> Path:
    """The lock file of a state file: of its own, because the state file is renamed over."""
    return path.with_name(f"{path.name}.lock")


@dataclass(frozen=True, slots=True)
class LockOwner:
    """The process that holds (or last held) the lock. socket: where it serves commands, "" nowhere."""

    pid: int
    host: str
    socket: str = ""


class LockHeld(Exception):
    """Another process holds the lock. owner: None when the file does not say."""

    def __init__(self, owner: LockOwner | None) -> None:
        super().__init__(f"held by process {owner.pid}" if owner else "held by another process")
        self.owner = owner


class FileLock:
    """An exclusive lock, held from construction until `release`."""

    def __init__(self, path: Path) -> None:
        """Take the lock at once; raises LockHeld, or OSError when the file cannot be made."""
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE)
        try:
            _lock(self._descriptor)
        except BlockingIOError as err:
            os.close(self._descriptor)
            raise LockHeld(read_owner(path)) from err

    def write_owner(self, owner: LockOwner) -> None:
        """Say who holds it; the count is kept."""
        os.ftruncate(self._descriptor, _OWNER_OFFSET)
        os.pwrite(self._descriptor, json.dumps(asdict(owner)).encode() + b"\n", _OWNER_OFFSET)

    def write_count(self, count: int) -> None:
        """Remember how many commits were acknowledged (in the page cache: it survives any kill)."""
        os.pwrite(self._descriptor, b"%0*d\n" % (_COUNT_DIGITS, count), 0)

    def read_count(self) -> int:
        """The remembered count; 0 when there is none."""
        text = os.pread(self._descriptor, _COUNT_DIGITS, 0)
        return int(text) if text.isdigit() else 0

    def release(self) -> None:
        """Give the lock back; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _lock(descriptor: int) -> None:
    """Take the lock; a few tries, because `is_locked` holds it for an instant."""
    for _ in range(_TRIES - 1):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_TRY_AGAIN_SECONDS)
        else:
            return
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def read_owner(path: Path) -> LockOwner | None:
    """Who holds or last held the lock; None when the file is missing or says nothing."""
    try:
        content = path.read_bytes()[_OWNER_OFFSET:]
        return LockOwner(**json.loads(content))
    except (OSError, ValueError, TypeError):
        return None


def is_locked(path: Path) -> bool:
    """True while a living process holds the lock. Does not take it for longer than the question."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
