"""A digest of every cluster of a disk, so that its content can be proven later: in the object, on the
imported volume, or inside the guest.

The file begins with one line of JSON; records of cluster number and BLAKE3 (16 bytes) follow. A cluster
without a record reads as zeros. Where a number comes twice the later record holds, so that the manifest of an
adapted disk is its base's and the changes. (reference: datapath.md 7)
"""

import json
import shutil
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from blake3 import blake3

from v2s_tui.adapters.disk.qcow2_layout import CLUSTER_BYTES
from v2s_tui.domain.errors import ToolError

DIGEST_BYTES = 16
_RECORD = struct.Struct("<Q16s")
_KIND = "v2s cluster manifest"
_VERSION = 1
ZEROS = b""
"""Stands for the digest of a cluster of zeros."""
_ZEROS_ON_DISK = bytes(DIGEST_BYTES)


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
    """The digests of one disk. Memory: about 100 bytes per cluster with content."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self.virtual_size_bytes = _read_head(file, path.name)
            raw = file.read()
        if len(raw) % _RECORD.size:
            raise _unusable(path.name, "it was cut")
        self._digests: dict[int, bytes] = {}
        for number, digest in _RECORD.iter_unpack(raw):
            if digest == _ZEROS_ON_DISK:
                self._digests.pop(number, None)
            else:
                self._digests[number] = digest

    def digest(self, number: int) -> bytes:
        """Of a cluster; ZEROS when it must read as zeros."""
        return self._digests.get(number, ZEROS)

    @property
    def clusters(self) -> set[int]:
        """Numbers of all clusters with content."""
        return set(self._digests)


def _read_head(file: BinaryIO, name: str) -> int:
    line = file.readline(1000)
    try:
        head = json.loads(line)
        kind, version = head["kind"], head["version"]
        size_bytes = int(head["virtual_size_bytes"])
    except (ValueError, KeyError, TypeError) as err:
        raise _unusable(name, "it does not begin as one") from err
    if (kind, version, head.get("cluster_bytes")) != (_KIND, _VERSION, CLUSTER_BYTES):
        raise _unusable(name, f"{kind} of version {version}")
    return size_bytes


def _unusable(name: str, why: str) -> ToolError:
    return ToolError(
        f"{name} is no manifest that this version of v2s can use: {why}",
        command="",
        exit_code=None,
        stderr_tail="",
        hint="manifests lie beside the images they were made with",
    )
