"""Partition tables written byte by byte: MBR and GPT, in 512-byte sectors.

Owns the layout of partitions on a disk; what goes into them is the business of file_systems.py.
"""

import struct
import uuid
import zlib
from dataclasses import dataclass
from typing import BinaryIO

SECTOR = 512
MIB = 1 << 20
GPT_ENTRIES = 128
GPT_ENTRY_SIZE = 128

MBR_LINUX, MBR_NTFS, MBR_PROTECTIVE = 0x83, 0x07, 0xEE
GPT_ESP = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
GPT_LINUX = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4")
GPT_MSR = uuid.UUID("e3c9e316-0b5c-4db8-817d-f92df00215ae")
GPT_WINDOWS_DATA = uuid.UUID("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7")


@dataclass(frozen=True, slots=True)
class Partition:
    """A place on the disk. start_bytes, size_bytes: whole sectors. mbr_type or gpt_type: its kind."""

    start_bytes: int
    size_bytes: int
    mbr_type: int = 0
    gpt_type: uuid.UUID | None = None
    name: str = ""
    bootable: bool = False

    @property
    def first_sector(self) -> int:
        return self.start_bytes // SECTOR

    @property
    def sectors(self) -> int:
        return self.size_bytes // SECTOR


def write_mbr(disk: BinaryIO, partitions: list[Partition], *, disk_id: int) -> None:
    """Write an MBR with up to four primary partitions."""
    entries = b"".join(_mbr_entry(partition) for partition in partitions).ljust(64, b"\0")
    disk.seek(0)
    disk.write(bytes(440) + struct.pack("<IH", disk_id, 0) + entries + b"\x55\xaa")


def write_gpt(disk: BinaryIO, partitions: list[Partition], *, disk_bytes: int, disk_id: uuid.UUID) -> None:
    """Write the protective MBR, the primary table and its backup at the end of the disk."""
    last_sector = disk_bytes // SECTOR - 1
    write_mbr(disk, [Partition(SECTOR, last_sector * SECTOR, MBR_PROTECTIVE)], disk_id=0)
    table = _gpt_table(partitions, disk_id)
    table_sectors = len(table) // SECTOR
    disk.seek(SECTOR)
    disk.write(_gpt_header(table, disk_id, here=1, other=last_sector, table_at=2, last=last_sector) + table)
    backup_table_at = last_sector - table_sectors
    disk.seek(backup_table_at * SECTOR)
    header = _gpt_header(
        table, disk_id, here=last_sector, other=1, table_at=backup_table_at, last=last_sector
    )
    disk.write(table + header)


def _mbr_entry(partition: Partition) -> bytes:
    """One entry; the cylinder fields say "beyond CHS", as every tool of the last decades writes them."""
    status = 0x80 if partition.bootable else 0
    beyond_chs = b"\xfe\xff\xff"
    sectors = min(partition.sectors, 0xFFFFFFFF)
    kind = bytes([partition.mbr_type])
    return (
        bytes([status]) + beyond_chs + kind + beyond_chs + struct.pack("<II", partition.first_sector, sectors)
    )


def _gpt_table(partitions: list[Partition], disk_id: uuid.UUID) -> bytes:
    entries = [_gpt_entry(partition, disk_id) for partition in partitions]
    return b"".join(entries).ljust(GPT_ENTRIES * GPT_ENTRY_SIZE, b"\0")


def _gpt_entry(partition: Partition, disk_id: uuid.UUID) -> bytes:
    kind = partition.gpt_type or GPT_LINUX
    own_id = uuid.uuid5(disk_id, f"partition at {partition.start_bytes}")
    last = partition.first_sector + partition.sectors - 1
    name = partition.name.encode("utf-16-le").ljust(72, b"\0")
    return kind.bytes_le + own_id.bytes_le + struct.pack("<QQQ", partition.first_sector, last, 0) + name


def _gpt_header(
    table: bytes, disk_id: uuid.UUID, *, here: int, other: int, table_at: int, last: int
) -> bytes:
    table_sectors = len(table) // SECTOR

    def header(own_crc: int) -> bytes:
        return (
            struct.pack("<8sIIII", b"EFI PART", 0x00010000, 92, own_crc, 0)
            + struct.pack("<QQQQ", here, other, 2 + table_sectors, last - table_sectors - 1)
            + disk_id.bytes_le
            + struct.pack("<QIII", table_at, GPT_ENTRIES, GPT_ENTRY_SIZE, zlib.crc32(table))
        )

    return header(zlib.crc32(header(0))).ljust(SECTOR, b"\0")
