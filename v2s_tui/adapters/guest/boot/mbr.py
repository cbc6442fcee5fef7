"""MBR partition tables with their chain of logical partitions: reading, and the types that matter.

Source: the PC partition table as Linux reads it (logical partitions are numbered from 5 in chain order).
"""

import struct
from dataclasses import dataclass
from itertools import pairwise

from v2s_tui.adapters.guest.block import SECTOR_BYTES, BlockDevice
from v2s_tui.domain.errors import V2sError

EXTENDED_TYPES = frozenset({0x05, 0x0F, 0x85})
PROTECTIVE_TYPE = 0xEE
DYNAMIC_TYPE = 0x42
ESP_TYPE = 0xEF
_MAX_LOGICAL = 128


class PartitionTableDamaged(V2sError):
    """The partition table contradicts itself; it is not touched."""


@dataclass(frozen=True, slots=True)
class MbrPartition:
    """One partition. number: as Linux counts (1-4 primary, 5.. logical). start and sectors: of 512 bytes."""

    number: int
    type_id: int
    start: int
    sectors: int
    bootable: bool

    @property
    def end(self) -> int:
        """First sector after the partition."""
        return self.start + self.sectors


@dataclass(frozen=True, slots=True)
class Mbr:
    """A whole table. disk_id: the 32-bit signature. partitions: without extended containers, by number."""

    disk_id: int
    partitions: tuple[MbrPartition, ...]
    primary_types: tuple[int, ...]

    @property
    def is_protective(self) -> bool:
        """True when the table only guards a GPT."""
        return set(self.primary_types) == {PROTECTIVE_TYPE}

    @property
    def is_hybrid(self) -> bool:
        """True when a guarding entry stands beside others."""
        return PROTECTIVE_TYPE in self.primary_types and not self.is_protective


def read_mbr(device: BlockDevice) -> Mbr | None:
    """The disk's MBR; None when sector 0 carries no table. Raises PartitionTableDamaged."""
    sector = device.read_at(0, SECTOR_BYTES)
    if len(sector) < SECTOR_BYTES or sector[510:] != b"\x55\xaa":
        return None
    entries = _entries(sector)
    if any(status not in {0x00, 0x80} for status, _, _, _ in entries):
        return None
    used = [(number, entry) for number, entry in enumerate(entries, start=1) if entry[1]]
    partitions = [
        MbrPartition(number, kind, start, sectors, status == 0x80)
        for number, (status, kind, start, sectors) in used
        if kind not in EXTENDED_TYPES
    ]
    for _, (_, kind, start, sectors) in used:
        if kind in EXTENDED_TYPES:
            partitions += _logical(device, start, sectors)
    _check(partitions, device.size_bytes // SECTOR_BYTES)
    disk_id = struct.unpack_from("<I", sector, 440)[0]
    return Mbr(disk_id, tuple(partitions), tuple(entry[1] for _, entry in used))


def _entries(sector: bytes) -> list[tuple[int, int, int, int]]:
    raw = [struct.unpack_from("<B3xB3xII", sector, 446 + 16 * index) for index in range(4)]
    return [(status, kind, start, sectors) for status, kind, start, sectors in raw]


def _logical(device: BlockDevice, base: int, length: int) -> list[MbrPartition]:
    """Follow the chain of extended boot records inside one extended partition."""
    found: list[MbrPartition] = []
    seen: set[int] = set()
    record: int | None = base
    while record is not None:
        if record in seen or not base <= record < base + length or len(found) >= _MAX_LOGICAL:
            raise PartitionTableDamaged("the chain of logical partitions does not end")
        seen.add(record)
        sector = device.read_at(record * SECTOR_BYTES, SECTOR_BYTES)
        if sector[510:] != b"\x55\xaa":
            raise PartitionTableDamaged(f"no boot record at sector {record} of the logical partitions")
        entries = _entries(sector)
        status, kind, start, sectors = entries[0]
        if kind and sectors:
            found.append(MbrPartition(5 + len(found), kind, record + start, sectors, status == 0x80))
        following = next((entry for entry in entries[1:] if entry[1] in EXTENDED_TYPES), None)
        record = base + following[2] if following else None
    return found


def _check(partitions: list[MbrPartition], disk_sectors: int) -> None:
    ordered = sorted(
        (each for each in partitions if each.type_id != PROTECTIVE_TYPE), key=lambda each: each.start
    )
    for one, other in pairwise(ordered):
        if one.end > other.start:
            raise PartitionTableDamaged(f"partitions {one.number} and {other.number} overlap")
    if ordered and ordered[-1].end > disk_sectors:
        raise PartitionTableDamaged(f"partition {ordered[-1].number} ends beyond the disk")


def write_esp_entry(device: BlockDevice, slot: int, start: int, sectors: int) -> None:
    """Put an EFI system partition into a free primary slot (1-4) of the MBR; the rest stays as it is."""
    sector = bytearray(device.read_at(0, SECTOR_BYTES))
    no_chs = b"\xfe\xff\xff"
    entry = struct.pack("<B3sB3sII", 0, no_chs, ESP_TYPE, no_chs, start, sectors)
    sector[446 + 16 * (slot - 1) : 446 + 16 * slot] = entry
    device.write_at(0, bytes(sector))
