"""Volumes that Windows left open, made with the real mkntfs and then spoiled where NTFS keeps its state."""

import struct
import uuid
from pathlib import Path

import pytest

from v2s_tui.adapters.guest.block import RawFile
from v2s_tui.adapters.guest.boot.gpt import LDM_GUIDS
from v2s_tui.adapters.guest.windows.ntfs_state import NtfsState, ntfs_state
from v2s_tui.adapters.guest.windows.volumes import read_windows_disk
from v2s_tui.lab.disks.file_systems import write_ntfs
from v2s_tui.lab.disks.partitions import GPT_WINDOWS_DATA, MBR_NTFS, MIB, Partition, write_gpt, write_mbr

SIZE, START = 64 * MIB, MIB


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """An MBR disk with one NTFS volume."""
    path = tmp_path / "disk.raw"
    volume = Partition(START, SIZE - 2 * MIB, MBR_NTFS)
    with path.open("w+b") as file:
        file.truncate(SIZE)
        write_mbr(file, [volume], disk_id=7)
    write_ntfs(path, volume, {"Windows/win.ini": b"[fonts]"}, label="Windows")
    return path


def state(disk: Path) -> NtfsState:
    with RawFile(disk, writable=False) as device:
        return ntfs_state(device, START)


def codes(disk: Path) -> list[str]:
    with RawFile(disk, writable=False) as device:
        return [each.code for each in read_windows_disk(device).refusals]


def record_offset(disk: Path, number: int) -> int:
    """Where a record of $MFT lies; records are 1 KiB, clusters 4 KiB in what mkntfs makes here."""
    sector = disk.read_bytes()[START : START + 512]
    (table,) = struct.unpack_from("<Q", sector, 0x30)
    return START + int(table) * 4096 + number * 1024


def patch(disk: Path, offset: int, data: bytes) -> None:
    with disk.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def attribute_offset(disk: Path, number: int, kind: int) -> int:
    content = disk.read_bytes()
    record = record_offset(disk, number)
    (place,) = struct.unpack_from("<H", content, record + 0x14)
    while struct.unpack_from("<I", content, record + place) != (kind,):
        place += struct.unpack_from("<I", content, record + place + 4)[0]
    return record + int(place)


def restart_page(*, client: int, flags: int, sequence: int) -> bytes:
    page = bytearray(4096)
    page[:4] = b"RSTR"
    struct.pack_into("<H", page, 0x18, 0x30)
    struct.pack_into("<QHHHH", page, 0x30, sequence, 1, 0xFFFF, client, flags)
    return bytes(page)


def journal_offset(disk: Path) -> int:
    content, data = disk.read_bytes(), attribute_offset(disk, 2, 0x80)
    (place,) = struct.unpack_from("<H", content, data + 0x20)
    lengths, offsets = content[data + place] & 15, content[data + place] >> 4
    begin = data + place + 1 + lengths
    return START + int.from_bytes(content[begin : begin + offsets], "little") * 4096


def test_a_volume_in_order(disk: Path) -> None:
    assert state(disk) is NtfsState.CLEAN
    assert codes(disk) == []


def test_a_volume_that_windows_wants_to_check(disk: Path) -> None:
    information = attribute_offset(disk, 3, 0x70)
    (place,) = struct.unpack_from("<H", disk.read_bytes(), information + 0x14)
    patch(disk, information + place + 10, struct.pack("<H", 0x0001))
    assert state(disk) is NtfsState.DIRTY
    assert codes(disk) == ["ntfs-check"]


def test_a_journal_that_was_not_played_back(disk: Path) -> None:
    at = journal_offset(disk)
    patch(disk, at, restart_page(client=0, flags=0, sequence=5))
    patch(disk, at + 4096, restart_page(client=0xFFFF, flags=2, sequence=4))
    assert state(disk) is NtfsState.JOURNAL
    assert codes(disk) == ["ntfs-journal"]
    patch(disk, at + 4096, restart_page(client=0xFFFF, flags=2, sequence=6))
    assert state(disk) is NtfsState.CLEAN


@pytest.mark.parametrize("garbage", [b"\xff" * 512, bytes(512), b"NTFS    " * 64])
def test_a_boot_sector_that_makes_no_sense_is_no_ntfs(disk: Path, garbage: bytes) -> None:
    patch(disk, START, garbage)
    assert state(disk) is NtfsState.NONE


@pytest.mark.parametrize("number", [2, 3])
def test_a_damaged_record_is_no_ntfs(disk: Path, number: int) -> None:
    patch(disk, record_offset(disk, number) + 0x14, b"\xff\x03" + bytes(200))
    assert state(disk) is NtfsState.NONE


def test_dynamic_disks_are_told_by_their_table(tmp_path: Path) -> None:
    old, new = tmp_path / "mbr.raw", tmp_path / "gpt.raw"
    with old.open("w+b") as file:
        file.truncate(SIZE)
        write_mbr(file, [Partition(START, SIZE - 2 * MIB, 0x42)], disk_id=7)
    owned = Partition(START, SIZE - 2 * MIB, gpt_type=next(iter(LDM_GUIDS)), name="LDM")
    basic = Partition(START, SIZE - 2 * MIB, gpt_type=GPT_WINDOWS_DATA, name="data")
    with new.open("w+b") as file:
        file.truncate(SIZE)
        write_gpt(file, [owned], disk_bytes=SIZE, disk_id=uuid.uuid4())
    assert codes(old) == codes(new) == ["dynamic-disk"]
    with new.open("r+b") as file:
        write_gpt(file, [basic], disk_bytes=SIZE, disk_id=uuid.uuid4())
    assert codes(new) == []
