"""Waiting for the server: bounded, slowing down, told to a listener, on a clock that tests can hold still."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from v2s_tui.adapters.vsphere.faults import BUSY, VimFault
from v2s_tui.domain.units import format_duration

_FIRST_BUSY_SECONDS = 0.5
_LONGEST_BUSY_SECONDS = 5.0
_WORTH_SAYING_SECONDS = 2.0
"""Shorter waits are no news."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Waiting:
    """sleep: seconds to wait, what it raises ends the wait; clock: seconds that only go forward; say: hears
    what is waited for since when, and "" once it is over.
    """

    sleep: Callable[[float], object] = time.sleep
    clock: Callable[[], float] = time.monotonic
    say: Callable[[str], object] = lambda _: None

    def until(
        self,
        look: Callable[[], Result | None],
        *,
        what: str,
        limit_seconds: float,
        first_pause: float = 0.1,
        longest_pause: float = 2.0,
    ) -> Result | None:
        """What look returns once it is not None; None when the limit is reached first. what: for people."""
        began = self.clock()
        pause = first_pause
        try:
            while (found := look()) is None:
                elapsed = self.clock() - began
                if elapsed >= limit_seconds:
                    return None
                self._pause(min(pause, limit_seconds - elapsed), what, elapsed, limit_seconds)
                pause = min(pause * 1.5, longest_pause)
            return found
        finally:
            self.say("")

    def while_busy(self, doing: str, action: Callable[[], Result], *, limit_seconds: float) -> Result:
        """Do it again while vSphere answers that the VM is busy; the fault when the limit is reached."""
        began = self.clock()
        pause = _FIRST_BUSY_SECONDS
        what = f"{doing}: the VM is busy with another task at vCenter"
        try:
            while True:
                try:
                    return action()
                except VimFault as fault:
                    elapsed = self.clock() - began
                    if fault.kind not in BUSY or elapsed + pause > limit_seconds:
                        raise
                self._pause(pause, what, elapsed, limit_seconds)
                pause = min(pause * 2, _LONGEST_BUSY_SECONDS)
        finally:
            self.say("")

    def _pause(self, seconds: float, what: str, elapsed: float, limit_seconds: float) -> None:
        if elapsed >= _WORTH_SAYING_SECONDS:
            self.say(f"{what} for {format_duration(elapsed)}, at most {format_duration(limit_seconds)}")
        self.sleep(seconds)
