"""newc cpio archives: reading from a stream with limits, and writing.

Source: the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

_MAGICS = (b"070701", b"070702")
_HEADER_BYTES = 110
_TRAILER = "TRAILER!!!"
MAX_NAME_BYTES = 4096
_FOLDER_MODE = 0o040755
_FILE_MODE = 0o100644


class ArchiveDamaged(ValueError):
    """This is no cpio archive, or it contradicts itself."""


class ByteStream(Protocol):
    """Anything with read(); fewer bytes than asked for mean the end."""

    def read(self, length: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive. content: only for names that the reader asked for, else empty."""

    name: str
    mode: int
    size_bytes: int
    content: bytes = b""


def read_archive(stream: ByteStream, wanted: frozenset[str], *, max_content_bytes: int) -> Iterator[Member]:
    """Members of one archive up to its trailer. wanted: names whose content is kept, when small enough.

    Raises ArchiveDamaged.
    """
    while True:
        header = _exactly(stream, _HEADER_BYTES)
        if header[:6] not in _MAGICS:
            raise ArchiveDamaged("no cpio header")
        try:
            fields = [int(header[6 + 8 * index : 14 + 8 * index], 16) for index in range(13)]
        except ValueError as error:
            raise ArchiveDamaged("a cpio header has no numbers") from error
        mode, size, name_size = fields[1], fields[6], fields[11]
        if not 1 <= name_size <= MAX_NAME_BYTES:
            raise ArchiveDamaged("a cpio name has an impossible length")
        raw_name = _exactly(stream, name_size + -(_HEADER_BYTES + name_size) % 4)[: name_size - 1]
        name = raw_name.decode("utf-8", "replace").removeprefix("./").lstrip("/")
        keep = name in wanted and size <= max_content_bytes
        content = _exactly(stream, size) if keep else b""
        if not keep:
            _skip(stream, size)
        _exactly(stream, -size % 4)
        if name == _TRAILER:
            return
        yield Member(name, mode, size, content)


def _exactly(stream: ByteStream, length: int) -> bytes:
    data = b""
    while len(data) < length:
        piece = stream.read(length - len(data))
        if not piece:
            raise ArchiveDamaged("a cpio archive ends too early")
        data += piece
    return data


def _skip(stream: ByteStream, length: int) -> None:
    while length:
        length -= len(_exactly(stream, min(length, 1 << 20)))


def write_archive(files: Mapping[str, bytes]) -> bytes:
    """An archive of regular files, root's, with the folders they need. Names are relative."""
    folders = sorted(
        {"/".join(name.split("/")[:depth]) for name in files for depth in range(1, name.count("/") + 1)}
    )
    pieces = [_member(index, name, _FOLDER_MODE, b"") for index, name in enumerate(folders, start=1)]
    start = len(pieces) + 1
    pieces += [
        _member(index, name, _FILE_MODE, files[name]) for index, name in enumerate(sorted(files), start=start)
    ]
    pieces.append(_member(0, _TRAILER, 0, b""))
    return b"".join(pieces)


def _member(inode: int, name: str, mode: int, content: bytes) -> bytes:
    encoded = name.encode() + b"\0"
    links = 2 if mode & 0o040000 else 1
    fields = (inode, mode, 0, 0, links, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + encoded
    return head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4)
