"""Overlay and base as one self-contained image: the base's data, changed clusters behind it, new tables last.

Nothing of the base is inflated. Byte n of its data is byte n of the result, so that parts of it that were
sent to Object Storage already stay true; or, where none were, what nothing refers to any more is left out.
(reference: datapath.md 8, step 5)
"""

from array import array
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

from v2s_tui.adapters.disk.base_data import copy_pieces, refer_to
from v2s_tui.adapters.disk.codec import deflated
from v2s_tui.adapters.disk.compaction import compact_data, whole_data
from v2s_tui.adapters.disk.image_error import unusable
from v2s_tui.adapters.disk.manifest import ZEROS, ManifestWriter, digest_of, manifest_path
from v2s_tui.adapters.disk.qcow2_layout import CLUSTER_BYTES, L2_ENTRIES
from v2s_tui.adapters.disk.qcow2_reader import Mapping, Qcow2Image
from v2s_tui.adapters.disk.qcow2_writer import Cluster, Qcow2Writer
from v2s_tui.system.layered_file import Piece

_CLUSTERS_PER_JOB = 16
_ZEROS = bytes(CLUSTER_BYTES)


class _Change(NamedTuple):
    """What an overlay says of a cluster. cluster: None when it reads as zeros."""

    number: int
    cluster: Cluster | None


@dataclass(frozen=True, slots=True)
class _Base:
    """What an image lies on. tables: its L2 tables by number, as the result will have them. pieces: of its
    data, what the result has. mapped: by table number a byte for each cluster, 0 where the base has none.
    """

    path: Path
    tables: "dict[int, array[int]]"
    pieces: tuple[Piece, ...]
    mapped: dict[int, bytes]

    @property
    def data_end(self) -> int:
        """Where it ends in the result."""
        return self.pieces[-1].end if self.pieces else CLUSTER_BYTES

    def has(self, number: int) -> bool:
        """True when the base has a cluster of that number."""
        slots = self.mapped.get(number // L2_ENTRIES)
        return slots is not None and bool(slots[number % L2_ENTRIES])


def flatten_image(
    overlay_path: Path,
    target_descriptor: int,
    *,
    threads: int,
    layered: bool = False,
    compact: bool = False,
    manifest: BinaryIO | None = None,
    on_bytes: Callable[[int, int], None] = lambda _done, _total: None,
) -> int:
    """Write the image into an open, empty file; returns its size. on_bytes gets (done, total) now and then.

    The virtual size is the overlay's. layered: the data of the base is not copied; the file refers to it
    (system/layered_file.py). compact: leave out of it what the overlay replaced or trimmed (compaction.py).
    manifest: an open, empty file that gets the digests of the base and of all changes; the base must have one
    then. Raises ToolError for images of another form, OSError from the file.
    """
    with Qcow2Image(overlay_path) as overlay:
        base = _base_of(overlay, overlay_path, compact=compact)
        total = base.data_end + overlay.size_bytes  # about: its tables are not copied
        if not layered:
            copy_pieces(base.path, target_descriptor, base.pieces, lambda done: on_bytes(done, total))
        writer = Qcow2Writer(target_descriptor, virtual_size_bytes=overlay.header.virtual_size_bytes)
        writer.adopt(base.tables, data_end=base.data_end)
        digests = _base_digests(manifest, base.path, overlay.header.virtual_size_bytes)
        changes = _Changes(overlay, base, writer, digests)
        changes.append_all(threads, lambda done: on_bytes(base.data_end + done, total))
        size_bytes = writer.finish()
        if layered:
            refer_to(base.path, target_descriptor, base.pieces, size_bytes)
        return size_bytes


def _base_of(overlay: Qcow2Image, path: Path, *, compact: bool) -> _Base:
    base_path = overlay.backing_path
    if base_path is None:
        raise unusable(f"{path.name} is no overlay", hint="run the convert stage again")
    with Qcow2Image(base_path) as base:
        tables, data_end = dict(base.l2_tables()), base.tables_begin
    mapped = {number: bytes(map(bool, table)) for number, table in tables.items()}
    if not compact:
        return _Base(base_path, tables, whole_data(data_end), mapped)
    _forget_replaced(overlay, tables)
    return _Base(base_path, tables, compact_data(tables, data_end=data_end), mapped)


def _forget_replaced(overlay: Qcow2Image, tables: "dict[int, array[int]]") -> None:
    for mapping in overlay.mappings():
        table = tables.get(mapping.number // L2_ENTRIES)
        if table is not None:
            table[mapping.number % L2_ENTRIES] = 0


def _base_digests(file: BinaryIO | None, base_path: Path, virtual_size_bytes: int) -> ManifestWriter | None:
    if file is None:
        return None
    digests = ManifestWriter(file, virtual_size_bytes=virtual_size_bytes)
    digests.copy_records(manifest_path(base_path))
    return digests


@dataclass(frozen=True, slots=True)
class _Changes:
    """The overlay's clusters on their way into the result, in the order of the disk."""

    overlay: Qcow2Image
    base: _Base
    writer: Qcow2Writer
    digests: ManifestWriter | None

    def append_all(self, threads: int, on_bytes: Callable[[int], None]) -> None:
        """At most four jobs per thread are under way."""
        under_way: deque[Future[list[_Change]]] = deque()
        done = 0
        with ThreadPoolExecutor(threads, thread_name_prefix="codec") as pool:
            for mappings in _batches(self._with_content()):
                under_way.append(pool.submit(_changes, self.overlay, mappings))
                if len(under_way) > 4 * threads:
                    done += self._write(under_way.popleft().result())
                    on_bytes(done)
            while under_way:
                done += self._write(under_way.popleft().result())
                on_bytes(done)

    def _with_content(self) -> Iterator[Mapping]:
        """Clusters that must be read; those that are known to be zeros are dealt with at once.

        A trim makes millions of the latter where a disk is large and empty, most without effect.
        """
        for mapping in self.overlay.mappings():
            if not mapping.zero:
                yield mapping
            elif self.base.has(mapping.number):
                self._write([_Change(mapping.number, None)])

    def _write(self, changes: list[_Change]) -> int:
        """Bytes of content that were dealt with."""
        for each in changes:
            if each.cluster is None:
                self.writer.zero(each.number)
        self.writer.append([each.cluster for each in changes if each.cluster is not None])
        if self.digests is not None:
            self.digests.add(
                (each.number, each.cluster.digest if each.cluster else ZEROS) for each in changes
            )
        return len(changes) * CLUSTER_BYTES


def _batches(mappings: Iterator[Mapping]) -> Iterator[list[Mapping]]:
    while batch := list(islice(mappings, _CLUSTERS_PER_JOB)):
        yield batch


def _changes(overlay: Qcow2Image, mappings: list[Mapping]) -> list[_Change]:
    return [_change(overlay, mapping) for mapping in mappings]


def _change(overlay: Qcow2Image, mapping: Mapping) -> _Change:
    content = overlay.cluster(mapping.entry)
    if content == _ZEROS:
        return _Change(mapping.number, None)
    cluster = Cluster(mapping.number, deflated(content), compressed=True, digest=digest_of(content))
    return _Change(mapping.number, cluster)
