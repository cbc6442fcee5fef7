"""One disk from its stream into a qcow2: receive, parse, transcode and write, each byte once.

The calling thread reads and parses; a pool of threads inflates and deflates (both release the GIL); clusters
are written in the order of the stream. Memory is a fixed set of blocks that go round, whatever the disk.
"""

import hashlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from v2s_tui.adapters.disk.codec import ClusterCodec, Mode
from v2s_tui.adapters.disk.download import ByteSource
from v2s_tui.adapters.disk.manifest import ManifestWriter
from v2s_tui.adapters.disk.qcow2_layout import CLUSTER_BYTES
from v2s_tui.adapters.disk.qcow2_writer import Cluster, Qcow2Writer
from v2s_tui.adapters.disk.raw_parser import FIRST_BYTES, GrainParser, parser_for
from v2s_tui.adapters.disk.vmdk_header import GRAIN_BYTES
from v2s_tui.adapters.disk.vmdk_parser import Grain, StreamParser

BLOCK_BYTES = 1024 * 1024
"""Much larger than vmdk_parser.LARGEST_ITEM_BYTES, so that an item always fits behind the rest of another."""
_BLOCKS_AHEAD_PER_THREAD = 3


@dataclass(frozen=True, slots=True)
class Received:
    """What came. data_bytes: virtual bytes with content. size_bytes: of the qcow2."""

    virtual_size_bytes: int
    received_bytes: int
    data_bytes: int
    size_bytes: int
    stream_sha1: str


class Position(NamedTuple):
    """How far a stream is. covered_bytes: of the virtual disk, by the highest grain seen."""

    received_bytes: int
    covered_bytes: int
    virtual_size_bytes: int


class _Work(NamedTuple):
    block: bytearray
    clusters: Future[list[Cluster]]


class DiskReceiver:
    """Receives one disk into an open, empty file. threads: for inflate and deflate. manifest: an open, empty
    file that gets the digests of all clusters.

    on_position is called after each block of about 1 MiB. Raises LeaseFailed, and OSError from the file.
    """

    def __init__(
        self,
        file_descriptor: int,
        *,
        mode: Mode,
        expected_capacity_bytes: int = 0,
        threads: int = 2,
        manifest: BinaryIO | None = None,
        on_position: Callable[[Position], None] = lambda _position: None,
        on_data_end: Callable[[int], None] = lambda _offset: None,
    ) -> None:
        self._file_descriptor = file_descriptor
        self._mode = mode
        self._parser: GrainParser = StreamParser()
        self._parser_chosen = False
        self._expected_capacity_bytes = expected_capacity_bytes
        self._digest = hashlib.sha1(usedforsecurity=False)
        self._threads = threads
        self._manifest_file = manifest
        self._on_position = on_position
        self._on_data_end = on_data_end
        self._writer: Qcow2Writer | None = None
        self._codec: ClusterCodec | None = None
        self._manifest: ManifestWriter | None = None
        self._spare = [bytearray(BLOCK_BYTES) for _ in range(threads * _BLOCKS_AHEAD_PER_THREAD + 1)]
        self._under_way: deque[_Work] = deque()
        self._received_bytes = 0
        self._covered_bytes = 0

    def receive(self, source: ByteSource) -> Received:
        """Read the source to its end and finish the image."""
        with ThreadPoolExecutor(self._threads, thread_name_prefix="codec") as pool:
            try:
                unused_bytes = self._read_all(source, pool)
                while self._under_way:
                    self._write_oldest()
                self._parser.finish(unused_bytes=unused_bytes)
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        writer = self._writer or self._begin_image()
        data_bytes = min(writer.data_clusters * CLUSTER_BYTES, self._parser.virtual_size_bytes)
        return Received(
            virtual_size_bytes=self._parser.virtual_size_bytes,
            received_bytes=self._received_bytes,
            data_bytes=data_bytes,
            size_bytes=writer.finish(),
            stream_sha1=self._digest.hexdigest(),
        )

    def _read_all(self, source: ByteSource, pool: ThreadPoolExecutor) -> int:
        """Returns how many bytes at the end of the stream were no whole item."""
        rest = memoryview(b"")
        while True:
            block = self._free_block()
            view = memoryview(block)
            view[: len(rest)] = rest  # may be the same block: copied as by memmove
            size = source.read_into(view[len(rest) :])
            if size == 0:
                return len(rest)
            self._digest.update(view[len(rest) : len(rest) + size])
            self._received_bytes += size
            filled = view[: len(rest) + size]
            grains: list[Grain] = []
            used = self._parse(filled, grains)
            rest = filled[used:]
            self._submit(block, grains, pool)
            self._report(grains)

    def _parse(self, filled: memoryview, grains: list[Grain]) -> int:
        if not self._parser_chosen:
            if len(filled) < FIRST_BYTES:
                return 0
            first = bytes(filled[:FIRST_BYTES])
            self._parser = parser_for(first, expected_capacity_bytes=self._expected_capacity_bytes)
            self._parser_chosen = True
        return self._parser.take(filled, grains)

    def _free_block(self) -> bytearray:
        while self._under_way and (not self._spare or self._under_way[0].clusters.done()):
            self._write_oldest()
        return self._spare.pop()

    def _submit(self, block: bytearray, grains: list[Grain], pool: ThreadPoolExecutor) -> None:
        if not grains:
            self._spare.append(block)
            return
        if self._codec is None:
            self._codec = ClusterCodec(
                self._mode,
                virtual_size_bytes=self._parser.virtual_size_bytes,
                digests=self._manifest_file is not None,
                compressed=self._parser.compressed,
            )
            self._writer = self._begin_image()
        self._under_way.append(_Work(block, pool.submit(self._codec.clusters, grains)))

    def _begin_image(self) -> Qcow2Writer:
        size_bytes = self._parser.virtual_size_bytes
        if self._manifest_file is not None:
            self._manifest = ManifestWriter(self._manifest_file, virtual_size_bytes=size_bytes)
        return Qcow2Writer(self._file_descriptor, virtual_size_bytes=size_bytes)

    def _write_oldest(self) -> None:
        work = self._under_way.popleft()
        clusters = work.clusters.result()
        if clusters and self._writer is not None:
            self._writer.append(clusters)
            if self._manifest is not None:
                self._manifest.add((each.number, each.digest) for each in clusters)
            self._on_data_end(self._writer.data_end)
        self._spare.append(work.block)

    def _report(self, grains: list[Grain]) -> None:
        if grains:
            highest = (max(grain.number for grain in grains) + 1) * GRAIN_BYTES
            self._covered_bytes = max(self._covered_bytes, min(highest, self._parser.virtual_size_bytes))
        self._on_position(
            Position(self._received_bytes, self._covered_bytes, self._parser.virtual_size_bytes)
        )
