"""A range of a file read as a stream: what a part's HTTP request sends, 1 MiB in memory at a time."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from isal import isal_zlib

from v2s_tui.adapters.objectstore.parts import PartRange
from v2s_tui.domain.units import MIB
from v2s_tui.system.layered_file import WholeFile

CHUNK_BYTES = MIB


@dataclass(frozen=True, slots=True)
class RangeDigests:
    """crc32: base64 of the big-endian checksum, as S3 wants it. md5: hex, "" when it was not asked for."""

    crc32: str
    md5: str = ""


def digests_of(
    file: WholeFile, part: PartRange, *, checkpoint: Callable[[], None], with_md5: bool = False
) -> RangeDigests:
    """Checksums of a range. checkpoint is called for each MiB and may raise."""
    crc, md5 = 0, hashlib.md5(usedforsecurity=False)
    window = FileWindow(file, part, before_chunk=lambda _size: checkpoint())
    while chunk := window.read(CHUNK_BYTES):
        crc = isal_zlib.crc32(chunk, crc)
        if with_md5:
            md5.update(chunk)
    return RangeDigests(
        base64.b64encode(crc.to_bytes(4, "big")).decode(), md5.hexdigest() if with_md5 else ""
    )


class FileWindow:
    """File-like object over a range; several may read one file at once.

    before_chunk gets the size of each chunk before it is handed out and may raise (cancelled) or wait (rate).
    """

    def __init__(self, file: WholeFile, part: PartRange, *, before_chunk: Callable[[int], None]) -> None:
        self._file = file
        self._part = part
        self._before_chunk = before_chunk
        self.position = 0

    def __len__(self) -> int:
        """Bytes of the whole range: the request's Content-Length."""
        return self._part.size_bytes

    def read(self, size: int = -1) -> bytes:
        """At most 1 MiB; raises EOFError when the file is shorter than it was."""
        left = self._part.size_bytes - self.position
        wanted = min(left, CHUNK_BYTES, size if size >= 0 else CHUNK_BYTES)
        if wanted == 0:
            return b""
        chunk = self._file.read_at(self._part.offset + self.position, wanted)
        if not chunk:
            raise EOFError(f"part {self._part.number} of the file is shorter than planned")
        self._before_chunk(len(chunk))
        self.position += len(chunk)
        return chunk
