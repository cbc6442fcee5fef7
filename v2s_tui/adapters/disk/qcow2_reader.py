"""Reads qcow2 images of the form we write, and the overlays qemu-img lays on them: which clusters are there,
and what is in them.
"""

import os
import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from v2s_tui.adapters.disk.image_error import unusable
from v2s_tui.adapters.disk.qcow2_layout import (
    CLUSTER_BYTES,
    COMPRESSED,
    HEADER_BYTES,
    L2_ENTRIES,
    ZERO_FLAG,
    compressed_extent,
    native,
    plain_offset,
    read_qcow2_header,
)
from v2s_tui.domain.errors import ToolError
from v2s_tui.system.layered_file import WholeFile

_RAW_DEFLATE = -15  # decodes every window, also those of grains passed through


class Mapping(NamedTuple):
    """A cluster an image has an own opinion of. number: in the virtual disk. zero: it reads as zeros."""

    number: int
    entry: int
    zero: bool


class Qcow2Image:
    """An open image. Raises ToolError when it is of another form or damaged, OSError when unreadable."""

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._folder = path.parent
        self._file = WholeFile(path)
        try:
            self.header = read_qcow2_header(self._read_some(0, HEADER_BYTES), name=path.name)
            raw = self.read(self.header.l1_offset, 8 * self.header.l1_entries)
            self._l1_entries = native("Q", raw)
        except BaseException:
            self._file.close()
            raise

    @property
    def size_bytes(self) -> int:
        """Of the file."""
        return self._file.size_bytes

    @property
    def backing_path(self) -> Path | None:
        """The image below, None for a self-contained one."""
        if not self.header.backing_name_at:
            return None
        raw = self.read(self.header.backing_name_at, self.header.backing_name_size)
        return self._folder / os.fsdecode(raw)

    @property
    def tables_begin(self) -> int:
        """The lowest offset of a table: where the data of an image written by Qcow2Writer ends."""
        offsets = [plain_offset(entry) for entry in self._l1_entries if entry]
        return min([self.header.l1_offset, *offsets])

    def l2_tables(self) -> "Iterator[tuple[int, array[int]]]":
        """(number, entries) of every L2 table there is."""
        for number, entry in enumerate(self._l1_entries):
            if entry:
                yield number, native("Q", self.read(plain_offset(entry), CLUSTER_BYTES))

    def mappings(self) -> Iterator[Mapping]:
        """Clusters that are allocated or zero here, ascending; all others are those of the image below."""
        for number, entries in self.l2_tables():
            for slot, entry in enumerate(entries):
                if entry:
                    zero = not entry & COMPRESSED and bool(entry & ZERO_FLAG)
                    yield Mapping(number * L2_ENTRIES + slot, entry, zero)

    def cluster(self, entry: int) -> bytes:
        """The 64 KiB an entry refers to."""
        if not entry & COMPRESSED:
            raw = self._read_some(plain_offset(entry), CLUSTER_BYTES)
            return raw.ljust(CLUSTER_BYTES, b"\0")  # the last cluster of a file need not be complete
        offset, most_bytes = compressed_extent(entry)
        inflater = zlib.decompressobj(_RAW_DEFLATE)
        try:
            content = inflater.decompress(self._read_some(offset, most_bytes), CLUSTER_BYTES)
        except zlib.error as err:
            raise self._damaged(f"the cluster at {offset} does not inflate ({err})") from err
        if len(content) != CLUSTER_BYTES:
            raise self._damaged(f"the cluster at {offset} holds {len(content)} bytes")
        return content

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Bytes of the file. Raises ToolError when it ends before."""
        raw = self._read_some(offset, size_bytes)
        if len(raw) != size_bytes:
            raise self._damaged(f"it ends within a table at {offset}")
        return raw

    def _read_some(self, offset: int, size_bytes: int) -> bytes:
        """Fewer bytes at the end of the file only; a header may claim any offset and size."""
        size_bytes = min(size_bytes, self.size_bytes - offset)
        if size_bytes <= 0:
            return b""
        raw = self._file.read_at(offset, size_bytes)
        while len(raw) < size_bytes and (
            more := self._file.read_at(offset + len(raw), size_bytes - len(raw))
        ):
            raw += more
        return raw

    def _damaged(self, what: str) -> ToolError:
        return unusable(
            f"{self._name} is damaged: {what}",
            hint="the disk must be exported again; is the work folder's disk healthy?",
        )

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> "Qcow2Image":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
