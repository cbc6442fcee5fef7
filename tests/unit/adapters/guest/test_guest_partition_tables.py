"""MBR to GPT: nothing moves, logical partitions keep their numbers, what cannot be converted is refused."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2s_tui.adapters.guest.boot import gpt, mbr
from v2s_tui.adapters.guest.boot.conversion import NoRoomForEsp, check_convertible, ensure_esp, table_kind
from v2s_tui.adapters.guest.inspection import read_disk
from v2s_tui.domain.guest.facts import PartitionTable
from v2s_tui.domain.guest.refusals import GuestRefused

MIB = 1024**2
SECTORS = 2048
ESP = 40 * MIB


class MemoryDisk:
    """A disk in memory that counts what is written."""

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.chunks: dict[int, bytes] = {}
        self.writes = 0

    def read_at(self, offset_bytes: int, length_bytes: int) -> bytes:
        length = max(0, min(length_bytes, self.size_bytes - offset_bytes))
        first, last = offset_bytes // 512, (offset_bytes + length + 511) // 512
        data = b"".join(self.chunks.get(sector, bytes(512)) for sector in range(first, last))
        return data[offset_bytes - first * 512 :][:length]

    def write_at(self, offset_bytes: int, data: bytes) -> None:
        assert offset_bytes % 512 == 0
        assert offset_bytes + len(data) <= self.size_bytes
        self.writes += 1
        for index in range(0, len(data), 512):
            self.chunks[(offset_bytes + index) // 512] = data[index : index + 512].ljust(512, b"\0")

    def flush(self) -> None:
        return


def entry(kind: int, start: int, sectors: int, *, active: bool = False) -> bytes:
    return struct.pack("<B3sB3sII", 0x80 if active else 0, b"\0" * 3, kind, b"\0" * 3, start, sectors)


def table(*entries: bytes, code: bytes = b"", disk_id: int = 0x1234) -> bytes:
    return (
        code.ljust(440, b"\0")
        + struct.pack("<IH", disk_id, 0)
        + b"".join(entries).ljust(64, b"\0")
        + b"\x55\xaa"
    )


def disk_with(*entries: bytes, size_mib: int = 200) -> MemoryDisk:
    disk = MemoryDisk(size_mib * MIB)
    disk.write_at(0, table(*entries))
    disk.writes = 0
    return disk


def debian_disk() -> MemoryDisk:
    """sda1 root, sda2 extended with sda5 swap and sda6 data: what Debian's installer made for years."""
    disk = disk_with(entry(0x83, SECTORS, 50 * SECTORS, active=True), entry(0x05, 60 * SECTORS, 60 * SECTORS))
    disk.write_at(
        60 * MIB, table(entry(0x82, 1 * SECTORS, 10 * SECTORS), entry(0x05, 30 * SECTORS, 30 * SECTORS))
    )
    disk.write_at(90 * MIB, table(entry(0x83, 1 * SECTORS, 29 * SECTORS)))
    disk.writes = 0
    return disk


def test_logical_partitions_are_numbered_from_five() -> None:
    found = mbr.read_mbr(debian_disk())
    assert found is not None
    assert [(each.number, each.type_id, each.start) for each in found.partitions] == [
        (1, 0x83, SECTORS),
        (5, 0x82, 61 * SECTORS),
        (6, 0x83, 91 * SECTORS),
    ]


def test_conversion_keeps_places_and_numbers_and_adds_an_esp() -> None:
    disk = debian_disk()
    place = ensure_esp(disk, esp_bytes=ESP)
    after = gpt.read_gpt(disk)
    assert after is not None
    kept = {each.number: (each.start, each.end) for each in after.partitions if each.number != place.number}
    assert kept == {
        1: (2048, 51 * SECTORS),
        5: (61 * SECTORS, 71 * SECTORS),
        6: (91 * SECTORS, 120 * SECTORS),
    }
    assert (place.number, place.start, place.is_new) == (2, 120 * SECTORS, True)
    assert after.esp is not None
    assert after.esp.number == 2


def test_partition_uuids_to_come_are_known_before() -> None:
    """Files name partitions by them before the table is converted."""
    disk = disk_with(entry(0x83, 2048, 100 * SECTORS), entry(0x82, 2048 + 100 * SECTORS, 20 * SECTORS))
    before = read_disk(disk, converts=True)
    assert before.partition_uuids == {1: "00001234-01", 2: "00001234-02"}
    assert read_disk(disk).later_uuids == {}, "a table that is kept keeps its PARTUUIDs"
    ensure_esp(disk, esp_bytes=ESP)
    after = read_disk(disk, converts=True)
    assert {number: after.partition_uuids[number] for number in (1, 2)} == before.later_uuids
    assert after.later_uuids == {}


def test_a_second_run_writes_nothing() -> None:
    disk = debian_disk()
    ensure_esp(disk, esp_bytes=ESP)
    disk.writes = 0
    place = ensure_esp(disk, esp_bytes=ESP)
    assert (disk.writes, place.is_new, place.number) == (0, False, 2)


