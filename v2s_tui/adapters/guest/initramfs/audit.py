"""Looks into an initramfs: concatenated cpio archives, each plain or compressed, with an early microcode
part.

Source: the kernel's buffer format; compressors as distributions use them (gzip, zstd, xz, lz4, bzip2, lzma).
"""

import bz2
import io
import lzma
import re
import shutil
import subprocess
import threading
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Protocol

from v2s_tui.adapters.guest.initramfs.cpio import ArchiveDamaged, ByteStream, read_archive
from v2s_tui.domain.errors import V2sError
from v2s_tui.system.processes import tool_environment

MAX_UNPACKED_BYTES = 2 * 1024**3
_MAX_IMAGE_BYTES = 512 * 1024**2
_MAX_CONTENT_BYTES = 4 * 1024**2
_MODULE = re.compile(r"(?:^|/)([^/]+)\.ko(?:\.(?:gz|xz|zst|bz2))?$")
_WANTED = frozenset({"conf/modules", "etc/modules-load.d/v2s.conf"})
_MAGICS = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x02\x21\x4c\x18", "lz4"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"BZh", "bzip2"),
    (b"\x5d\x00\x00", "lzma"),
    (b"0707", "none"),
)
_TOOLS = {"zstd": ["zstd", "-dcq"], "lz4": ["lz4", "-dcq"]}


class UnknownCompression(Exception):
    """The initramfs is packed in a way that is not known here, or its tool is not installed."""


@dataclass(frozen=True, slots=True)
class InitramfsFacts:
    """What an initramfs holds. modules: names with underscores. kind: `initramfs-tools`, `dracut`, `other`.

    compression: of its main part. merged_usr: whether /lib is a link to usr/lib inside it.
    module_list: text of conf/modules ("" none). module_folders: where its modules lie.
    """

    modules: frozenset[str]
    kind: str
    compression: str
    merged_usr: bool
    module_list: str = ""
    module_folders: frozenset[str] = field(default=frozenset())


class _Bounded:
    """Counts what was unpacked and stops a bomb."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream, self._left = stream, MAX_UNPACKED_BYTES

    def read(self, length: int, /) -> bytes:
        data = self._stream.read(length)
        self._left -= len(data)
        if self._left < 0:
            raise ArchiveDamaged("the initramfs unpacks to more than 2 GiB")
        return data


class _Deflated:
    """One gzip member as a stream that reads no further than its end."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source, self._unpacker, self._ready = source, zlib.decompressobj(31), b""

    def read(self, length: int, /) -> bytes:
        while len(self._ready) < length and not self._unpacker.eof:
            packed = self._unpacker.unconsumed_tail or self._source.read(64 * 1024)
            if not packed:
                raise ArchiveDamaged("the compressed initramfs ends too early")
            try:
                self._ready += self._unpacker.decompress(packed, 1 << 20)
            except zlib.error as error:
                raise ArchiveDamaged(f"the compressed initramfs is damaged: {error}") from error
        data, self._ready = self._ready[:length], self._ready[length:]
        return data

    def finish(self) -> None:
        """Put the source just behind this member."""
        while not self._unpacker.eof and self.read(1 << 20):
            pass
        self._source.seek(-len(self._unpacker.unused_data), io.SEEK_CUR)


class GuestFiles(Protocol):
    """What fetches a file out of a guest."""

    def download(self, path: str, target: Path, *, limit_bytes: int) -> bool: ...


def audit_in_guest(guest: GuestFiles, path: str, scratch: Path) -> InitramfsFacts:
    """What an initramfs of the guest holds.

    Raises V2sError when it cannot be read: then nobody knows whether it would boot.
    """
    with TemporaryDirectory(dir=scratch, prefix="initramfs-") as folder:
        copy = Path(folder, "image")
        if not guest.download(path, copy, limit_bytes=_MAX_IMAGE_BYTES):
            raise V2sError(f"{path} is larger than {_MAX_IMAGE_BYTES // 1024**2} MiB or no file")
        try:
            return audit_initramfs(copy)
        except (ArchiveDamaged, UnknownCompression) as error:
            raise V2sError(
                f"{path} cannot be read: {error}",
                hint="rebuild it in the source VM (update-initramfs -u, dracut -f), or install zstd and lz4",
            ) from error


def audit_initramfs(path: Path) -> InitramfsFacts:
    """What the file holds. Raises UnknownCompression and ArchiveDamaged."""
    names: dict[str, int] = {}
    contents: dict[str, bytes] = {}
    compression = "none"
    with path.open("rb") as file:
        for kind, archive in _archives(file):
            compression = kind if kind != "none" else compression
            for member in read_archive(archive, _WANTED, max_content_bytes=_MAX_CONTENT_BYTES):
                names[member.name] = member.mode
                contents |= {member.name: member.content} if member.content else {}
    return _facts(names, contents, compression)


