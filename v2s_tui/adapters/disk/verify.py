"""Compares a disk, as an image or as the bytes of a volume, with the manifest of its content.

Proves what an import or a copy is worth: every cluster with content must be there, all others must be zeros.
"""

import os
import stat
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from v2s_tui.adapters.disk.manifest import ZEROS, Manifest, digest_of
from v2s_tui.adapters.disk.qcow2_layout import CLUSTER_BYTES
from v2s_tui.adapters.disk.qcow2_reader import Qcow2Image
from v2s_tui.domain.errors import ToolError
from v2s_tui.system.layered_file import WholeFile, is_layered

_QCOW2_MAGIC = b"QFI\xfb"
_CLUSTERS_PER_JOB = 64
_ZEROS_CLUSTER = bytes(CLUSTER_BYTES)


@dataclass(frozen=True, slots=True)
class Verified:
    """What a comparison found. virtual_size_bytes: of the disk compared; the manifest's may be smaller.
    wrong_clusters: numbers of clusters of 64 KiB that differ, ascending.
    """

    virtual_size_bytes: int
    compared_clusters: int
    wrong_clusters: tuple[int, ...]

    @property
    def holds(self) -> bool:
        return not self.wrong_clusters


def verify_disk(
    disk: Path,
    manifest_file: Path,
    *,
    threads: int = 2,
    on_bytes: Callable[[int, int], None] = lambda _done, _total: None,
) -> Verified:
    """Compare a qcow2 (self-contained or layered), a raw file or a block device with a manifest.

    on_bytes gets (done, total) virtual bytes. Raises ToolError when either cannot be used, OSError when the
    disk cannot be read.
    """
    manifest = Manifest(manifest_file)
    with ExitStack() as opened:
        reader = opened.enter_context(_reader(disk))
        if reader.virtual_size_bytes < manifest.virtual_size_bytes:
            raise _smaller(disk, reader.virtual_size_bytes, manifest.virtual_size_bytes)
        pool = opened.enter_context(ThreadPoolExecutor(threads, thread_name_prefix="verify"))
        wrong, compared = _compare(reader, manifest, pool, threads, on_bytes)
        return Verified(reader.virtual_size_bytes, compared, tuple(sorted(wrong)))


def _compare(
    reader: "_Qcow2Disk | _RawDisk",
    manifest: Manifest,
    pool: ThreadPoolExecutor,
    threads: int,
    on_bytes: Callable[[int, int], None],
) -> tuple[set[int], int]:
    under_way: deque[Future[set[int]]] = deque()
    wrong, seen, missing = set[int](), 0, manifest.clusters

    def finish_oldest() -> None:
        wrong.update(under_way.popleft().result())
        on_bytes(min(seen * CLUSTER_BYTES, reader.virtual_size_bytes), reader.virtual_size_bytes)

    for numbers in _batches(reader.clusters()):
        seen += len(numbers)
        missing.difference_update(numbers)
        under_way.append(pool.submit(_wrong_of, reader, manifest, numbers))
        if len(under_way) > 4 * threads:
            finish_oldest()
    while under_way:
        finish_oldest()
    return wrong | missing, seen + len(missing)


def _wrong_of(reader: "_Qcow2Disk | _RawDisk", manifest: Manifest, numbers: list[int]) -> set[int]:
    return {number for number in numbers if _digest(reader, number) != manifest.digest(number)}


def _digest(reader: "_Qcow2Disk | _RawDisk", number: int) -> bytes:
    try:
        content = reader.content(number)
    except ToolError:
        return b"unreadable"  # equals no digest
    return ZEROS if content == _ZEROS_CLUSTER else digest_of(content)


def _batches(numbers: Iterator[int]) -> Iterator[list[int]]:
    while batch := list(islice(numbers, _CLUSTERS_PER_JOB)):
        yield batch


def _reader(disk: Path) -> AbstractContextManager["_Qcow2Disk | _RawDisk"]:
    with disk.open("rb") as file:
        is_qcow2 = file.read(len(_QCOW2_MAGIC)) == _QCOW2_MAGIC
    return _Qcow2Disk(disk) if is_qcow2 or is_layered(disk) else _RawDisk(disk)


def _smaller(disk: Path, found: int, wanted: int) -> ToolError:
    return ToolError(
        f"{disk.name} holds a disk of {found} bytes, its manifest is of one of {wanted}",
        command="",
        exit_code=None,
        stderr_tail="",
        hint="does the manifest belong to this disk?",
    )


class _Qcow2Disk:
    """Allocated clusters of an image; all others are zeros."""

    def __init__(self, path: Path) -> None:
        self._image = Qcow2Image(path)
        self.virtual_size_bytes = self._image.header.virtual_size_bytes
        if self._image.backing_path is not None:
            self._image.close()
            raise ToolError(
                f"{path.name} is an overlay; only a whole disk can be compared",
                command="",
                exit_code=None,
                stderr_tail="",
            )
        self._entries = {each.number: each.entry for each in self._image.mappings() if not each.zero}

    def clusters(self) -> Iterator[int]:
        return iter(self._entries)

    def content(self, number: int) -> bytes:
        return self._image.cluster(self._entries[number])

    def __enter__(self) -> "_Qcow2Disk":
        return self

    def __exit__(self, *_: object) -> None:
        self._image.close()


class _RawDisk:
    """A raw file or block device. Holes of a sparse file are not read."""

    def __init__(self, path: Path) -> None:
        self._file = WholeFile(path)
        self._path = path
        self.virtual_size_bytes = _size_of(path)

    def clusters(self) -> Iterator[int]:
        with self._path.open("rb") as file:
            yield from chain.from_iterable(_data_ranges(file.fileno(), self.virtual_size_bytes))

    def content(self, number: int) -> bytes:
        return self._file.read_at(number * CLUSTER_BYTES, CLUSTER_BYTES).ljust(CLUSTER_BYTES, b"\0")

    def __enter__(self) -> "_RawDisk":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _size_of(path: Path) -> int:
    with path.open("rb") as file:
        return file.seek(0, os.SEEK_END)


def _data_ranges(descriptor: int, size_bytes: int) -> Iterator[range]:
    """Numbers of clusters that are not wholly in a hole, each once; of a device: all."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        yield range(-(-size_bytes // CLUSTER_BYTES))
        return
    position, next_number = 0, 0
    while position < size_bytes:
        try:
            start = os.lseek(descriptor, position, os.SEEK_DATA)
        except OSError:  # ENXIO: nothing but a hole up to the end
            return
        position = os.lseek(descriptor, start, os.SEEK_HOLE)
        end = -(-position // CLUSTER_BYTES)
        yield range(max(next_number, start // CLUSTER_BYTES), end)
        next_number = max(next_number, end)
