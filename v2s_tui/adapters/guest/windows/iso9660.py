"""Reads files out of an ISO image with Joliet names, without mounting: what a virtio-win ISO needs.

Source: ECMA-119 (volume descriptors, directory records) and the Joliet specification (UCS-2 names).
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_SECTOR = 2048
_FIRST_DESCRIPTOR = 16
_PRIMARY, _SUPPLEMENTARY, _LAST = 1, 2, 255
_JOLIET_ESCAPES = (b"%/@", b"%/C", b"%/E")
_MAX_DEPTH = 12
_MAX_RECORDS = 50_000


class IsoDamaged(ValueError):
    """This is no ISO image that can be read."""


@dataclass(frozen=True, slots=True)
class IsoFile:
    """One file. path: with slashes, as it is written on the medium."""

    path: str
    offset_bytes: int
    size_bytes: int


def list_iso(image: Path) -> dict[str, IsoFile]:
    """Files by their path. Raises IsoDamaged."""
    with image.open("rb") as file:

        def sectors(number: int, length: int) -> bytes:
            file.seek(number * _SECTOR)
            return file.read(length)

        root, encoding = _root(sectors)
        found: dict[str, IsoFile] = {}
        todo, seen = [("", *root, 0)], 0
        while todo:
            prefix, start, length, depth = todo.pop()
            for name, is_folder, extent, size in _records(sectors(start, length), encoding):
                seen += 1
                if seen > _MAX_RECORDS or depth > _MAX_DEPTH:
                    raise IsoDamaged("the image has too many folders")
                if is_folder:
                    todo.append((f"{prefix}{name}/", extent, size, depth + 1))
                else:
                    found[f"{prefix}{name}"] = IsoFile(f"{prefix}{name}", extent * _SECTOR, size)
        return found


def read_iso(image: Path, file: IsoFile) -> bytes:
    """Content of one file."""
    with image.open("rb") as stream:
        stream.seek(file.offset_bytes)
        return stream.read(file.size_bytes)


def _root(sectors: Callable[[int, int], bytes]) -> tuple[tuple[int, int], str]:
    """Place of the root folder: Joliet's where there is one; the plain names are cut to eight letters."""
    best: tuple[tuple[int, int], str] | None = None
    for number in range(_FIRST_DESCRIPTOR, _FIRST_DESCRIPTOR + 32):
        block = sectors(number, _SECTOR)
        if block[1:6] != b"CD001":
            break
        kind = block[0]
        place = (struct.unpack_from("<I", block, 158)[0], struct.unpack_from("<I", block, 166)[0])
        if kind == _SUPPLEMENTARY and block[88:91] in _JOLIET_ESCAPES:
            return place, "utf-16-be"
        if kind == _PRIMARY:
            best = (place, "ascii")
        if kind == _LAST:
            break
    if best is None:
        raise IsoDamaged("no volume descriptor")
    return best


def _records(data: bytes, encoding: str) -> Iterator[tuple[str, bool, int, int]]:
    position = 0
    while position < len(data):
        length = data[position]
        if length == 0:
            position = (position // _SECTOR + 1) * _SECTOR
            continue
        record = data[position : position + length]
        position += length
        if length < 34 or len(record) < length:
            raise IsoDamaged("a directory record is cut off")
        raw = record[33 : 33 + record[32]]
        if raw in {b"\0", b"\1"}:
            continue
        name = raw.decode(encoding, "replace").split(";")[0].rstrip(".")
        if "/" in name or name in {"", "..", "."}:
            raise IsoDamaged("a file name has a slash in it")
        extent, size = struct.unpack_from("<I", record, 2)[0], struct.unpack_from("<I", record, 10)[0]
        yield name, bool(record[25] & 2), extent, size
