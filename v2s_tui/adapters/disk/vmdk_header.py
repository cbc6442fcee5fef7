"""The header of a streamOptimized VMDK: what it must say for us to read the stream behind it.

(VMware, Virtual Disk Format 5.0, "Hosted Sparse Extent Header")
"""

import struct
from dataclasses import dataclass

from v2s_tui.domain.errors import LeaseFailed

SECTOR_BYTES = 512
GRAIN_SECTORS = 128
GRAIN_BYTES = GRAIN_SECTORS * SECTOR_BYTES
TABLE_ENTRIES = 512
TABLE_BYTES = TABLE_ENTRIES * 4
TABLE_SECTORS = TABLE_BYTES // SECTOR_BYTES
DIRECTORY_AT_END = 0xFFFF_FFFF_FFFF_FFFF

MAGIC = b"KDMV"
_FORMAT = struct.Struct("<4sIIQQQQIQQQB4sH")
_COMPRESSED_WITH_MARKERS = 1 << 16 | 1 << 17
_NEWLINE_TEST_VALID = 1
_NEWLINES = b"\n \r\n"
_DEFLATE = 1
_LARGEST_DISK_SECTORS = 64 * 2**40 // SECTOR_BYTES  # vSphere's own limit is 62 TB


class NotStreamOptimized(LeaseFailed):
    """A disk of another kind than an export lease hands out."""


@dataclass(frozen=True, slots=True)
class SparseHeader:
    """capacity_sectors: virtual size. directory_sector: of the grain directory, DIRECTORY_AT_END when only
    the footer tells. overhead_sectors: where the grains begin.
    """

    capacity_sectors: int
    directory_sector: int
    overhead_sectors: int

    @property
    def grain_count(self) -> int:
        return -(-self.capacity_sectors // GRAIN_SECTORS)

    @property
    def table_count(self) -> int:
        return -(-self.grain_count // TABLE_ENTRIES)

    @property
    def directory_sectors(self) -> int:
        return -(-self.table_count * 4 // SECTOR_BYTES)

    @property
    def tables_in_front(self) -> bool:
        """True when the tables come before the grains, so that we know beforehand what must arrive."""
        return self.directory_sector < self.overhead_sectors


def damaged(what: str, *, at_byte: int) -> LeaseFailed:
    """The error of a stream that breaks its format at that byte."""
    return LeaseFailed(
        f"the disk stream is damaged at byte {at_byte}: {what}",
        hint="the disk is read again from its beginning; if it happens again, look at the host's log",
    )


def read_header(raw: bytes, *, at_byte: int = 0) -> SparseHeader:
    """Parse and check the 512 bytes of a header or footer.

    Raises LeaseFailed; its kind NotStreamOptimized when this is a disk, but not of this form.
    """
    fields = _FORMAT.unpack_from(raw)
    magic, version, flags, capacity, grain_sectors = fields[:5]
    table_entries, _, directory, overhead, _, newlines, compression = fields[7:14]
    if magic != MAGIC:
        raise NotStreamOptimized(
            f"the disk stream does not begin as a sparse VMDK ({bytes(raw[:8])!r})",
            hint="an error page, or a flat disk?",
        )
    if version not in {1, 2, 3}:
        raise damaged(f"VMDK version {version} is unknown", at_byte=at_byte)
    if flags & _COMPRESSED_WITH_MARKERS != _COMPRESSED_WITH_MARKERS or compression != _DEFLATE:
        raise NotStreamOptimized("the disk stream is a sparse VMDK, but not a streamOptimized one")
    if flags & _NEWLINE_TEST_VALID and newlines != _NEWLINES:
        raise damaged("it was changed by a text-mode transfer", at_byte=at_byte)
    if grain_sectors != GRAIN_SECTORS or table_entries != TABLE_ENTRIES:
        raise NotStreamOptimized(
            f"the disk stream has grains of {grain_sectors} sectors, tables of {table_entries} entries"
        )
    if not 0 < capacity <= _LARGEST_DISK_SECTORS:
        raise damaged(f"a capacity of {capacity} sectors is impossible", at_byte=at_byte)
    header = SparseHeader(capacity, directory, overhead)
    if not 0 < overhead <= _largest_overhead(header) or directory == 0:
        raise damaged(
            f"an overhead of {overhead} sectors, directory at {directory}, is impossible", at_byte=at_byte
        )
    return header


def _largest_overhead(header: SparseHeader) -> int:
    """Two copies of directory and tables, and a generous descriptor."""
    return 4096 + 2 * (header.directory_sectors + header.table_count * TABLE_SECTORS)
