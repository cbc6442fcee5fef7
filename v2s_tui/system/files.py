"""Files that must be whole or absent: atomic writes, private folders."""

import contextlib
import ctypes
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


def write_atomically(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replace path by data so that a reader, or a crash at any moment, sees the old or the new file, never a
    part.

    Written to a neighbour, synced, renamed, and the folder synced. Raises OSError; nothing is left then.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames and new names in a folder survive a power loss."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_private_folder(folder: Path) -> Path:
    """Make the folder (and its parents) readable by its owner alone; returns it.

    Raises PermissionError when it exists and belongs to somebody else: a socket put there could be a trap.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user")
    if found.st_mode & 0o077:
        folder.chmod(0o700)
    return folder


@contextlib.contextmanager
def private_files() -> Iterator[None]:
    """Whatever this process and its children make meanwhile is for its owner alone: 0600 and 0700.

    Sets the umask, which belongs to the whole process, not to a thread.
    """
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


_KEEP_SIZE, _PUNCH_HOLE = 1, 2


def free_range(descriptor: int, offset: int, size_bytes: int) -> None:
    """Give the space of these bytes of an open, writable file back; they read as zeros then.

    Raises OSError, EOPNOTSUPP where the file system cannot.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = (ctypes.c_longlong(offset), ctypes.c_longlong(size_bytes))
    if libc.fallocate(descriptor, _KEEP_SIZE | _PUNCH_HOLE, *arguments):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def used_bytes(folder: Path) -> int:
    """Bytes that files under a folder really occupy (sparse holes not counted); 0 when it does not exist."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.lstat(Path(parent) / name).st_blocks * 512
    return total
