"""Numbers and records of the qcow2 format as we write and read it: version 3, clusters of 64 KiB, 16-bit
refcounts, no incompatible features, so that every reader takes it. (QEMU, docs/interop/qcow2.txt)
"""

import struct
import sys
from array import array
from dataclasses import dataclass

from v2s_tui.adapters.disk.image_error import unusable
from v2s_tui.domain.errors import ToolError

CLUSTER_BITS = 16
CLUSTER_BYTES = 1 << CLUSTER_BITS
L2_ENTRIES = CLUSTER_BYTES // 8
REFCOUNTS_PER_BLOCK = CLUSTER_BYTES // 2
SECTOR_BYTES = 512

MAGIC = b"QFI\xfb"
COMPRESSED = 1 << 62
COPIED = 1 << 63
ZERO_FLAG = 1
HEADER_BYTES = 104
LARGEST_COMPRESSED_BYTES = 255 * SECTOR_BYTES
"""What the eight bits for a compressed cluster's sectors can tell, wherever it begins."""

_OFFSET_MASK = 0x00FF_FFFF_FFFF_FE00
_COMPRESSED_SIZE_SHIFT = 62 - (CLUSTER_BITS - 8)
_HEADER = struct.Struct(">4sIQIIQIIQQIIQQQQII")
_REFCOUNT_ORDER = 4  # 2^4 bits


@dataclass(frozen=True, slots=True)
class Qcow2Header:
    """Where the tables stand. backing_name_at, backing_name_size: 0 for a self-contained image."""

    virtual_size_bytes: int
    l1_offset: int
    l1_entries: int
    refcount_table_offset: int
    refcount_table_clusters: int
    backing_name_at: int = 0
    backing_name_size: int = 0

    def packed(self) -> bytes:
        """The first 104 bytes of the file."""
        return _HEADER.pack(
            MAGIC,
            3,
            self.backing_name_at,
            self.backing_name_size,
            CLUSTER_BITS,
            self.virtual_size_bytes,
            0,  # encryption
            self.l1_entries,
            self.l1_offset,
            self.refcount_table_offset,
            self.refcount_table_clusters,
            0,  # snapshots
            0,
            0,  # incompatible, compatible, autoclear features
            0,
            0,
            _REFCOUNT_ORDER,
            HEADER_BYTES,
        )


def read_qcow2_header(raw: bytes, *, name: str) -> Qcow2Header:
    """Parse a header. Raises ToolError when it is not one of the form this module describes."""
    if len(raw) < HEADER_BYTES:
        raise _unreadable(name, "it is too short")
    fields = _HEADER.unpack_from(raw)
    magic, version, name_at, name_size, cluster_bits, size, crypt, l1_entries, l1_offset = fields[:9]
    refcount_table, refcount_clusters, snapshots, _, incompatible, _, _, order, _ = fields[9:]
    if magic != MAGIC:
        raise _unreadable(name, "it has no qcow2 header")
    if (version, cluster_bits, order, crypt, incompatible & ~1, snapshots) != (3, 16, 4, 0, 0, 0):
        raise _unreadable(
            name,
            f"version {version}, cluster bits {cluster_bits}, refcount order {order}, encryption {crypt}, "
            f"features {incompatible:#x}, {snapshots} snapshots",
        )
    return Qcow2Header(size, l1_offset, l1_entries, refcount_table, refcount_clusters, name_at, name_size)


def _unreadable(name: str, why: str) -> ToolError:
    return unusable(
        f"{name} is not a qcow2 image of the form v2s works with: {why}",
        hint="it was not made by v2s, or by another version of qemu-img",
    )


def compressed_entry(offset: int, size_bytes: int) -> int:
    """L2 entry of a compressed cluster that stands at any byte offset."""
    more_sectors = (offset + size_bytes - 1) // SECTOR_BYTES - offset // SECTOR_BYTES
    return COMPRESSED | more_sectors << _COMPRESSED_SIZE_SHIFT | offset


def compressed_extent(entry: int) -> tuple[int, int]:
    """(offset, most bytes) of a compressed cluster; the deflate stream may end before."""
    offset = entry & ((1 << _COMPRESSED_SIZE_SHIFT) - 1)
    more_sectors = (entry & ~(COMPRESSED | COPIED)) >> _COMPRESSED_SIZE_SHIFT
    return offset, (more_sectors + 1) * SECTOR_BYTES - offset % SECTOR_BYTES


def host_clusters(entry: int) -> range:
    """Host clusters that an allocated entry refers to; their refcounts count it."""
    if not entry & COMPRESSED:
        first = (entry & _OFFSET_MASK) >> CLUSTER_BITS
        return range(first, first + 1)
    offset, size_bytes = compressed_extent(entry)
    return range(offset >> CLUSTER_BITS, ((offset + size_bytes - 1) >> CLUSTER_BITS) + 1)


def plain_offset(entry: int) -> int:
    """Host offset of an uncompressed cluster, or of a table; 0 when there is none."""
    return entry & _OFFSET_MASK


def l1_entries_for(virtual_size_bytes: int) -> int:
    """How many L2 tables a disk of that size can have."""
    return -(-virtual_size_bytes // (CLUSTER_BYTES * L2_ENTRIES))


def big_endian(entries: "array[int]") -> bytes:
    """A table as it stands in the file."""
    if sys.byteorder == "little":
        entries = array(entries.typecode, entries)
        entries.byteswap()
    return entries.tobytes()


def native(typecode: str, raw: bytes) -> "array[int]":
    """A table of the file as numbers."""
    entries = array(typecode, raw)
    if sys.byteorder == "little":
        entries.byteswap()
    return entries


def in_clusters(size_bytes: int) -> int:
    """Clusters that many bytes need."""
    return -(-size_bytes // CLUSTER_BYTES)
