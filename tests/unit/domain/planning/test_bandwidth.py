"""Ceilings by time of day."""

from datetime import time

import pytest

from v2s_tui.domain.errors import InputError
from v2s_tui.domain.planning.bandwidth import parse_rates

MBIT = 10**6 / 8


@pytest.mark.parametrize(
    ("texts", "at", "mbit"),
    [
        ((), "12:00", 0),
        (("300Mbit/s",), "03:00", 300),
        (("300Mbit/s 08:00-19:00",), "08:00", 300),
        (("300Mbit/s 08:00-19:00",), "18:59", 300),
        (("300Mbit/s 08:00-19:00",), "19:00", 0),
        (("300 mbit 08:00-19:00, 2Gbit/s",), "19:00", 2000),
        (("300Mbps 08:00 - 19:00", "2Gbit/s"), "09:30", 300),
        (("1.5Gbit/s 22:00-06:00",), "23:00", 1500),
        (("1.5Gbit/s 22:00-06:00",), "05:59", 1500),
        (("1.5Gbit/s 22:00-06:00",), "06:00", 0),
        (("500kbit/s",), "06:00", 0.5),
    ],
)
def test_the_first_rule_that_holds_decides(texts, at, mbit):
    hour, minute = map(int, at.split(":"))
    assert parse_rates(texts).bytes_per_second(time(hour, minute)) == pytest.approx(mbit * MBIT)


@pytest.mark.parametrize("text", ["fast", "300", "300MB/s", "0Mbit/s", "3Mbit/s 25:00-26:00", "3Mbit 8:00"])
def test_what_is_no_rate_is_refused(text):
    with pytest.raises(InputError, match="is not a"):
        parse_rates([text])
