"""A disk as guests have them: programs, text, database-like pages, noise, and much that was never written.

`mixed_disk.py VMDK MIB` makes one as a stream.
"""

import os
import random
import struct
import sys
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

MIB = 1024 * 1024
BLOCK = 65536
_VIRTUAL_PER_DATA = 3
_SHARES = {"programs": 0.50, "text": 0.08, "pages": 0.12, "noise": 0.12, "half": 0.18}


def make_mixed_disk(raw: Path, *, data_mib: int, seed: int = 1) -> None:
    """A sparse raw file of three times that virtual size; the same seed gives the same content but for the
    programs, which are this computer's own.
    """
    rng = random.Random(seed)
    blocks = data_mib * MIB // BLOCK
    sources = {
        "programs": _programs(),
        "text": _text(rng),
        "pages": _pages(rng),
        "noise": iter(lambda: rng.randbytes(BLOCK), b""),
        "half": iter(lambda: rng.randbytes(BLOCK // 2) + bytes(BLOCK // 2), b""),
    }
    with raw.open("wb") as file:
        position = BLOCK * 16
        for kind, share in _SHARES.items():
            for block in islice(sources[kind], int(blocks * share)):
                os.pwrite(file.fileno(), block, position)
                position += BLOCK if rng.random() > 0.02 else BLOCK * 70
        file.truncate(max(position, data_mib * MIB * _VIRTUAL_PER_DATA))


def _programs() -> Iterator[bytes]:
    """Contents of /usr, over and over, each round shifted so that no two rounds are the same blocks."""
    shift = 0
    while True:
        rest = bytes(shift)
        for folder in ("/usr/bin", "/usr/lib", "/usr/share"):
            for parent, _, names in os.walk(folder):
                for name in sorted(names):
                    rest += _file(Path(parent) / name)
                    while len(rest) >= BLOCK:
                        yield rest[:BLOCK]
                        rest = rest[BLOCK:]
        shift += 1337


def _file(path: Path) -> bytes:
    try:
        return path.read_bytes()[: 8 * MIB] if path.is_file() and not path.is_symlink() else b""
    except OSError:
        return b""


def _text(rng: random.Random) -> Iterator[bytes]:
    while True:
        text = "".join(
            f"2026-05-{rng.randrange(1, 29):02} host app[{rng.randrange(9999)}]: request {rng.random():.9f} "
            f"took {rng.randrange(900)} ms, status {rng.choice((200, 200, 200, 404, 500))}\n"
            for _ in range(1000)
        )
        yield text.encode().ljust(BLOCK, b"\n")[:BLOCK]


def _pages(rng: random.Random) -> Iterator[bytes]:
    """8 KiB pages with a header, rows of numbers, and free space."""
    while True:
        pages = (
            rng.randbytes(24) + b"".join(rng.randrange(2**40).to_bytes(8, "little") for _ in range(500))
            for _ in range(8)
        )
        yield b"".join(page.ljust(8192, b"\0") for page in pages)


def write_stream(raw: Path, vmdk: Path) -> None:
    """The disk as an ESXi host would send it: the lab's framing, at the level hosts use."""
    from v2s_tui.lab.disks import vmdk_stream

    vmdk_stream.COMPRESSION_LEVEL = zlib.Z_DEFAULT_COMPRESSION
    with vmdk.open("wb") as file:
        for piece in vmdk_stream.stream_vmdk(raw):
            file.write(piece)


def capacity_of(vmdk: Path) -> int:
    """Virtual size in bytes, from the stream's header."""
    with vmdk.open("rb") as file:
        return struct.unpack_from("<Q", file.read(20), 12)[0] * 512


def main() -> None:
    vmdk, data_mib = Path(sys.argv[1]), int(sys.argv[2])
    raw = vmdk.with_suffix(".raw")
    make_mixed_disk(raw, data_mib=data_mib)
    write_stream(raw, vmdk)
    raw.unlink()


if __name__ == "__main__":
    main()
