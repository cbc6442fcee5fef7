"""Partition tables of random bytes: read, refused or absent; never a traceback, a hang or a write."""

import random
import struct

from campaign import Campaign
from test_guest_partition_tables import ESP, MIB, MemoryDisk, disk_with, entry

from v2s_tui.adapters.guest.boot import gpt, mbr
from v2s_tui.adapters.guest.boot.conversion import ensure_esp, table_kind
from v2s_tui.domain.errors import V2sError


def look(disk: MemoryDisk) -> tuple[object, ...]:
    """Everything that only reads; it must not write."""
    writes = disk.writes
    found = (table_kind(disk), mbr.read_mbr(disk), gpt.read_gpt(disk))
    assert disk.writes == writes
    return found


def noisy_mbr(chance: random.Random) -> MemoryDisk:
    kinds = (0x00, 0x05, 0x07, 0x0F, 0x82, 0x83, 0x85, 0x8E, 0xEE, 0xEF, 0xFF)
    sizes = (0, 1, 63, 2048, 100_000, 2**31, 2**32 - 1)
    entries = [
        entry(chance.choice(kinds), chance.choice(sizes), chance.choice(sizes), active=chance.random() < 0.3)
        for _ in range(4)
    ]
    disk = disk_with(*entries)
    for sector in chance.sample(range(1, 120_000), 6):
        disk.chunks[sector] = disk.chunks[0]  # chains of logical partitions that lead anywhere
    return disk


def test_mbr_entries_of_any_kind_and_place() -> None:
    chance, campaign = random.Random(21), Campaign((V2sError,))
    for _ in range(600):
        campaign.feed(lambda: look(noisy_mbr(chance)))
    campaign.report("MBR, strange entries")


def test_sectors_of_noise() -> None:
    chance, campaign = random.Random(22), Campaign((V2sError,))
    for _ in range(600):
        disk = MemoryDisk(chance.choice((0, 512, 1024, 200 * MIB)))
        for sector in range(min(40, disk.size_bytes // 512)):
            disk.chunks[sector] = chance.randbytes(510) + b"\x55\xaa"
        campaign.feed(lambda disk=disk: look(disk))
    campaign.report("partition tables, noise")


def test_gpt_headers_with_any_field_changed() -> None:
    """Also with a checksum that fits, so that the values themselves are judged."""
    import zlib

    chance, campaign = random.Random(23), Campaign((V2sError,))
    good = disk_with(entry(0x83, 2048, 100_000))
    ensure_esp(good, esp_bytes=ESP)
    for _ in range(500):
        disk = MemoryDisk(good.size_bytes)
        disk.chunks = dict(good.chunks)
        header = bytearray(disk.chunks[1])
        offset, value = chance.choice(range(8, 92, 4)), chance.choice((0, 1, 2**31, 2**32 - 1, 128, 4096))
        struct.pack_into("<I", header, offset, value)
        if chance.random() < 0.8:
            struct.pack_into("<I", header, 16, 0)
            size = min(512, max(0, struct.unpack_from("<I", header, 12)[0]))
            struct.pack_into("<I", header, 16, zlib.crc32(bytes(header[:size])))
        disk.chunks[1] = bytes(header)
        campaign.feed(lambda disk=disk: look(disk))
    campaign.report("GPT, changed headers")
