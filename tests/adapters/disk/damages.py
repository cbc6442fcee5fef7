"""Kinds of damage to a disk stream, each a function from a good one's parts to bad bytes."""

import struct
import zlib
from collections.abc import Callable

from stream_maker import GRAIN, SECTOR, Part, grain_record, header, marker

Damage = Callable[[list[Part]], bytes]


def joined(parts: list[Part]) -> bytes:
    return b"".join(part.raw for part in parts)


def without(name: str) -> Damage:
    return lambda parts: joined([part for part in parts if part.name != name])


def cut_before(name: str) -> Damage:
    def damage(parts: list[Part]) -> bytes:
        names = [part.name for part in parts]
        return joined(parts[: names.index(name)])

    return damage


def changed(name: str, change: Callable[[bytes], bytes]) -> Damage:
    return lambda parts: joined([Part(p.name, change(p.raw)) if p.name == name else p for p in parts])


def set_bytes(offset: int, value: bytes) -> Callable[[bytes], bytes]:
    return lambda raw: raw[:offset] + value + raw[offset + len(value) :]


def flipped(offset: int) -> Callable[[bytes], bytes]:
    return lambda raw: raw[:offset] + bytes([raw[offset] ^ 0x10]) + raw[offset + 1 :]


def inserted(after: str, extra: bytes) -> Damage:
    def damage(parts: list[Part]) -> bytes:
        return b"".join(part.raw + (extra if part.name == after else b"") for part in parts)

    return damage


def swapped(first: str, second: str) -> Damage:
    def damage(parts: list[Part]) -> bytes:
        names = [part.name for part in parts]
        one, two = names.index(first), names.index(second)
        parts = list(parts)
        parts[one], parts[two] = parts[two], parts[one]
        return joined(parts)

    return damage


def regrained(number: int, packed: bytes) -> Damage:
    return changed(f"grain {number}", lambda _: grain_record(number, packed))


def adler_flipped(raw: bytes) -> bytes:
    size = struct.unpack_from("<I", raw, 8)[0]
    return flipped(12 + size - 1)(raw)


def sixty_four(value: int) -> bytes:
    return struct.pack("<Q", value)


TEXT = zlib.compress(b"the same line\n" * 4000)
DAMAGES: dict[str, Damage] = {
    "empty": lambda _: b"",
    "an error page": lambda _: b"<html>503 Service Unavailable</html>".ljust(2000),
    "zeros": lambda parts: bytes(len(joined(parts))),
    "header cut": lambda parts: joined(parts)[:300],
    "magic": changed("header", set_bytes(0, b"COWD")),
    "version": changed("header", set_bytes(4, b"\x09")),
    "no markers": changed("header", set_bytes(10, b"\x01")),
    "not compressed": changed("header", set_bytes(77, b"\0\0")),
    "text mode": changed("header", set_bytes(73, b"\n \n\n")),
    "grain size": changed("header", set_bytes(20, sixty_four(16))),
    "table size": changed("header", set_bytes(44, b"\0\1\0\0")),
    "capacity zero": changed("header", set_bytes(12, sixty_four(0))),
    "capacity absurd": changed("header", set_bytes(12, sixty_four(2**60))),
    "capacity other": changed("header", set_bytes(12, sixty_four(128 * 9000))),
    "overhead zero": changed("header", set_bytes(64, sixty_four(0))),
    "overhead absurd": changed("header", set_bytes(64, sixty_four(2**40))),
    "directory nowhere": changed("header", set_bytes(56, sixty_four(0))),
    "directory elsewhere": changed("header", set_bytes(56, sixty_four(5000))),
    "cut in overhead": lambda parts: joined(parts)[:2048],
    "cut in a grain": lambda parts: cut_before("grain 2")(parts) + bytes(700),
    "cut between grains": cut_before("grain 2"),
    "cut before a table": cut_before("table 0"),
    "cut before the directory": cut_before("directory"),
    "cut before the footer": cut_before("footer"),
    "cut before the end": cut_before("end"),
    "end too early": lambda parts: cut_before("grain 2")(parts) + bytes(SECTOR),
    "bit flip in deflate": changed("grain 1", flipped(500)),
    "checksum flipped": changed("grain 1", adler_flipped),
    "grain absurdly large": changed("grain 1", set_bytes(8, b"\0\0\0\x7f")),
    "grain beyond the disk": changed("grain 1", set_bytes(0, sixty_four(128 * 100_000))),
    "grain unaligned": changed("grain 1", set_bytes(0, sixty_four(129))),
    "grain under another number": changed("grain 1", set_bytes(0, sixty_four(128 * 7))),
    "grain as another": changed("grain 2", set_bytes(0, sixty_four(128))),
    "grain twice": lambda parts: inserted("grain 1", next(p.raw for p in parts if p.name == "grain 1"))(
        parts
    ),
    "grain lost": without("grain 2"),
    "last grain lost": without("grain 640"),
    "grains swapped": swapped("grain 1", "grain 3"),
    "grain too many": inserted("grain 2", grain_record(9, TEXT)),
    "grain of 1,000 bytes": regrained(1, zlib.compress(b"x" * 1000)),
    "grain of 64 KiB and one": regrained(1, zlib.compress(b"x" * (GRAIN + 1))),
    "grain that explodes": regrained(1, zlib.compress(bytes(100_000_000), 9)),
    "grain with a tail": regrained(1, zlib.compress(b"x" * GRAIN) + b"tail"),
    "grain without zlib header": regrained(1, zlib.compress(b"x" * GRAIN)[2:]),
    "grain after the directory": inserted("directory", grain_record(9, TEXT)),
    "table lost": without("table 0"),
    "table of zeros": changed("table 0", set_bytes(SECTOR, bytes(2048))),
    "table entry changed": changed("table 1", set_bytes(SECTOR, b"\x05")),
    "table entry added": changed("table 0", set_bytes(SECTOR + 4 * 300, b"\x09\x09")),
    "table of another size": changed("table 0", set_bytes(0, sixty_four(5))),
    "tables without end": inserted("grain 2", (marker(4, 1) + bytes([7]) * 2048) * 9),
    "directory lost": without("directory"),
    "directory entry changed": changed("directory", set_bytes(SECTOR, b"\x99")),
    "directory entries swapped": changed(
        "directory",
        lambda raw: raw[:SECTOR] + raw[SECTOR + 4 : SECTOR + 8] + raw[SECTOR : SECTOR + 4] + raw[520:],
    ),
    "directory of another size": changed("directory", set_bytes(0, sixty_four(2**50))),
    "footer lost": without("footer"),
    "footer of another disk": changed("footer", set_bytes(SECTOR + 12, sixty_four(128))),
    "footer points elsewhere": changed("footer", set_bytes(SECTOR + 56, sixty_four(77))),
    "footer damaged": changed("footer", set_bytes(SECTOR, b"XXXX")),
    "unknown marker": inserted("grain 2", marker(1, 9)),
    "end marker with a length": changed("end", set_bytes(0, b"\x01")),
    "sector lost": lambda parts: joined(parts)[: 140 * SECTOR] + joined(parts)[141 * SECTOR :],
    "sector added": lambda parts: (
        joined(parts)[: 140 * SECTOR] + bytes(SECTOR) + joined(parts)[140 * SECTOR :]
    ),
    "data after the end": lambda parts: joined(parts) + b"x" * SECTOR,
    "stream twice": lambda parts: joined(parts) * 2,
    "header in the middle": inserted("grain 2", header(1000)),
}
