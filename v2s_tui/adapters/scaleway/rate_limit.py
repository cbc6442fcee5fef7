"""One pace for all threads that talk to the API: additive increase, multiplicative decrease.

The real limit is unpublished and answers with an empty 429 (reference: scaleway.md 1.7), so it is felt out:
each success adds a little to the rate, each refusal halves it for everybody.
"""

import math
import threading
import time
from collections.abc import Callable

SETTLE_SECONDS = 1.0
"""After a decrease, refusals of so long belong to requests that were sent before it."""


class RateLimiter:
    """Hands out turns. rate: requests per second at the start and at most; floor: at least."""

    def __init__(
        self,
        rate: float,
        *,
        floor: float = 0.5,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._ceiling = rate
        self._rate = rate
        self._floor = min(floor, rate)
        self._step = rate / 100
        self._last_refusal = -math.inf
        self._monotonic = monotonic
        self._sleep = sleep
        self._next_turn = 0.0
        self._lock = threading.Lock()

    @property
    def rate(self) -> float:
        """Requests per second allowed now."""
        return self._rate

    def take_turn(self) -> None:
        """Wait until this caller may send."""
        with self._lock:
            now = self._monotonic()
            turn = max(now, self._next_turn)
            self._next_turn = turn + 1 / self._rate
        if turn > now:
            self._sleep(turn - now)

    def accepted(self) -> None:
        """The API took a request: a little faster from now on."""
        with self._lock:
            self._rate = min(self._ceiling, self._rate + self._step)

    def refused(self) -> None:
        """The API answered 429: half as fast from now on.

        Threads that were on their way at the same time are refused together, which counts once.
        """
        with self._lock:
            now = self._monotonic()
            if now - self._last_refusal >= SETTLE_SECONDS:
                self._rate = max(self._floor, self._rate / 2)
                self._last_refusal = now
