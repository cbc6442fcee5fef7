"""One member of a degraded RAID1 of Linux' md, written byte by byte: this host's kernel may have no md.

Source: struct mdp_superblock_1 in the kernel's include/uapi/linux/raid/md_p.h (version 1.2: 4 KiB from the
start of the member).
"""

import struct
import uuid
from pathlib import Path

from v2s_tui.lab.disks.partitions import MIB, SECTOR, Partition
from v2s_tui.lab.guests.micro import copy_image

_MAGIC = 0xA92B4EFC
_SUPER_SECTOR = 8
_DATA_SECTOR = MIB // SECTOR
_MEMBERS = 2
_ROLE_FAULTY = 0xFFFE
_CLEAN = 0xFFFFFFFFFFFFFFFF
_CREATED = 1_700_000_000


def write_md_member(member: Path, content: Path, array_id: str) -> None:
    """Put the content of the array into a member of the right size; its partner has failed."""
    sectors = content.stat().st_size // SECTOR
    copy_image(content, member, Partition(_DATA_SECTOR * SECTOR, content.stat().st_size))
    with member.open("r+b") as disk:
        disk.seek(_SUPER_SECTOR * SECTOR)
        disk.write(_superblock(uuid.UUID(array_id), sectors))


def _superblock(array: uuid.UUID, sectors: int) -> bytes:
    device = uuid.uuid5(array, "member 0").bytes
    head = struct.pack("<IIII16s32s", _MAGIC, 1, 0, 0, array.bytes, b"guest:0")
    head += struct.pack("<QIIQIII", _CREATED, 1, 0, sectors, 0, _MEMBERS, 0) + bytes(28)
    here = struct.pack("<QQQQII16sBBHI", _DATA_SECTOR, sectors, _SUPER_SECTOR, 0, 0, 0, device, 0, 0, 0, 0)
    state = struct.pack("<QQQII", _CREATED, 2, _CLEAN, 0, _MEMBERS) + bytes(32)
    roles = struct.pack("<HH", 0, _ROLE_FAULTY)
    block = bytearray(head + here + state + roles)
    words = struct.unpack(f"<{len(block) // 4}I", block)
    total = sum(words)
    struct.pack_into("<I", block, 216, ((total & 0xFFFFFFFF) + (total >> 32)) & 0xFFFFFFFF)
    return bytes(block)
