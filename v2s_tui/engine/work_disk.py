"""How much of the work disk is free and not promised: measured at intervals, because a look costs a walk.

Between two looks, promises made since then count in full, so the answer is never too large; when a VM has
ended it is measured anew, so that nobody is refused for space that has just become free.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

_LOOK_EVERY_SECONDS = 0.5


class WorkDisk:
    """free_bytes: of the folder's file system. left_bytes: what a VM will still write at its peak.

    promised: work space by VM as the leases know it. time: monotonic seconds.
    """

    def __init__(
        self,
        folder: Path,
        *,
        free_bytes: Callable[[Path], int],
        left_bytes: Callable[[str], int],
        promised: Mapping[str, int],
        time: Callable[[], float],
    ) -> None:
        self._folder = folder
        self._free_bytes = free_bytes
        self._left_bytes = left_bytes
        self._promised = promised
        self._time = time
        self._looked_at: float | None = None
        self._left: dict[str, int] = {}
        self.free: int | None = None

    def look(self) -> None:
        """Measure, unless that was done a moment ago and no VM has ended since (its files may be gone now).

        free is None where it cannot be told (no folder).
        """
        now = self._time()
        fresh = self._looked_at is not None and now - self._looked_at < _LOOK_EVERY_SECONDS
        if fresh and self._left.keys() <= self._promised.keys():
            return
        self._looked_at = now
        self._left = {name: self._left_bytes(name) for name in self._promised}
        try:
            self.free = self._free_bytes(self._folder)
        except OSError:
            self.free = None

    def unpromised_bytes(self) -> int | None:
        """Free space that no running VM will still fill; None where it cannot be told."""
        self.look()
        if self.free is None:
            return None
        return self.free - sum(self._left.get(name, full) for name, full in self._promised.items())
