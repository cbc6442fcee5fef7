"""A disk as bytes at offsets: what partition and ESP editing needs, whatever stands behind it."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

SECTOR_BYTES = 512
_CHUNK_BYTES = 1 << 20
_PIECE_BYTES = 64 * 1024
_ZEROS = bytes(_CHUNK_BYTES)


class BlockDevice(Protocol):
    """Random access to a disk's content. Reading past the end gives fewer bytes."""

    size_bytes: int

    def read_at(self, offset_bytes: int, length_bytes: int) -> bytes: ...

    def write_at(self, offset_bytes: int, data: bytes) -> None: ...

    def flush(self) -> None:
        """Returns when everything written is on stable storage."""
        ...


class RawFile:
    """A raw file, or a raw view that qemu-storage-daemon exports, as a BlockDevice. Use as a context."""

    def __init__(self, path: Path, *, writable: bool) -> None:
        self.path = path
        self._descriptor = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC)
        self.size_bytes = os.lseek(self._descriptor, 0, os.SEEK_END)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def read_at(self, offset_bytes: int, length_bytes: int) -> bytes:
        return os.pread(self._descriptor, length_bytes, offset_bytes)

    def write_at(self, offset_bytes: int, data: bytes) -> None:
        done = 0
        while done < len(data):
            done += os.pwrite(self._descriptor, data[done:], offset_bytes + done)

    def flush(self) -> None:
        os.fsync(self._descriptor)


def is_zero(data: bytes) -> bool:
    """True for nothing but zeros; up to 1 MiB is compared as memory, far quicker than byte by byte."""
    return data == _ZEROS[: len(data)] if len(data) <= _CHUNK_BYTES else not data.strip(b"\0")


def copy_out(device: BlockDevice, offset_bytes: int, length_bytes: int, target: Path) -> None:
    """Copy a range of the device into a new sparse file."""
    with target.open("wb") as out:
        for position in range(0, length_bytes, _CHUNK_BYTES):
            chunk = device.read_at(offset_bytes + position, min(_CHUNK_BYTES, length_bytes - position))
            if not is_zero(chunk):
                out.seek(position)
                out.write(chunk)
        out.truncate(length_bytes)


def copy_in(source: Path, device: BlockDevice, offset_bytes: int, *, old: Path | None = None) -> int:
    """Write a file's content into the device at an offset, its beginning last; returns the bytes written.

    Pieces equal to those of `old` (what the device holds there; None: zeros) are not written, so that an
    overlay grows only by what changed. Without `old`, holes of the file are not even read.
    """
    written = 0
    with ExitStack() as stack:
        file = stack.enter_context(source.open("rb"))
        previous = stack.enter_context(old.open("rb")) if old else None
        for position, length in reversed(tuple(_pieces(file, whole=previous is not None))):
            chunk = os.pread(file.fileno(), length, position)
            before = os.pread(previous.fileno(), length, position) if previous else _ZEROS[:length]
            if chunk != before:
                device.write_at(offset_bytes + position, chunk)
                written += len(chunk)
    return written


def _pieces(file: BinaryIO, *, whole: bool) -> Iterator[tuple[int, int]]:
    """(position, length) of pieces that may hold data; with `whole` of all pieces."""
    end = os.fstat(file.fileno()).st_size
    start = 0
    while start < end:
        stop = end
        if not whole:
            try:
                start = os.lseek(file.fileno(), start, os.SEEK_DATA)
            except OSError:  # ENXIO: only a hole is left
                return
            stop = os.lseek(file.fileno(), start, os.SEEK_HOLE)
        yield from ((place, min(_PIECE_BYTES, stop - place)) for place in range(start, stop, _PIECE_BYTES))
        start = stop