def test_boot_code_stays_and_both_copies_agree() -> None:
    disk = MemoryDisk(200 * MIB)
    disk.write_at(0, table(entry(0x83, SECTORS, 50 * SECTORS), code=b"BOOTCODE"))
    ensure_esp(disk, esp_bytes=ESP)
    assert disk.read_at(0, 8) == b"BOOTCODE"
    last = disk.size_bytes // 512 - 1
    backup = disk.read_at(last * 512, 512)
    assert backup[:8] == b"EFI PART"
    assert struct.unpack_from("<QQ", backup, 24) == (last, 1)
    assert disk.read_at(2 * 512, 128 * 128) == disk.read_at((last - 32) * 512, 128 * 128)


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 3)), min_size=1, max_size=4))
def test_any_row_of_primaries_survives(sizes: list[tuple[int, int]]) -> None:
    entries, start, expected = [], 1, []
    for size, gap in sizes:
        start += gap
        entries.append(entry(0x83, start * SECTORS, size * SECTORS))
        expected.append((start * SECTORS, (start + size) * SECTORS))
        start += size
    disk = disk_with(*entries)
    place = ensure_esp(disk, esp_bytes=ESP)
    after = gpt.read_gpt(disk)
    assert after is not None
    assert [(each.start, each.end) for each in after.partitions if each.number != place.number] == expected
    assert all(place.start >= end for _, end in expected)
    assert place.start + place.sectors <= disk.size_bytes // 512 - 33


def test_a_grown_gpt_gets_its_backup_moved() -> None:
    disk = debian_disk()
    ensure_esp(disk, esp_bytes=ESP)
    disk.size_bytes += 100 * MIB
    before = gpt.read_gpt(disk)
    assert before is not None
    assert not before.backup_at_end
    ensure_esp(disk, esp_bytes=ESP)
    after = gpt.read_gpt(disk)
    assert after is not None
    assert after.backup_at_end


def test_keeping_the_mbr_adds_an_entry_only() -> None:
    disk = disk_with(entry(0x83, SECTORS, 50 * SECTORS, active=True))
    place = ensure_esp(disk, esp_bytes=ESP, keep_mbr=True)
    after = mbr.read_mbr(disk)
    assert after is not None
    assert [(each.number, each.type_id) for each in after.partitions] == [(1, 0x83), (2, 0xEF)]
    assert (place.number, table_kind(disk)) == (2, PartitionTable.MBR)
    assert ensure_esp(disk, esp_bytes=ESP, keep_mbr=True).is_new is False


def refusal_of(disk: MemoryDisk) -> str:
    with pytest.raises(GuestRefused) as caught:
        check_convertible(disk)
    return caught.value.refusals[0].code


def test_what_cannot_be_converted_is_refused_by_name() -> None:
    assert refusal_of(disk_with(entry(0x42, SECTORS, 50 * SECTORS))) == "dynamic-disk"
    hybrid = disk_with(entry(0xEE, 1, 2047), entry(0x83, SECTORS, 50 * SECTORS))
    assert refusal_of(hybrid) == "hybrid-mbr"
    assert refusal_of(MemoryDisk(200 * MIB)) == "no-partition-table"
    assert refusal_of(disk_with(entry(0x83, 20, 50 * SECTORS))) == "first-partition"


def test_a_full_disk_needs_to_be_made_larger() -> None:
    with pytest.raises(NoRoomForEsp, match="larger"):
        ensure_esp(disk_with(entry(0x83, SECTORS, 199 * SECTORS)), esp_bytes=ESP)


def test_damage_is_not_touched() -> None:
    overlapping = disk_with(entry(0x83, SECTORS, 50 * SECTORS), entry(0x83, 40 * SECTORS, 50 * SECTORS))
    beyond = disk_with(entry(0x83, SECTORS, 500 * SECTORS))
    endless = disk_with(entry(0x05, 60 * SECTORS, 60 * SECTORS))
    endless.write_at(60 * MIB, table(entry(0x83, 1, 10), entry(0x05, 0, 10)))
    without_gpt = disk_with(entry(0xEE, 1, 2047))
    for disk in (overlapping, beyond, endless, without_gpt):
        disk.writes = 0
        with pytest.raises(mbr.PartitionTableDamaged):
            ensure_esp(disk, esp_bytes=ESP)
        assert disk.writes == 0


def test_a_gpt_with_wrong_checksums_is_not_touched() -> None:
    disk = debian_disk()
    ensure_esp(disk, esp_bytes=ESP)
    disk.write_at(1024, b"\xff" * 512)
    with pytest.raises(mbr.PartitionTableDamaged, match="checksums"):
        ensure_esp(disk, esp_bytes=ESP)


def test_a_boot_sector_of_a_file_system_is_no_table(tmp_path: Path) -> None:
    disk = MemoryDisk(10 * MIB)
    disk.write_at(0, (b"\xeb\x58\x90MSDOS5.0" + b"\xf6" * 600)[:510] + b"\x55\xaa")
    assert mbr.read_mbr(disk) is None
