"""From an MBR disk to a GPT disk with an EFI system partition, without moving a byte of any partition.

Every partition keeps its start, its size and its number (logical ones stay 5, 6...); the ESP takes the lowest
free number and lies at the end of the disk. Source: reference guest.md section 6, step 2.
"""

import uuid
from dataclasses import dataclass

from v2s_tui.adapters.guest.block import SECTOR_BYTES, BlockDevice
from v2s_tui.adapters.guest.boot import gpt, mbr
from v2s_tui.domain.errors import V2sError
from v2s_tui.domain.guest.facts import PartitionTable
from v2s_tui.domain.guest.refusals import DYNAMIC_DISK, HYBRID_TABLE, NO_TABLE, GuestRefused, Refusal

ESP_BYTES = 512 * 1024**2
ALIGN_SECTORS = 2048
ROOM_FOR_ESP_BYTES = ESP_BYTES + 2 * 1024**2
"""How much larger than its source a disk must be made so that an ESP fits behind its last partition."""
_PARTITIONS = uuid.UUID("2f4b4c3e-54bb-4f0c-9c0e-0d8f1a7c5e21")

_GUID_OF_TYPE = {
    0x07: uuid.UUID("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"),
    0x0B: uuid.UUID("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"),
    0x0C: uuid.UUID("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"),
    0x0E: uuid.UUID("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"),
    0x82: uuid.UUID("0657fd6d-a4ab-43c4-84e5-0933c84b4f4f"),
    0x83: gpt.LINUX_GUID,
    0x8E: uuid.UUID("e6d6d379-f507-44c2-a23c-238f2a3df928"),
    0xFD: uuid.UUID("a19d880f-05fc-4d3b-a006-743f0f84911e"),
    mbr.ESP_TYPE: gpt.ESP_GUID,
}


@dataclass(frozen=True, slots=True)
class EspPlace:
    """Where the EFI system partition lies. number: of the partition. is_new: it has no file system yet."""

    number: int
    start: int
    sectors: int
    is_new: bool

    @property
    def offset_bytes(self) -> int:
        """From the start of the disk."""
        return self.start * SECTOR_BYTES


class NoRoomForEsp(V2sError):
    """The disk has no free space behind its last partition; it must be made larger first."""


def table_kind(device: BlockDevice) -> PartitionTable:
    """Kind of the disk's partition table. Raises PartitionTableDamaged."""
    table = mbr.read_mbr(device)
    if table is not None and table.is_hybrid:
        return PartitionTable.HYBRID
    if gpt.read_gpt(device) is not None:
        return PartitionTable.GPT
    if table is not None and table.is_protective:
        raise mbr.PartitionTableDamaged("the MBR guards a GPT, but there is no GPT header")
    return PartitionTable.NONE if table is None or not table.partitions else PartitionTable.MBR


def converted_guid(disk_id: int, number: int) -> uuid.UUID:
    """PARTUUID that a partition of an MBR disk gets in the GPT: known before, so that files can name it.

    disk_id: the MBR's signature; with the number it makes up the partition's PARTUUID until then.
    """
    return uuid.uuid5(_PARTITIONS, f"{disk_id:08x}-{number:02x}")


def check_convertible(device: BlockDevice) -> None:
    """Raises GuestRefused with every reason why this disk cannot be given an EFI system partition."""
    kind = table_kind(device)
    if kind is PartitionTable.HYBRID:
        raise GuestRefused((HYBRID_TABLE,))
    if kind is PartitionTable.NONE:
        raise GuestRefused((NO_TABLE,))
    if kind is PartitionTable.GPT:
        table = gpt.read_gpt(device)
        if table and any(each.type_guid in gpt.LDM_GUIDS for each in table.partitions):
            raise GuestRefused((DYNAMIC_DISK,))
        return
    old = mbr.read_mbr(device)
    assert old is not None  # noqa: S101 - table_kind said MBR
    if mbr.DYNAMIC_TYPE in {each.type_id for each in old.partitions}:
        raise GuestRefused((DYNAMIC_DISK,))
    first = min(each.start for each in old.partitions)
    if first < gpt.FIRST_USABLE:
        raise GuestRefused(
            (
                Refusal(
                    "first-partition",
                    f"the first partition starts at sector {first}, a GPT needs {gpt.FIRST_USABLE}",
                    "ask for the MBR to be kept (keep_mbr), or move the partition in the source VM",
                ),
            )
        )


def ensure_esp(device: BlockDevice, *, esp_bytes: int = ESP_BYTES, keep_mbr: bool = False) -> EspPlace:
    """Make sure the disk has an EFI system partition; converts an MBR to GPT unless keep_mbr.

    A second call finds what the first made and writes nothing. The new partition's content is not written.
    Raises GuestRefused, NoRoomForEsp, PartitionTableDamaged.
    """
    if not (keep_mbr and table_kind(device) is PartitionTable.MBR):
        check_convertible(device)
    if table_kind(device) is PartitionTable.GPT:
        return _esp_in_gpt(device, esp_bytes)
    old = mbr.read_mbr(device)
    assert old is not None  # noqa: S101 - check_convertible refuses a disk without a table
    existing = next((each for each in old.partitions if each.type_id == mbr.ESP_TYPE), None)
    if keep_mbr:
        return _esp_in_mbr(device, old, existing, esp_bytes)
    return _convert(device, old, existing, esp_bytes)


