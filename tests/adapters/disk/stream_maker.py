"""streamOptimized VMDK from a list of grains, part by part, so that a test can damage exactly one part."""

import random
import struct
import zlib
from dataclasses import dataclass, field

SECTOR = 512
GRAIN = 65536
AT_END = 2**64 - 1


def padded(raw: bytes) -> bytes:
    return raw + bytes(-len(raw) % SECTOR)


def header(capacity_sectors: int, *, directory: int = AT_END, overhead: int = 128, **changed: int) -> bytes:
    values = {
        "version": 3,
        "flags": 0x30001,
        "grain_sectors": 128,
        "entries": 512,
        "compression": 1,
        **changed,
    }
    return padded(
        struct.pack(
            "<4sIIQQ", b"KDMV", values["version"], values["flags"], capacity_sectors, values["grain_sectors"]
        )
        + struct.pack("<QQIQQQ", 1, 20, values["entries"], 0, directory, overhead)
        + struct.pack("<B4sH", 0, b"\n \r\n", values["compression"])
    )


def table_count(sectors: int) -> int:
    grains = (sectors + 127) // 128
    return (grains + 511) // 512


def marker(sectors: int, kind: int) -> bytes:
    return padded(struct.pack("<QII", sectors, 0, kind))


def grain_record(number: int, packed: bytes, *, sector: int | None = None) -> bytes:
    return padded(struct.pack("<QI", number * 128 if sector is None else sector, len(packed)) + packed)


@dataclass
class Part:
    """One piece of a stream. name: `header`, `grain 5`, `table 0`, `directory`, `footer`, `end`."""

    name: str
    raw: bytes


@dataclass
class StreamMaker:
    """Builds the parts of a stream. order: numbers of grains as they shall come (default ascending)."""

    capacity_bytes: int
    grains: dict[int, bytes]
    level: int = 6
    order: list[int] | None = None
    tables_at_end: bool = False
    parts: list[Part] = field(default_factory=list)

    def build(self) -> list[Part]:
        self.parts = []
        sectors = -(-self.capacity_bytes // SECTOR)
        tables: dict[int, list[int]] = {}
        pointers = [0] * table_count(sectors)
        self._add("header", header(sectors).ljust(128 * SECTOR, b"\0"))
        order = self.order if self.order is not None else sorted(self.grains)
        for place, number in enumerate(order):
            tables.setdefault(number // 512, [0] * 512)[number % 512] = self.position
            self._add(f"grain {number}", grain_record(number, zlib.compress(self.grains[number], self.level)))
            last = place + 1 == len(order) or order[place + 1] // 512 != number // 512
            if (
                last
                and not self.tables_at_end
                and not any(n // 512 == number // 512 for n in order[place + 1 :])
            ):
                self._add_table(number // 512, tables, pointers)
        if self.tables_at_end:
            for number in tables:
                self._add_table(number, tables, pointers)
        raw = padded(struct.pack(f"<{len(pointers)}I", *pointers))
        directory_at = self.position + 1
        self._add("directory", marker(len(raw) // SECTOR, 2) + raw)
        self._add("footer", marker(1, 3) + header(sectors, directory=directory_at))
        self._add("end", bytes(SECTOR))
        return self.parts

    def stream(self) -> bytes:
        return b"".join(part.raw for part in self.build())

    @property
    def position(self) -> int:
        return sum(len(part.raw) for part in self.parts) // SECTOR

    def raw_disk(self) -> bytes:
        disk = bytearray(self.capacity_bytes)
        for number, content in self.grains.items():
            room = disk[number * GRAIN : number * GRAIN + len(content)]
            disk[number * GRAIN : number * GRAIN + len(room)] = content[: len(room)]
        return bytes(disk)

    def _add(self, name: str, raw: bytes) -> None:
        self.parts.append(Part(name, raw))

    def _add_table(self, number: int, tables: dict[int, list[int]], pointers: list[int]) -> None:
        pointers[number] = self.position + 1
        self._add(f"table {number}", marker(4, 1) + struct.pack("<512I", *tables[number]))


def front_stream(capacity_bytes: int, grains: dict[int, bytes], *, end: bool) -> bytes:
    """Tables before the grains, as QEMU (without end marker) and open-vmdk (with one) write them."""
    sectors = -(-capacity_bytes // SECTOR)
    count = table_count(sectors)
    directory_at = 21
    directory_sectors = -(-count * 4 // SECTOR)
    first_table = directory_at + directory_sectors
    overhead = -(-(first_table + count * 4) // 128) * 128
    entries, body, position = [0] * (512 * count), b"", overhead
    for number in sorted(grains):
        record = grain_record(number, zlib.compress(grains[number]))
        entries[number] = position
        body += record
        position += len(record) // SECTOR
    pointers = [first_table + 4 * number for number in range(count)]
    head = header(sectors, directory=directory_at, overhead=overhead).ljust(directory_at * SECTOR, b"\0")
    head += padded(struct.pack(f"<{count}I", *pointers)) + struct.pack(f"<{len(entries)}I", *entries)
    return head.ljust(overhead * SECTOR, b"\0") + body + (bytes(SECTOR) if end else b"")


def some_grains(seed: int, numbers: list[int]) -> dict[int, bytes]:
    """Grains of text, noise, zeros and mixtures."""
    rng = random.Random(seed)
    return {number: _content(rng, rng.randrange(4)) for number in numbers}


def _content(rng: random.Random, kind: int) -> bytes:
    if kind == 0:
        return rng.randbytes(GRAIN)
    if kind == 1:
        return bytes(GRAIN)
    if kind == 2:
        return (b"line %d of some log\n" % rng.randrange(1000) * 5000)[:GRAIN]
    return rng.randbytes(GRAIN // 4) + rng.randbytes(64) * (GRAIN * 3 // 4 // 64)
