"""Machines that a busy host spoiled.

A cloud's hypervisor gives its Instances their timer interrupts. An emulated machine beside others on a few
cores may lose them, and its Linux then panics or hangs through no fault of its own.
"""

import re
from dataclasses import dataclass
from pathlib import Path

_SIGNS = re.compile(rb"IO-APIC \+ timer doesn't work|kthread starved for \d+ jiffies|BUG: soft lockup - CPU")
_OVERLAP = 100
"""Bytes read again, so that a sign is found although it was being written at the last look."""
_MOST_RESETS = 3


@dataclass(slots=True)
class Starvation:
    """Reads a console as it grows, and says when the machine is to be started anew; not for ever."""

    console: Path
    _read: int = 0
    _resets: int = 0

    def calls_for_reset(self) -> bool:
        """Whether a sign has come since the last look that called for a reset."""
        if self._resets == _MOST_RESETS or not self.console.exists():
            return False
        with self.console.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        if _SIGNS.search(new) is None:
            self._read += max(0, len(new) - _OVERLAP)
            return False
        self._read += len(new)
        self._resets += 1
        return True
