"""What is left of an image's data when clusters that nothing refers to any more are taken out.

Runs of whole host clusters go, all that stays moves down by whole clusters, so entries of compressed and of
plain clusters only lose a multiple of 64 KiB. (What a trim of the guest saves of an upload: datapath.md 6.)
"""

from array import array
from collections.abc import Iterator, Mapping
from heapq import nlargest
from itertools import groupby
from typing import NamedTuple

from v2s_tui.adapters.disk.qcow2_layout import CLUSTER_BYTES, host_clusters, in_clusters
from v2s_tui.system.layered_file import MOST_PIECES, Piece


class _Run(NamedTuple):
    """Host clusters from first up to end, all used or none."""

    first: int
    end: int
    used: bool

    @property
    def length(self) -> int:
        return self.end - self.first


def whole_data(data_end: int) -> tuple[Piece, ...]:
    """All data of an image, where it stands: from behind cluster 0 to data_end."""
    return (Piece(CLUSTER_BYTES, data_end, CLUSTER_BYTES),)


def compact_data(tables: "Mapping[int, array[int]]", *, data_end: int) -> tuple[Piece, ...]:
    """What stays, ascending and without gaps; entries of the tables are changed to where it stands then.

    tables: L2 tables by number, entries of dropped clusters 0 already. Where more runs are unused than a
    layered file can leave out, the longest go.
    """
    used = _used_clusters(tables, in_clusters(data_end))
    unused = (run for run in _runs(used) if not run.used)
    dropped = sorted(nlargest(MOST_PIECES - 1, unused, key=lambda run: run.length))
    pieces = tuple(_pieces(dropped, data_end))
    shift = _shifts(dropped, len(used))
    for table in tables.values():
        for slot, entry in enumerate(table):
            if entry:
                table[slot] = entry - shift[host_clusters(entry).start] * CLUSTER_BYTES
    return pieces


def _used_clusters(tables: "Mapping[int, array[int]]", clusters: int) -> bytearray:
    used = bytearray(clusters)
    used[0] = 1  # the header
    for table in tables.values():
        for entry in table:
            if entry:
                for cluster in host_clusters(entry):
                    used[cluster] = 1
    return used


def _runs(used: bytearray) -> Iterator[_Run]:
    first = 0
    for value, group in groupby(used):
        end = first + sum(1 for _ in group)
        yield _Run(first, end, bool(value))
        first = end


def _pieces(dropped: list[_Run], data_end: int) -> Iterator[Piece]:
    begin = below = CLUSTER_BYTES
    for run in [*dropped, _Run(in_clusters(data_end), in_clusters(data_end), used=False)]:
        size = min(run.first * CLUSTER_BYTES, data_end) - below
        if size > 0:
            yield Piece(begin, begin + size, below)
            begin += size
        below = run.end * CLUSTER_BYTES


def _shifts(dropped: list[_Run], clusters: int) -> "array[int]":
    """For each host cluster, how many before it go."""
    shift, gone, at = array("Q", bytes(8 * clusters)), 0, 0
    for run in dropped:
        for cluster in range(at, run.first):
            shift[cluster] = gone
        gone, at = gone + run.length, run.end
    for cluster in range(at, clusters):
        shift[cluster] = gone
    return shift
