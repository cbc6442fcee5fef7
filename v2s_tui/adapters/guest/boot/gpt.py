"""GUID partition tables: reading with checks, and writing both copies.

Source: UEFI specification 2.10, chapter 5 (GPT disk layout).
"""

import struct
import uuid
import zlib
from dataclasses import dataclass

from v2s_tui.adapters.guest.block import SECTOR_BYTES, BlockDevice
from v2s_tui.adapters.guest.boot.mbr import PartitionTableDamaged

ESP_GUID = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
LINUX_GUID = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4")
LDM_GUIDS = frozenset(
    {
        uuid.UUID("5808c8aa-7e8f-42e0-85d2-e1e90434cfb3"),
        uuid.UUID("af9b60a0-1431-4f62-bc68-3311714a69ad"),
    }
)
ENTRY_COUNT = 128
ENTRY_BYTES = 128
TABLE_SECTORS = ENTRY_COUNT * ENTRY_BYTES // SECTOR_BYTES
FIRST_USABLE = 2 + TABLE_SECTORS
_HEADER = "<8sIIIIQQQQ16sQIII"


@dataclass(frozen=True, slots=True)
class GptPartition:
    """One partition. number counts from 1. start and end: sectors, end is the first after it."""

    number: int
    type_guid: uuid.UUID
    guid: uuid.UUID
    start: int
    end: int
    name: str = ""
    attributes: int = 0


@dataclass(frozen=True, slots=True)
class Gpt:
    """A whole table. backup_at_end: False when the disk grew and its backup copy is not in the last
    sector.
    """

    disk_guid: uuid.UUID
    partitions: tuple[GptPartition, ...]
    first_usable: int = FIRST_USABLE
    backup_at_end: bool = True

    @property
    def esp(self) -> GptPartition | None:
        """The first EFI system partition."""
        return next((each for each in self.partitions if each.type_guid == ESP_GUID), None)


def read_gpt(device: BlockDevice) -> Gpt | None:
    """The primary table; None when there is none.

    Raises PartitionTableDamaged when its checksums are wrong.
    """
    header = device.read_at(SECTOR_BYTES, SECTOR_BYTES)
    if header[:8] != b"EFI PART":
        return None
    fields = struct.unpack_from(_HEADER, header)
    (
        _,
        _,
        header_bytes,
        header_crc,
        _,
        _,
        backup,
        first_usable,
        _,
        disk_guid,
        table_lba,
        count,
        size,
        table_crc,
    ) = fields
    if not 92 <= header_bytes <= SECTOR_BYTES or not 1 <= count <= 1024 or size not in {128, 256, 512}:
        raise PartitionTableDamaged("the GPT header has impossible sizes")
    unsummed = header[:16] + bytes(4) + header[20:header_bytes]
    table = device.read_at(table_lba * SECTOR_BYTES, count * size)
    if zlib.crc32(unsummed) != header_crc or zlib.crc32(table) != table_crc:
        raise PartitionTableDamaged("the GPT's checksums are wrong")
    entries = (_entry(number + 1, table[number * size : (number + 1) * size]) for number in range(count))
    return Gpt(
        uuid.UUID(bytes_le=disk_guid),
        tuple(each for each in entries if each is not None),
        first_usable,
        backup_at_end=backup == device.size_bytes // SECTOR_BYTES - 1,
    )


def _entry(number: int, raw: bytes) -> GptPartition | None:
    kind, guid, first, last, attributes, name = struct.unpack_from("<16s16sQQQ72s", raw)
    if not any(kind):
        return None
    text = name.decode("utf-16-le", "replace").split("\0")[0]
    return GptPartition(
        number, uuid.UUID(bytes_le=kind), uuid.UUID(bytes_le=guid), first, last + 1, text, attributes
    )


def write_gpt(device: BlockDevice, gpt: Gpt) -> None:
    """Write the guarding MBR and both copies of the table. Boot code in sector 0 is kept."""
    last = device.size_bytes // SECTOR_BYTES - 1
    table = _table(gpt)
    crc = zlib.crc32(table)
    backup_table = last - TABLE_SECTORS
    device.write_at(backup_table * SECTOR_BYTES, table)
    device.write_at(
        last * SECTOR_BYTES, _header(gpt, last, 1, table_lba=backup_table, table_crc=crc, last=last)
    )
    device.write_at(2 * SECTOR_BYTES, table)
    device.write_at(SECTOR_BYTES, _header(gpt, 1, last, table_lba=2, table_crc=crc, last=last))
    device.write_at(0, _protective(device.read_at(0, SECTOR_BYTES), last))


def _table(gpt: Gpt) -> bytes:
    table = bytearray(ENTRY_COUNT * ENTRY_BYTES)
    for each in gpt.partitions:
        name = each.name.encode("utf-16-le")[:72].ljust(72, b"\0")
        place = (each.number - 1) * ENTRY_BYTES
        struct.pack_into(
            "<16s16sQQQ72s", table, place, each.type_guid.bytes_le, each.guid.bytes_le,
            each.start, each.end - 1, each.attributes, name,
        )  # fmt: skip
    return bytes(table)


def _header(gpt: Gpt, own: int, other: int, *, table_lba: int, table_crc: int, last: int) -> bytes:
    last_usable = last - TABLE_SECTORS - 1
    header = bytearray(
        struct.pack(
            _HEADER, b"EFI PART", 0x10000, 92, 0, 0, own, other, gpt.first_usable, last_usable,
            gpt.disk_guid.bytes_le, table_lba, ENTRY_COUNT, ENTRY_BYTES, table_crc,
        )
    )  # fmt: skip
    struct.pack_into("<I", header, 16, zlib.crc32(header))
    return bytes(header).ljust(SECTOR_BYTES, b"\0")


def _protective(sector: bytes, last: int) -> bytes:
    entry = struct.pack("<B3sB3sII", 0, b"\x00\x02\x00", 0xEE, b"\xff\xff\xff", 1, min(last, 0xFFFFFFFF))
    return sector[:446] + entry + bytes(48) + b"\x55\xaa"
