"""streamOptimized VMDK made on the fly from a raw disk, framed as an ESXi host frames it on an export lease.

Header with the grain directory "at the end", descriptor, then grains in order, each behind its marker, a
grain table after every span of 512 grains that holds any, and at the end grain directory, footer and
end-of-stream marker. Grains of zeros are left out; the length is not known before the end.
(VMware, Virtual Disk Format 5.0)
"""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

SECTOR = 512
GRAIN_SECTORS = 128
GRAIN_BYTES = GRAIN_SECTORS * SECTOR
ENTRIES_PER_TABLE = 512
OVERHEAD_SECTORS = 128
DIRECTORY_AT_END = 0xFFFFFFFFFFFFFFFF
COMPRESSION_LEVEL = 1
_MARKER_TABLE, _MARKER_DIRECTORY, _MARKER_FOOTER = 1, 2, 3
_FLAGS = 1 | 1 << 16 | 1 << 17  # newline test valid, grains compressed, markers present
_ZERO_GRAIN = bytes(GRAIN_BYTES)


def stream_vmdk(raw_path: Path, *, name: str = "disk.vmdk") -> Iterator[bytes]:
    """Yield the stream piece by piece (a grain with its marker, or a table); sector aligned."""
    size_bytes = raw_path.stat().st_size
    writer = _Writer(capacity_sectors=-(-size_bytes // SECTOR), name=name)
    yield writer.head()
    with raw_path.open("rb") as raw:
        for index in _grains_with_data(raw.fileno(), size_bytes):
            grain = os.pread(raw.fileno(), GRAIN_BYTES, index * GRAIN_BYTES)
            if grain != _ZERO_GRAIN[: len(grain)]:
                yield from writer.grain(index, grain)
    yield from writer.tail()


def _grains_with_data(descriptor: int, size_bytes: int) -> Iterator[int]:
    """Indices of grains that are not wholly in a hole of the sparse file, each once, ascending."""
    position, next_index = 0, 0
    while position < size_bytes:
        try:
            start = os.lseek(descriptor, position, os.SEEK_DATA)
        except OSError:  # ENXIO: nothing but a hole up to the end
            return
        position = os.lseek(descriptor, start, os.SEEK_HOLE)
        end_index = -(-position // GRAIN_BYTES)
        yield from range(max(next_index, start // GRAIN_BYTES), end_index)
        next_index = max(next_index, end_index)


class _Writer:
    """Knows where in the stream it is, so that tables can point to grains already sent."""

    def __init__(self, *, capacity_sectors: int, name: str) -> None:
        self.capacity_sectors = capacity_sectors
        self.name = name
        self.position = 0  # in sectors
        grains = -(-capacity_sectors // GRAIN_SECTORS)
        self.directory = [0] * -(-grains // ENTRIES_PER_TABLE)
        self.table_index = 0
        self.table = [0] * ENTRIES_PER_TABLE

    def head(self) -> bytes:
        descriptor = self._descriptor().ljust(20 * SECTOR, b"\0")
        head = self._header(DIRECTORY_AT_END) + descriptor
        return self._sent(head.ljust(OVERHEAD_SECTORS * SECTOR, b"\0"))

    def grain(self, index: int, content: bytes) -> Iterator[bytes]:
        table_index, entry = divmod(index, ENTRIES_PER_TABLE)
        if table_index != self.table_index:
            yield from self._close_table()
            self.table_index = table_index
        self.table[entry] = self.position
        packed = zlib.compress(content.ljust(GRAIN_BYTES, b"\0"), COMPRESSION_LEVEL)
        yield self._sent(struct.pack("<QI", index * GRAIN_SECTORS, len(packed)) + packed)

    def tail(self) -> Iterator[bytes]:
        yield from self._close_table()
        directory = _padded(struct.pack(f"<{len(self.directory)}I", *self.directory))
        directory_at = self.position + 1
        yield self._sent(_marker(len(directory) // SECTOR, _MARKER_DIRECTORY) + directory)
        yield self._sent(_marker(1, _MARKER_FOOTER) + self._header(directory_at))
        yield self._sent(bytes(SECTOR))

    def _close_table(self) -> Iterator[bytes]:
        if not any(self.table):
            return
        table = struct.pack(f"<{ENTRIES_PER_TABLE}I", *self.table)
        self.directory[self.table_index] = self.position + 1
        self.table = [0] * ENTRIES_PER_TABLE
        yield self._sent(_marker(len(table) // SECTOR, _MARKER_TABLE) + table)

    def _sent(self, piece: bytes) -> bytes:
        piece = _padded(piece)
        self.position += len(piece) // SECTOR
        return piece

    def _header(self, directory_at: int) -> bytes:
        return _padded(
            struct.pack("<4sIIQQ", b"KDMV", 3, _FLAGS, self.capacity_sectors, GRAIN_SECTORS)
            + struct.pack("<QQIQQQ", 1, 20, ENTRIES_PER_TABLE, 0, directory_at, OVERHEAD_SECTORS)
            + struct.pack("<B4sH", 0, b"\n \r\n", 1)
        )

    def _descriptor(self) -> bytes:
        cylinders = self.capacity_sectors // (255 * 63)
        return (
            "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n"
            'createType="streamOptimized"\n\n# Extent description\n'
            f'RDONLY {self.capacity_sectors} SPARSE "{self.name}"\n\n# The Disk Data Base\n#DDB\n\n'
            'ddb.adapterType = "lsilogic"\n'
            f'ddb.geometry.cylinders = "{cylinders}"\nddb.geometry.heads = "255"\n'
            'ddb.geometry.sectors = "63"\n'
            'ddb.virtualHWVersion = "19"\n'
        ).encode()


def _marker(sectors: int, kind: int) -> bytes:
    return _padded(struct.pack("<QII", sectors, 0, kind))


def _padded(piece: bytes) -> bytes:
    return piece + bytes(-len(piece) % SECTOR)
