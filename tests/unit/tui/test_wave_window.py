"""Windows as typed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2s_tui.tui.screens.wave_window import parse_window, window_problem, written_window

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
MOMENTS = st.none() | st.integers(0, 10_000_000).map(lambda minutes: EPOCH + timedelta(minutes=minutes))


@given(MOMENTS, st.none() | st.integers(1, 10_000))
def test_what_is_written_parses_to_the_same_window(begin: datetime | None, minutes: int | None) -> None:
    end = (begin or datetime(2026, 1, 1, tzinfo=UTC)) + timedelta(minutes=minutes) if minutes else None
    assert parse_window(written_window(begin, end)) == (begin, end)


@pytest.mark.parametrize("text", ["tomorrow .. ", "2026-05-01T22:00", "2026-05-02 .. 2026-05-01", ".. soon"])
def test_what_cannot_be_a_window_is_told(text: str) -> None:
    assert window_problem(text)


def test_a_moment_without_offset_is_local() -> None:
    begin, end = parse_window("2026-05-01T22:00 ..")
    assert begin == datetime.fromisoformat("2026-05-01T22:00").astimezone()
    assert end is None