def _convert(
    device: BlockDevice, old: mbr.Mbr, existing: mbr.MbrPartition | None, esp_bytes: int
) -> EspPlace:
    partitions = [
        gpt.GptPartition(
            each.number,
            _GUID_OF_TYPE.get(each.type_id, gpt.LINUX_GUID),
            converted_guid(old.disk_id, each.number),
            each.start,
            each.end,
        )
        for each in old.partitions
    ]
    if existing is not None:
        place = EspPlace(existing.number, existing.start, existing.sectors, is_new=False)
    else:
        place = _free_place(device, [(each.start, each.end) for each in partitions], partitions, esp_bytes)
        partitions.append(_esp_entry(place))
    _check_backup_room(device, max(each.end for each in partitions))
    gpt.write_gpt(device, gpt.Gpt(uuid.uuid4(), tuple(sorted(partitions, key=lambda each: each.number))))
    device.flush()
    return place


def _esp_in_gpt(device: BlockDevice, esp_bytes: int) -> EspPlace:
    table = gpt.read_gpt(device)
    assert table is not None  # noqa: S101 - the caller saw a GPT
    if table.esp is not None:
        guard = mbr.read_mbr(device)
        if not table.backup_at_end or guard is None or not guard.is_protective:
            gpt.write_gpt(device, table)
            device.flush()
        return EspPlace(table.esp.number, table.esp.start, table.esp.end - table.esp.start, is_new=False)
    place = _free_place(
        device, [(each.start, each.end) for each in table.partitions], table.partitions, esp_bytes
    )
    partitions = sorted((*table.partitions, _esp_entry(place)), key=lambda each: each.number)
    gpt.write_gpt(device, gpt.Gpt(table.disk_guid, tuple(partitions), table.first_usable))
    device.flush()
    return place


def _esp_in_mbr(
    device: BlockDevice, old: mbr.Mbr, existing: mbr.MbrPartition | None, esp_bytes: int
) -> EspPlace:
    if existing is not None:
        return EspPlace(existing.number, existing.start, existing.sectors, is_new=False)
    slot = next((number for number in range(1, 5) if not _slot_used(device, number)), None)
    if slot is None:
        raise GuestRefused(
            (
                Refusal(
                    "no-free-slot", "all four primary partitions are used", "let the MBR be converted to GPT"
                ),
            )
        )
    start = _place_at_end(device, max(each.end for each in old.partitions), esp_bytes, tail_sectors=0)
    mbr.write_esp_entry(device, slot, start, esp_bytes // SECTOR_BYTES)
    device.flush()
    return EspPlace(slot, start, esp_bytes // SECTOR_BYTES, is_new=True)


def _slot_used(device: BlockDevice, number: int) -> bool:
    return device.read_at(446 + 16 * (number - 1) + 4, 1) != b"\0"


def _free_place(
    device: BlockDevice,
    used: list[tuple[int, int]],
    partitions: "list[gpt.GptPartition] | tuple[gpt.GptPartition, ...]",
    esp_bytes: int,
) -> EspPlace:
    taken = {each.number for each in partitions}
    number = next(each for each in range(1, gpt.ENTRY_COUNT + 1) if each not in taken)
    start = _place_at_end(device, max(end for _, end in used), esp_bytes, tail_sectors=gpt.TABLE_SECTORS + 1)
    return EspPlace(number, start, esp_bytes // SECTOR_BYTES, is_new=True)


def _place_at_end(device: BlockDevice, last_used: int, esp_bytes: int, *, tail_sectors: int) -> int:
    start = -(-last_used // ALIGN_SECTORS) * ALIGN_SECTORS
    if start + esp_bytes // SECTOR_BYTES > device.size_bytes // SECTOR_BYTES - tail_sectors:
        raise NoRoomForEsp(
            f"no room for an EFI system partition of {esp_bytes // 1024**2} MiB behind the last partition",
            hint=f"make the working copy of the disk at least {ROOM_FOR_ESP_BYTES // 1024**2} MiB larger",
        )
    return start


def _esp_entry(place: EspPlace) -> gpt.GptPartition:
    return gpt.GptPartition(
        place.number,
        gpt.ESP_GUID,
        uuid.uuid4(),
        place.start,
        place.start + place.sectors,
        "EFI System Partition",
    )


def _check_backup_room(device: BlockDevice, last_used: int) -> None:
    if last_used > device.size_bytes // SECTOR_BYTES - gpt.TABLE_SECTORS - 1:
        raise NoRoomForEsp(
            "the last partition reaches into the place of the GPT's backup copy",
            hint="make the working copy of the disk at least 2 MiB larger",
        )
