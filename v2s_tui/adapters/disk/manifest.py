"""A digest of every cluster of a disk, so that its content can be proven later: in the object, on the
imported volume, or inside the guest.

The file begins with one line of JSON; records of cluster number and BLAKE3 (16 bytes) follow. A cluster
without a record reads as zeros. Where a number comes twice the later record holds, so that the manifest of an
adapted disk is its base's and the changes. (reference: datapath.md 7)
"""

import json
import shutil
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from blake3 import blake3

from v2s_tui.adapters.disk.image_error import unusable
from v2s_tui.adapters.disk.qcow2_layout import CLUSTER_BYTES
from v2s_tui.domain.errors import ToolError

DIGEST_BYTES = 16
_RECORD = struct.Struct("<Q16s")
_KIND = "v2s cluster manifest"
_VERSION = 1
ZEROS = b""
"""Stands for the digest of a cluster of zeros."""
_ZEROS_ON_DISK = bytes(DIGEST_BYTES)
_PAGE_CLUSTERS = 4096
_EMPTY_PAGE = bytearray(_PAGE_CLUSTERS * DIGEST_BYTES)
_RECORDS_PER_READ = 40_000


def digest_of(content: bytes | memoryview) -> bytes:
    """Of the 64 KiB of a cluster, the last one filled up with zeros."""
    return blake3(content).digest(DIGEST_BYTES)


def manifest_path(image: Path) -> Path:
    """Where the manifest of an image lies: beside it."""
    return image.with_name(image.name + ".manifest")


class ManifestWriter:
    """Appends records to an open file. Raises OSError."""

    def __init__(self, file: BinaryIO, *, virtual_size_bytes: int) -> None:
        self._file = file
        head = {
            "kind": _KIND,
            "version": _VERSION,
            "virtual_size_bytes": virtual_size_bytes,
            "cluster_bytes": CLUSTER_BYTES,
            "digest": f"blake3-{DIGEST_BYTES * 8}",
        }
        file.write(json.dumps(head).encode() + b"\n")

    def add(self, records: Iterable[tuple[int, bytes]]) -> None:
        """(cluster number, digest or ZEROS)."""
        packed = (_RECORD.pack(number, digest or _ZEROS_ON_DISK) for number, digest in records)
        self._file.write(b"".join(packed))

    def copy_records(self, other: Path) -> None:
        """All records of another manifest. Raises ToolError when it is none."""
        with other.open("rb") as file:
            _read_head(file, other.name)
            shutil.copyfileobj(file, self._file)


class Manifest:
    """The digests of one disk. Memory: 16 bytes per cluster, for regions in use only."""

    def __init__(self, path: Path) -> None:
        self._pages: dict[int, bytearray] = {}
        with path.open("rb") as file:
            self.virtual_size_bytes = _read_head(file, path.name)
            while records := file.read(_RECORD.size * _RECORDS_PER_READ):
                if len(records) % _RECORD.size:
                    raise _not_a_manifest(path.name, "it was cut")
                for number, digest in _RECORD.iter_unpack(records):
                    self._put(number, digest)

    def _put(self, number: int, digest: bytes) -> None:
        page, slot = divmod(number, _PAGE_CLUSTERS)
        content = self._pages.get(page)
        if content is None:
            content = self._pages[page] = bytearray(_PAGE_CLUSTERS * DIGEST_BYTES)
        content[slot * DIGEST_BYTES : (slot + 1) * DIGEST_BYTES] = digest

    def digest(self, number: int) -> bytes:
        """Of a cluster; ZEROS when it must read as zeros."""
        page, slot = divmod(number, _PAGE_CLUSTERS)
        content = self._pages.get(page, _EMPTY_PAGE)
        digest = bytes(content[slot * DIGEST_BYTES : (slot + 1) * DIGEST_BYTES])
        return ZEROS if digest == _ZEROS_ON_DISK else digest

    def clusters(self) -> Iterator[int]:
        """Numbers of all clusters with content, ascending."""
        for page in sorted(self._pages):
            numbers = range(page * _PAGE_CLUSTERS, (page + 1) * _PAGE_CLUSTERS)
            yield from (number for number in numbers if self.digest(number) != ZEROS)


def _read_head(file: BinaryIO, name: str) -> int:
    line = file.readline(1000)
    try:
        head = json.loads(line)
        kind, version = head["kind"], head["version"]
        size_bytes = int(head["virtual_size_bytes"])
    except (ValueError, KeyError, TypeError) as err:
        raise _not_a_manifest(name, "it does not begin as one") from err
    if (kind, version, head.get("cluster_bytes")) != (_KIND, _VERSION, CLUSTER_BYTES):
        raise _not_a_manifest(name, f"{kind} of version {version}")
    return size_bytes


def _not_a_manifest(name: str, why: str) -> ToolError:
    return unusable(
        f"{name} is no manifest that this version of v2s can use: {why}",
        hint="manifests lie beside the images they were made with",
    )
