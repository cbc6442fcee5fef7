"""Waiting for the server: bounded, slowing down, and on a clock that tests can hold still."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from v2s_tui.adapters.vsphere.faults import BUSY, VimFault

_FIRST_BUSY_SECONDS = 0.5
_LONGEST_BUSY_SECONDS = 5.0

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Waiting:
    """sleep: seconds to wait; clock: seconds that only go forward."""

    sleep: Callable[[float], object] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def until(
        self,
        look: Callable[[], Result | None],
        *,
        limit_seconds: float,
        first_pause: float = 0.1,
        longest_pause: float = 2.0,
    ) -> Result | None:
        """What look returns once it is not None; None when the limit is reached first."""
        deadline = self.clock() + limit_seconds
        pause = first_pause
        while (found := look()) is None:
            left = deadline - self.clock()
            if left <= 0:
                return None
            self.sleep(min(pause, left))
            pause = min(pause * 1.5, longest_pause)
        return found

    def while_busy(
        self, action: Callable[[], Result], *, limit_seconds: float, busy: frozenset[str] = BUSY
    ) -> Result:
        """Do it again while vSphere answers one of the busy faults; the fault when the limit is reached."""
        deadline = self.clock() + limit_seconds
        pause = _FIRST_BUSY_SECONDS
        while True:
            try:
                return action()
            except VimFault as fault:
                if fault.kind not in busy or self.clock() + pause > deadline:
                    raise
            self.sleep(pause)
            pause = min(pause * 2, _LONGEST_BUSY_SECONDS)
