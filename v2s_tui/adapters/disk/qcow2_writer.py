"""Writes a qcow2 image in one pass: data as it comes, tables behind it, the header last.

Compressed clusters are packed byte to byte. Nothing before the end of the data is ever changed, so what
stands there may already be on its way to Object Storage; only cluster 0 and the tables depend on the end.
(reference: datapath.md 3.1)
"""

import os
from array import array
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from v2s_tui.adapters.disk.qcow2_layout import (
    CLUSTER_BYTES,
    COPIED,
    L2_ENTRIES,
    REFCOUNTS_PER_BLOCK,
    Qcow2Header,
    big_endian,
    compressed_entry,
    host_clusters,
    in_clusters,
    l1_entries_for,
)


class Cluster(NamedTuple):
    """A cluster to write. number: its place in the virtual disk. payload: raw deflate, or the 64 KiB
    themselves. digest: of its content (manifest.py), empty when nobody asked.
    """

    number: int
    payload: bytes | memoryview
    compressed: bool
    digest: bytes = b""


class Qcow2Writer:
    """Appends clusters to an empty file open for writing.

    Raises OSError (ENOSPC when the disk is full). Memory: 8 bytes per cluster, for regions in use only.
    """

    def __init__(self, file_descriptor: int, *, virtual_size_bytes: int) -> None:
        self._file_descriptor = file_descriptor
        self._virtual_size_bytes = virtual_size_bytes
        self._tables: dict[int, array[int]] = {}
        self._refcounts = array("H", [1])  # cluster 0: the header
        self._end = CLUSTER_BYTES
        self.data_clusters = 0

    @property
    def data_end(self) -> int:
        """Bytes before this offset, cluster 0 excepted, will not change any more."""
        return self._end

    def adopt(self, tables: "Mapping[int, array[int]]", *, data_end: int) -> None:
        """Go on behind the data of an image whose bytes before data_end this file has already.

        tables: its L2 tables by number; they are taken over. Called before anything is appended.
        """
        self._end = data_end
        self._count_up_to(in_clusters(data_end))
        self._tables.update(tables)
        for table in tables.values():
            for entry in table:
                if entry:
                    self._count(entry)

    def append(self, clusters: Sequence[Cluster]) -> None:
        """Write clusters one behind the other, in one call to the kernel."""
        pieces: list[bytes | memoryview] = []
        start = self._end
        for cluster in clusters:
            self._place(cluster, pieces)
        _write_pieces(self._file_descriptor, pieces, start)

    def zero(self, index: int) -> None:
        """Let a cluster read as zeros from now on."""
        table = self._tables.get(index // L2_ENTRIES)
        if table is not None and table[index % L2_ENTRIES]:
            self._release(table[index % L2_ENTRIES])
            table[index % L2_ENTRIES] = 0

    def finish(self) -> int:
        """Write L2 tables, L1 table, refcounts and header; returns the size of the file."""
        self._pad_to_cluster()
        l1_entries = self._write_l2_tables()
        l1_offset = self._append_table(big_endian(l1_entries))
        header = self._write_refcounts(l1_offset, len(l1_entries))
        _write_all(self._file_descriptor, header.packed().ljust(CLUSTER_BYTES, b"\0"), 0)
        os.ftruncate(self._file_descriptor, self._end)
        return self._end

    def _place(self, cluster: Cluster, pieces: list[bytes | memoryview]) -> None:
        if not cluster.compressed:
            padding = -self._end % CLUSTER_BYTES
            pieces.append(bytes(padding))
            self._end += padding
        entry = (
            compressed_entry(self._end, len(cluster.payload)) if cluster.compressed else COPIED | self._end
        )
        pieces.append(cluster.payload)
        self._end += len(cluster.payload)
        self._map(cluster.number, entry)

    def _map(self, index: int, entry: int) -> None:
        number, slot = divmod(index, L2_ENTRIES)
        table = self._tables.get(number)
        if table is None:
            table = self._tables[number] = array("Q", bytes(CLUSTER_BYTES))
        if table[slot]:
            self._release(table[slot])
        table[slot] = entry
        self._count(entry)

    def _count(self, entry: int) -> None:
        self.data_clusters += 1
        clusters = host_clusters(entry)
        self._count_up_to(clusters.stop)
        for cluster in clusters:
            self._refcounts[cluster] += 1

    def _count_up_to(self, cluster: int) -> None:
        """Have a refcount for each host cluster before that one."""
        missing = cluster - len(self._refcounts)
        if missing > 0:
            self._refcounts.frombytes(bytes(2 * missing))

    def _release(self, entry: int) -> None:
        self.data_clusters -= 1
        for cluster in host_clusters(entry):
            self._refcounts[cluster] -= 1

    def _pad_to_cluster(self) -> None:
        self._end = in_clusters(self._end) * CLUSTER_BYTES
        self._count_up_to(self._end // CLUSTER_BYTES)

    def _write_l2_tables(self) -> "array[int]":
        l1_entries = array("Q", bytes(8 * l1_entries_for(self._virtual_size_bytes)))
        for number, table in sorted(self._tables.items()):
            if any(table):
                l1_entries[number] = COPIED | self._append_table(big_endian(table))
        return l1_entries

    def _append_table(self, content: bytes) -> int:
        """Write a table in clusters of its own; returns its offset."""
        offset, clusters = self._end, in_clusters(len(content))
        _write_all(self._file_descriptor, content.ljust(clusters * CLUSTER_BYTES, b"\0"), offset)
        self._end += clusters * CLUSTER_BYTES
        self._refcounts.extend([1] * clusters)
        return offset

    def _write_refcounts(self, l1_offset: int, l1_entries: int) -> Qcow2Header:
        blocks, table_clusters = _refcount_clusters(len(self._refcounts))
        blocks_offset = self._end
        table_offset = blocks_offset + blocks * CLUSTER_BYTES
        self._refcounts.extend([1] * (blocks + table_clusters))
        content = big_endian(self._refcounts).ljust(blocks * CLUSTER_BYTES, b"\0")
        pointers = array("Q", [blocks_offset + number * CLUSTER_BYTES for number in range(blocks)])
        content += big_endian(pointers).ljust(table_clusters * CLUSTER_BYTES, b"\0")
        _write_all(self._file_descriptor, content, blocks_offset)
        self._end += len(content)
        return Qcow2Header(self._virtual_size_bytes, l1_offset, l1_entries, table_offset, table_clusters)


def _refcount_clusters(other_clusters: int) -> tuple[int, int]:
    """(refcount blocks, clusters of the refcount table) that count themselves too."""
    blocks, table_clusters = 1, 1
    while True:
        total = other_clusters + blocks + table_clusters
        needed = -(-total // REFCOUNTS_PER_BLOCK)
        needed_table = in_clusters(needed * 8)
        if (needed, needed_table) == (blocks, table_clusters):
            return blocks, table_clusters
        blocks, table_clusters = max(blocks, needed), max(table_clusters, needed_table)


_MOST_PIECES = os.sysconf("SC_IOV_MAX")


def _write_pieces(file_descriptor: int, pieces: list[bytes | memoryview], offset: int) -> None:
    """One behind the other, straight from where they are."""
    written = os.pwritev(file_descriptor, pieces[:_MOST_PIECES], offset) if pieces else 0
    if written < sum(map(len, pieces)):
        _write_all(file_descriptor, b"".join(pieces)[written:], offset + written)


def _write_all(file_descriptor: int, content: bytes, offset: int) -> None:
    view = memoryview(content)
    while view:
        written = os.pwrite(file_descriptor, view, offset)
        view, offset = view[written:], offset + written
