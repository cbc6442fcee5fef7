"""Arithmetic of parts, errors and the ceiling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2s_tui.adapters.objectstore.failures import from_xml, no_answer
from v2s_tui.adapters.objectstore.parts import composite_etag, part_size_bytes, plan_parts
from v2s_tui.adapters.objectstore.rate_ceiling import RateCeiling
from v2s_tui.domain.errors import NotFound, StorageError, StorageUnavailable
from v2s_tui.domain.units import GB, MIB, TB


@given(size_bytes=st.integers(1, 5 * TB))
def test_parts_cover_the_file_within_the_limits_of_scaleway(size_bytes):
    plan = plan_parts(size_bytes)
    assert 1 <= len(plan) <= 1000
    assert sum(part.size_bytes for part in plan) == size_bytes
    assert all(part.size_bytes == plan[0].size_bytes for part in plan[:-1])
    assert max(part.size_bytes for part in plan) <= 5 * GB + 200 * MIB
    assert plan[0].size_bytes == min(size_bytes, part_size_bytes(size_bytes))
    ends = [part.offset + part.size_bytes for part in plan]
    assert [part.offset for part in plan] == [0, *ends[:-1]]


def test_the_first_defect_of_the_original_is_gone():
    """64 MiB parts end at 62.5 GiB with 1,000 parts (seed-system.md A9, 13)."""
    assert len(plan_parts(1000 * 64 * MIB)) == 1000
    assert len(plan_parts(1000 * 64 * MIB + 1)) <= 1000
    assert part_size_bytes(TB) == 954 * MIB


def test_an_etag_of_parts():
    etags = ["d41d8cd98f00b204e9800998ecf8427e", "0cc175b9c0f1b6a831c399e269772661"]
    assert composite_etag(etags) == "68083ea43d0307eecfa2b4749f19df15-2"
    assert composite_etag(["not-an-md5"]) is None


@pytest.mark.parametrize(
    ("status", "body", "error", "text"),
    [
        (503, b"<Error><Code>SlowDown</Code><Message>slow</Message></Error>", StorageUnavailable, "SlowDown"),
        (400, b"<Error><Code>BadDigest</Code></Error>", StorageUnavailable, "BadDigest"),
        (404, b"<Error><Code>NoSuchUpload</Code></Error>", NotFound, "NoSuchUpload"),
        (403, b"<Error><Code>RequestTimeTooSkewed</Code></Error>", StorageError, "clock"),
        (502, b"<html>Bad gateway</html>", StorageUnavailable, "502"),
        (429, b"", StorageUnavailable, "429"),
        (403, b"", StorageError, "403"),
    ],
)
def test_answers_of_storage_become_our_errors(status, body, error, text):
    found = from_xml("store part 1", status, body, "tx-1")
    assert type(found) is error
    assert text in str(found)
    assert "tx-1" in str(found)


def test_a_certificate_is_not_a_matter_of_trying_again():
    assert not no_answer("x", OSError("certificate verify failed")).transient
    assert no_answer("x", OSError("reset by peer")).transient


def test_a_signed_url_is_not_told_in_an_error():
    url = "/transit/k.qcow2?partNumber=1&uploadId=u&X-Amz-Credential=SCWX&X-Amz-Signature=abc"
    told = str(no_answer("store part 1", OSError(f"Max retries exceeded with url: {url} (Caused by x)")))
    assert "X-Amz" not in told
    assert "abc" not in told
    assert "(Caused by x)" in told


def test_the_ceiling_makes_room_for_each_in_turn():
    now = [50.0]
    ceiling = RateCeiling(lambda: 10.0, monotonic=lambda: now[0])
    assert [ceiling.reserve(5) for _ in range(3)] == pytest.approx([0.0, 0.5, 1.0])
    now[0] += 10
    assert ceiling.reserve(5) == 0.0
    assert RateCeiling(lambda: 0.0).reserve(10**9) == 0.0
