"""Numbers of the qcow2 format."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2s_tui.adapters.disk.qcow2_layout import (
    CLUSTER_BYTES,
    COPIED,
    HEADER_BYTES,
    LARGEST_COMPRESSED_BYTES,
    SECTOR_BYTES,
    Qcow2Header,
    big_endian,
    compressed_entry,
    compressed_extent,
    host_clusters,
    in_clusters,
    l1_entries_for,
    native,
    read_qcow2_header,
)
from v2s_tui.adapters.disk.qcow2_writer import _refcount_clusters
from v2s_tui.domain.errors import ToolError

OFFSETS = st.integers(min_value=CLUSTER_BYTES, max_value=2 * 10**12)


@given(OFFSETS, st.integers(min_value=1, max_value=LARGEST_COMPRESSED_BYTES))
def test_compressed_entry_covers_its_payload(offset: int, size_bytes: int) -> None:
    found_offset, most_bytes = compressed_extent(compressed_entry(offset, size_bytes))
    assert found_offset == offset
    assert size_bytes <= most_bytes < size_bytes + SECTOR_BYTES
    assert (offset + most_bytes) % SECTOR_BYTES == 0


@given(OFFSETS, st.integers(min_value=1, max_value=LARGEST_COMPRESSED_BYTES))
def test_host_clusters_of_a_compressed_entry(offset: int, size_bytes: int) -> None:
    clusters = host_clusters(compressed_entry(offset, size_bytes))
    assert clusters.start == offset // CLUSTER_BYTES
    assert clusters.stop * CLUSTER_BYTES >= offset + size_bytes > (clusters.stop - 1) * CLUSTER_BYTES


def test_host_cluster_of_a_plain_entry() -> None:
    assert host_clusters(COPIED | 7 * CLUSTER_BYTES) == range(7, 8)


@given(st.integers(min_value=1, max_value=40_000_000))
def test_refcount_blocks_count_themselves_too(other_clusters: int) -> None:
    blocks, table_clusters = _refcount_clusters(other_clusters)
    assert blocks * (CLUSTER_BYTES // 2) >= other_clusters + blocks + table_clusters
    assert table_clusters == in_clusters(blocks * 8)
    assert (blocks - 1) * (CLUSTER_BYTES // 2) < other_clusters + blocks + table_clusters


def test_header_is_read_as_written() -> None:
    header = Qcow2Header(10**12, 0x50000, l1_entries_for(10**12), 0x70000, 1)
    assert len(header.packed()) == HEADER_BYTES
    assert read_qcow2_header(header.packed(), name="disk") == header


@pytest.mark.parametrize("at", [0, 7, 23, 35, 63, 79, 99])
def test_header_of_another_form_is_refused(at: int) -> None:
    raw = bytearray(Qcow2Header(10**9, 0x50000, 2, 0x70000, 1).packed())
    raw[at] ^= 0x02
    with pytest.raises(ToolError, match="disk"):
        read_qcow2_header(bytes(raw), name="disk")
    with pytest.raises(ToolError, match="too short"):
        read_qcow2_header(b"QFI\xfb", name="disk")


@given(st.lists(st.integers(min_value=0, max_value=2**64 - 1)))
def test_tables_are_big_endian(numbers: list[int]) -> None:
    raw = big_endian(array("Q", numbers))
    assert raw == b"".join(number.to_bytes(8, "big") for number in numbers)
    assert native("Q", raw).tolist() == numbers
