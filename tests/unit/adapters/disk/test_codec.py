"""Grains to clusters: verified, within the window, zeros left out."""

import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from v2s_tui.adapters.disk.codec import ClusterCodec, Mode, deflated, inflated
from v2s_tui.adapters.disk.manifest import digest_of
from v2s_tui.adapters.disk.qcow2_layout import LARGEST_COMPRESSED_BYTES
from v2s_tui.adapters.disk.vmdk_parser import Grain
from v2s_tui.domain.errors import LeaseFailed

CLUSTER = 65536
SIZE = 10 * CLUSTER + 1024


def grain(number: int, content: bytes) -> Grain:
    return Grain(number, memoryview(zlib.compress(content)), 4096)


def codec(mode: Mode) -> ClusterCodec:
    return ClusterCodec(mode, virtual_size_bytes=SIZE, digests=True)


def far_repeats(seed: int) -> bytes:
    """Content whose repeats lie further apart than 4 KiB, so that an encoder is tempted."""
    rng = random.Random(seed)
    pieces = [rng.randbytes(3000) for _ in range(4)]
    return b"".join(rng.choice(pieces) for _ in range(22))[:CLUSTER].ljust(CLUSTER, b"x")


@settings(max_examples=20)
@given(st.integers(min_value=0, max_value=10**6))
def test_w12_never_looks_back_further_than_qcow2_promises(seed: int) -> None:
    content = far_repeats(seed)
    payload = deflated(content)
    inflater = zlib.decompressobj(-12)
    pieces = [inflater.decompress(payload, 1000)]
    while inflater.unconsumed_tail:  # in small pieces, so that only the window holds what came before
        pieces.append(inflater.decompress(inflater.unconsumed_tail, 1000))
    assert b"".join(pieces) == content


def test_pass_keeps_the_deflate_stream() -> None:
    found = grain(3, far_repeats(1))
    (cluster,) = codec(Mode.PASS).clusters([found])
    assert bytes(cluster.payload) == bytes(found.data)[2:-4]
    assert cluster.compressed


def test_pass_deflates_anew_what_a_poor_encoder_made_too_large() -> None:
    content = random.Random(2).randbytes(CLUSTER)
    blocks = [content[at : at + 5] for at in range(0, CLUSTER, 5)]  # stored blocks of 5 bytes: twice the size
    stored = b"".join(
        bytes([at == len(blocks) - 1])
        + len(block).to_bytes(2, "little")
        + (len(block) ^ 0xFFFF).to_bytes(2, "little")
        + block
        for at, block in enumerate(blocks)
    )
    packed = b"\x78\x01" + stored + zlib.adler32(content).to_bytes(4, "big")
    (cluster,) = codec(Mode.PASS).clusters([Grain(1, memoryview(packed), 0)])
    assert len(packed) > LARGEST_COMPRESSED_BYTES >= len(cluster.payload)
    assert zlib.decompress(cluster.payload, -15) == content


@pytest.mark.parametrize("mode", Mode)
def test_zeros_become_nothing(mode: Mode) -> None:
    zeros, last = grain(1, bytes(CLUSTER)), grain(10, bytes(1024) + b"beyond the disk".ljust(CLUSTER - 1024))
    assert codec(mode).clusters([zeros, last]) == []


@pytest.mark.parametrize("mode", Mode)
def test_last_grain_is_filled_up(mode: Mode) -> None:
    (cluster,) = codec(mode).clusters([grain(10, b"a" * 1024)])
    content = bytes(cluster.payload) if mode is Mode.PLAIN else zlib.decompress(cluster.payload, -15)
    assert content == (b"a" * 1024).ljust(CLUSTER, b"\0")
    assert cluster.digest == digest_of(content)


@pytest.mark.parametrize("size", [0, 1, 1024, CLUSTER - 1])
def test_short_grain_in_the_middle_is_refused(size: int) -> None:
    with pytest.raises(LeaseFailed, match="grain 2 holds"):
        codec(Mode.W12).clusters([grain(2, b"a" * size)])


@pytest.mark.parametrize("raw", [b"", b"x", zlib.compress(b"a" * CLUSTER)[:-1], b"\x78\x9c" + b"\xff" * 90])
def test_what_does_not_inflate_is_refused(raw: bytes) -> None:
    with pytest.raises(LeaseFailed, match="byte 4096"):
        inflated(Grain(2, memoryview(raw), 4096))
