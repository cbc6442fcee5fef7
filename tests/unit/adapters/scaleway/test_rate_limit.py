"""The shared pace: turns, additive increase, one decrease for refusals that belong together."""

import pytest

from v2s_tui.adapters.scaleway.rate_limit import RateLimiter


class Time:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def limiter(time):
    return RateLimiter(10.0, monotonic=lambda: time.now, sleep=time.sleep)


def test_turns_are_spaced_by_the_rate(limiter, time):
    for _ in range(4):
        limiter.take_turn()
    assert time.slept == pytest.approx([0.1, 0.1, 0.1])


def test_a_pause_of_the_caller_is_no_credit_for_a_burst(limiter, time):
    limiter.take_turn()
    time.now += 60
    limiter.take_turn()
    limiter.take_turn()
    assert time.slept == pytest.approx([0.1])


def test_refusals_that_come_together_halve_once(limiter, time):
    limiter.refused()
    limiter.refused()
    assert limiter.rate == 5.0
    time.now += 1.5
    limiter.refused()
    assert limiter.rate == 2.5


def test_success_adds_a_little_up_to_the_ceiling(limiter, time):
    limiter.refused()
    limiter.accepted()
    assert limiter.rate == pytest.approx(5.1)
    for _ in range(200):
        limiter.accepted()
    assert limiter.rate == 10.0


def test_it_never_stops_altogether(limiter, time):
    for _ in range(50):
        limiter.refused()
        time.now += 2
    assert limiter.rate == 0.5
