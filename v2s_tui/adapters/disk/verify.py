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
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from v2s_tui.adapters.disk.image_error import unusable
from v2s_tui.adapters.disk.manifest import ZEROS, Manifest, digest_of
from v2s_tui.adapters.disk.qcow2_layout import CLUSTER_BYTES, MAGIC
from v2s_tui.adapters.disk.qcow2_reader import Qcow2Image
from v2s_tui.domain.errors import ToolError
from v2s_tui.system.layered_file import WholeFile, is_layered

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


class _Place(NamedTuple):
    """A cluster to read. where: its L2 entry in an image, its offset in a raw disk."""

    number: int
    where: int


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
    """(numbers of wrong clusters, how many were compared)."""
    under_way: deque[Future[set[int]]] = deque()
    wrong, compared = set[int](), 0
    seen = bytearray(-(-reader.virtual_size_bytes // CLUSTER_BYTES))

    def finish_oldest() -> None:
        wrong.update(under_way.popleft().result())
        on_bytes(min(compared * CLUSTER_BYTES, reader.virtual_size_bytes), reader.virtual_size_bytes)

    for clusters in _batches(reader.clusters()):
        compared += len(clusters)
        for each in clusters:
            seen[each.number] = True
        under_way.append(pool.submit(_wrong_of, reader, manifest, clusters))
        if len(under_way) > 4 * threads:
            finish_oldest()
    while under_way:
        finish_oldest()
    missing = {number for number in manifest.clusters() if not seen[number]}
    return wrong | missing, compared + len(missing)


def _wrong_of(reader: "_Qcow2Disk | _RawDisk", manifest: Manifest, clusters: list[_Place]) -> set[int]:
    return {each.number for each in clusters if _digest(reader, each) != manifest.digest(each.number)}


def _digest(reader: "_Qcow2Disk | _RawDisk", place: _Place) -> bytes:
    try:
        content = reader.content(place)
    except ToolError:
        return b"unreadable"  # equals no digest
    return ZEROS if content == _ZEROS_CLUSTER else digest_of(content)


def _batches(places: Iterator[_Place]) -> Iterator[list[_Place]]:
    while batch := list(islice(places, _CLUSTERS_PER_JOB)):
        yield batch


def _reader(disk: Path) -> AbstractContextManager["_Qcow2Disk | _RawDisk"]:
    with disk.open("rb") as file:
        is_qcow2 = file.read(len(MAGIC)) == MAGIC
    return _Qcow2Disk(disk) if is_qcow2 or is_layered(disk) else _RawDisk(disk)


def _smaller(disk: Path, found: int, wanted: int) -> ToolError:
    return unusable(
        f"{disk.name} holds a disk of {found} bytes, its manifest is of one of {wanted}",
        hint="does the manifest belong to this disk?",
    )


class _Qcow2Disk:
    """Allocated clusters of an image; all others are zeros."""

    def __init__(self, path: Path) -> None:
        self._image = Qcow2Image(path)
        self.virtual_size_bytes = self._image.header.virtual_size_bytes
        if self._image.backing_path is not None:
            self._image.close()
            raise unusable(f"{path.name} is an overlay; only a whole disk can be compared")

    def clusters(self) -> Iterator[_Place]:
        return (_Place(each.number, each.entry) for each in self._image.mappings() if not each.zero)

    def content(self, place: _Place) -> bytes:
        return self._image.cluster(place.where)

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

    def clusters(self) -> Iterator[_Place]:
        with self._path.open("rb") as file:
            for numbers in _data_ranges(file.fileno(), self.virtual_size_bytes):
                yield from (_Place(number, number * CLUSTER_BYTES) for number in numbers)

    def content(self, place: _Place) -> bytes:
        return self._file.read_at(place.where, CLUSTER_BYTES).ljust(CLUSTER_BYTES, b"\0")

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
