"""Reading qcow2: the header checks of the importer, and the content as a raw file.

Refuses what Scaleway refuses (scaleway.md E1, 2.1): encryption, zstd, backing files, features beyond plain
version 2 and 3, more than 1 TB. Shares nothing with the product's own qcow2 code, so that one can find the
other wrong.
"""

import mmap
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

MAGIC = b"QFI\xfb"
HEADER_BYTES = 112
MAX_VIRTUAL_BYTES = 10**12
_COMPRESSION_BIT, _DIRTY_BIT = 1 << 3, 1 << 0
_OFFSET_MASK = 0x00FFFFFFFFFFFE00
_COMPRESSED_FLAG, _ZERO_FLAG = 1 << 62, 1
_SECTOR_BYTES = 512


class Qcow2Error(ValueError):
    """The image is refused, or damaged."""


@dataclass(frozen=True, slots=True)
class Header:
    """What the importer needs of a header. l1_entries: how many L1 entries there are at l1_offset."""

    version: int
    cluster_bits: int
    virtual_bytes: int
    l1_entries: int
    l1_offset: int

    @property
    def cluster_bytes(self) -> int:
        """Size of a cluster."""
        return 1 << self.cluster_bits

    @property
    def entries_per_table(self) -> int:
        """How many clusters one L2 table covers."""
        return self.cluster_bytes // 8


def parse_header(data: bytes) -> Header:
    """Check the first bytes of an image. Raises Qcow2Error with the reason."""
    if data[:4] != MAGIC:
        raise Qcow2Error("the object is not a qcow2 image")
    if len(data) < 72:
        raise Qcow2Error("the qcow2 header is incomplete")
    (version, backing_offset, _, cluster_bits, size, crypt_method, l1_entries, l1_offset) = (
        struct.unpack_from(">IQIIQIIQ", data, 4)
    )
    if version not in (2, 3):
        raise Qcow2Error(f"qcow2 version {version} is not supported")
    if backing_offset:
        raise Qcow2Error("qcow2 images with a backing file are not supported")
    if crypt_method:
        raise Qcow2Error("encrypted qcow2 images are not supported")
    if version == 3:
        _check_features(data)
    if not 9 <= cluster_bits <= 21:
        raise Qcow2Error("the qcow2 cluster size is invalid")
    if size > MAX_VIRTUAL_BYTES:
        raise Qcow2Error("volumes above 1 TB cannot be imported")
    return Header(version, cluster_bits, size, l1_entries, l1_offset)


def _check_features(data: bytes) -> None:
    if len(data) < 104:
        raise Qcow2Error("the qcow2 header is incomplete")
    incompatible, header_bytes = struct.unpack_from(">Q", data, 72)[0], struct.unpack_from(">I", data, 100)[0]
    has_type = header_bytes > 104 and len(data) > 104
    if incompatible & _COMPRESSION_BIT or (has_type and data[104] != 0):
        raise Qcow2Error("qcow2 images compressed with zstd are not supported")
    if incompatible & _DIRTY_BIT:
        raise Qcow2Error("the qcow2 image was not closed cleanly")
    if incompatible:
        raise Qcow2Error("the qcow2 image uses features that are not supported")


def flatten(image: Path, target: Path, *, size_bytes: int | None = None) -> None:
    """Write the image's content as a sparse raw file. size_bytes: of the file, None for the virtual size.

    Raises Qcow2Error for tables or clusters that lie outside the image, and clusters that do not inflate.
    """
    with image.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        header = parse_header(data[:HEADER_BYTES])
        with target.open("wb") as raw:
            os.truncate(raw.fileno(), header.virtual_bytes)
            for position, entry in _entries(data, header):
                _copy_cluster(data, header, entry, raw.fileno(), position)
            os.truncate(raw.fileno(), max(size_bytes or 0, header.virtual_bytes))


def _entries(data: mmap.mmap, header: Header) -> "list[tuple[int, int]]":
    """Guest position and L2 entry of every cluster that is not simply absent."""
    clusters = -(-header.virtual_bytes // header.cluster_bytes)
    tables = -(-clusters // header.entries_per_table)
    if header.l1_entries < tables:
        raise Qcow2Error("the L1 table is too short for the virtual size")
    found: list[tuple[int, int]] = []
    for index, l1_entry in enumerate(_table(data, header.l1_offset, tables)):
        if not l1_entry & _OFFSET_MASK:
            continue
        first = index * header.entries_per_table
        wanted = min(header.entries_per_table, clusters - first)
        for number, entry in enumerate(_table(data, l1_entry & _OFFSET_MASK, wanted)):
            if entry:
                found.append(((first + number) << header.cluster_bits, entry))
    return found


def _table(data: mmap.mmap, offset: int, entries: int) -> tuple[int, ...]:
    if offset % _SECTOR_BYTES or offset + entries * 8 > len(data):
        raise Qcow2Error("a table lies outside the image")
    return struct.unpack_from(f">{entries}Q", data, offset)


def _copy_cluster(data: mmap.mmap, header: Header, entry: int, raw: int, position: int) -> None:
    room = min(header.cluster_bytes, header.virtual_bytes - position)
    if entry & _COMPRESSED_FLAG:
        content = _inflate(data, header, entry)
    elif header.version == 3 and entry & _ZERO_FLAG:
        return
    else:
        content = _plain(data, header, entry & _OFFSET_MASK, room)
    if content[:room].strip(b"\0"):
        os.pwrite(raw, content[:room], position)


def _plain(data: mmap.mmap, header: Header, offset: int, room: int) -> bytes:
    if not offset:
        return b""
    if offset % header.cluster_bytes or offset + room > len(data):
        raise Qcow2Error("a cluster lies outside the image")
    return data[offset : offset + room]


def _inflate(data: mmap.mmap, header: Header, entry: int) -> bytes:
    shift = 62 - (header.cluster_bits - 8)
    offset = entry & ((1 << shift) - 1)
    sectors = ((entry >> shift) & ((1 << (header.cluster_bits - 8)) - 1)) + 1
    packed = data[offset : offset + sectors * _SECTOR_BYTES - offset % _SECTOR_BYTES]
    try:
        content = zlib.decompress(packed, -12, header.cluster_bytes)
    except zlib.error as err:
        raise Qcow2Error(f"a compressed cluster does not inflate: {err}") from err
    if len(content) != header.cluster_bytes:
        raise Qcow2Error("a compressed cluster has the wrong length")
    return content
