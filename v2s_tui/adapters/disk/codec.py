"""From a compressed grain to a compressed cluster: verified, and re-deflated to the window qcow2 promises.

`w12` inflates and deflates again with ISA-L, whose output never looks back further than 4 KiB: every qcow2
reader takes it. `pass` keeps the grain's own deflate stream, which QEMU reads and some other readers do not.
`plain` stores the cluster uncompressed. (reference: datapath.md 3.2, 3.3)
"""

from enum import StrEnum

from isal import isal_zlib

from v2s_tui.adapters.disk.manifest import digest_of
from v2s_tui.adapters.disk.qcow2_layout import CLUSTER_BYTES, LARGEST_COMPRESSED_BYTES
from v2s_tui.adapters.disk.qcow2_writer import Cluster
from v2s_tui.adapters.disk.vmdk_header import GRAIN_BYTES, damaged
from v2s_tui.adapters.disk.vmdk_parser import Grain

_WINDOW_12_RAW = -12
_LEVEL = 2
_ZLIB_HEADER_BYTES, _ADLER_BYTES = 2, 4
_ZEROS = bytes(CLUSTER_BYTES)
_InflateError: type[Exception] = isal_zlib.error  # type: ignore[assignment]  # its stub annotates an instance


class Mode(StrEnum):
    """How clusters are stored."""

    W12 = "w12"
    PASS = "pass"  # noqa: S105 - not a password
    PLAIN = "plain"


def inflated(grain: Grain) -> bytes:
    """The content of a grain, its checksum verified, at most 64 KiB. Raises LeaseFailed."""
    inflater = isal_zlib.decompressobj()
    try:
        content = inflater.decompress(grain.data, GRAIN_BYTES + 1)
    except _InflateError as err:
        raise damaged(f"grain {grain.number} does not inflate ({err})", at_byte=grain.at_byte) from err
    if not inflater.eof or inflater.unused_data:
        raise damaged(f"grain {grain.number} does not end where it should", at_byte=grain.at_byte)
    return content


def deflated(content: bytes) -> bytes:
    """64 KiB as the payload of a compressed cluster."""
    return isal_zlib.compress(content, _LEVEL, _WINDOW_12_RAW)


class ClusterCodec:
    """Turns grains of one disk into clusters; safe to call from several threads. digests:
    make them, too. compressed: the grains are."""

    def __init__(
        self, mode: Mode, *, virtual_size_bytes: int, digests: bool, compressed: bool = True
    ) -> None:
        self._mode = mode
        self._compressed = compressed
        self._digests = digests
        self._last_index, self._last_bytes = divmod(virtual_size_bytes, CLUSTER_BYTES)

    def clusters(self, grains: list[Grain]) -> list[Cluster]:
        """Clusters of grains that are not all zeros, in the same order. Raises LeaseFailed."""
        found = (self._cluster(grain) for grain in grains)
        return [cluster for cluster in found if cluster is not None]

    def _cluster(self, grain: Grain) -> Cluster | None:
        content = inflated(grain) if self._compressed else bytes(grain.data)
        whole = len(content) == CLUSTER_BYTES and grain.number != self._last_index
        if not whole:
            content = self._completed(grain, content)
        if content == _ZEROS:
            return None
        digest = digest_of(content) if self._digests else b""
        if self._mode is Mode.PLAIN:
            return Cluster(grain.number, content, compressed=False, digest=digest)
        payload = grain.data[_ZLIB_HEADER_BYTES:-_ADLER_BYTES]
        if (
            self._mode is Mode.PASS
            and whole
            and self._compressed
            and len(payload) <= LARGEST_COMPRESSED_BYTES
        ):
            return Cluster(grain.number, payload, compressed=True, digest=digest)
        return Cluster(grain.number, deflated(content), compressed=True, digest=digest)

    def _completed(self, grain: Grain, content: bytes) -> bytes:
        """The odd last grain, filled up with zeros: a reader wants exactly 64 KiB of every cluster."""
        wanted = self._last_bytes if grain.number == self._last_index else GRAIN_BYTES
        if len(content) not in {wanted, GRAIN_BYTES}:
            raise damaged(
                f"grain {grain.number} holds {len(content)} bytes, not {wanted}", at_byte=grain.at_byte
            )
        return content[:wanted].ljust(CLUSTER_BYTES, b"\0")