def _archives(file: IO[bytes]) -> Iterator[tuple[str, ByteStream]]:
    """Each archive of the file in turn. A compression that cannot be left at its end must be the last."""
    while True:
        start = _next_archive(file)
        if start is None:
            return
        kind = _compression(file)
        if kind == "none":
            yield kind, file
        elif kind == "gzip":
            member = _Deflated(file)
            yield kind, _Bounded(member)
            member.finish()
        else:
            yield from _last_archive(file, kind)
            return


def _next_archive(file: IO[bytes]) -> int | None:
    """Skip the zeros between archives; None at the end."""
    while chunk := file.read(4096):
        stripped = chunk.lstrip(b"\0")
        if stripped:
            return file.seek(-len(stripped), io.SEEK_CUR)
    return None


def _compression(file: IO[bytes]) -> str:
    magic = file.read(6)
    file.seek(-len(magic), io.SEEK_CUR)
    for prefix, kind in _MAGICS:
        if magic.startswith(prefix):
            return kind
    raise UnknownCompression(f"unknown compression, it begins with {magic.hex()}")


def _last_archive(file: IO[bytes], kind: str) -> Iterator[tuple[str, ByteStream]]:
    """xz, lzma and bzip2 by the standard library; zstd and lz4 by their tools.

    Behind one of these an appended gzip archive of ours is found by its own mark.
    """
    ours = _appended(file)
    if kind in {"xz", "lzma"}:
        yield kind, _Bounded(lzma.LZMAFile(io.BufferedReader(_Part(file, ours))))  # noqa: SIM115
    elif kind == "bzip2":
        yield kind, _Bounded(bz2.BZ2File(io.BufferedReader(_Part(file, ours))))
    else:
        yield from _by_tool(file, kind, ours)
    if ours is not None:
        file.seek(ours)
        yield "gzip", _Bounded(_Deflated(file))


APPEND_MARK = b"v2s-virtio-overlay"
"""File name in the gzip header of an archive that v2s appends (RFC 1952 FNAME)."""


def _appended(file: IO[bytes]) -> int | None:
    """Offset of an archive that v2s appended earlier; gzip header with our name at a multiple of 512."""
    here = file.tell()
    size = file.seek(0, io.SEEK_END)
    start = max(here, size - 64 * 1024**2) // 512 * 512
    file.seek(start)
    tail = file.read()
    file.seek(here)
    place = tail.find(b"\x1f\x8b\x08\x08")
    while place >= 0:
        if tail[place + 10 : place + 10 + len(APPEND_MARK)] == APPEND_MARK and (start + place) % 512 == 0:
            return start + place
        place = tail.find(b"\x1f\x8b\x08\x08", place + 1)
    return None


class _Part(io.RawIOBase):
    """The file from here to an offset (None: to its end), without the zeros that pad it."""

    def __init__(self, file: IO[bytes], end: int | None) -> None:
        super().__init__()
        self._file = file
        self._left = (end if end is not None else _size(file)) - file.tell()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        data = self._file.read(min(len(buffer), self._left))
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)


def _size(file: IO[bytes]) -> int:
    here = file.tell()
    end = file.seek(0, io.SEEK_END)
    file.seek(here)
    return end


def _by_tool(file: IO[bytes], kind: str, end: int | None) -> Iterator[tuple[str, ByteStream]]:
    argv = _TOOLS[kind]
    if shutil.which(argv[0]) is None:
        raise UnknownCompression(f"{argv[0]} is not installed")
    part = _Part(file, end)
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=tool_environment()
    ) as process:

        def feed() -> None:
            assert process.stdin is not None  # noqa: S101 - a pipe was asked for
            with suppress(BrokenPipeError), closing(process.stdin) as pipe:
                while chunk := part.read(1 << 20):
                    pipe.write(chunk)

        feeder = threading.Thread(target=feed, daemon=True)
        feeder.start()
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        try:
            yield kind, _Bounded(process.stdout)
        finally:
            process.kill()
            feeder.join(10)


def _facts(names: dict[str, int], contents: dict[str, bytes], compression: str) -> InitramfsFacts:
    found = {match[1].replace("-", "_"): name for name in names if (match := _MODULE.search(name))}
    kind = "other"
    if "scripts/functions" in names or "conf/arch.conf" in names or "scripts/local" in names:
        kind = "initramfs-tools"
    elif any(name.startswith(("usr/lib/dracut", "lib/dracut")) for name in names):
        kind = "dracut"
    lib_mode = names.get("lib", 0)
    merged = lib_mode & 0o170000 == 0o120000 or (
        not lib_mode and any(name.startswith("usr/lib/modules/") for name in names)
    )
    folders = frozenset(name.split("/kernel/")[0] for name in found.values() if "/kernel/" in name)
    text = contents.get("conf/modules", b"").decode("utf-8", "replace")
    return InitramfsFacts(frozenset(found), kind, compression, merged, text, folders)
