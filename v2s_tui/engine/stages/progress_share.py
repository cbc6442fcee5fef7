"""One disk's progress inside a stage's progress: workers write their own numbers, the stage shows the sum."""

import threading
from collections.abc import Mapping
from typing import Any

from v2s_tui.domain.execution.progress import StageProgress


class DiskProgress(StageProgress):
    """A StageProgress whose every change is summed up into its stage's.

    sent_bytes: what went out while the disk came in; it counts as moved, too.
    """

    def __init__(self, owner: "SharedProgress", total_bytes: int) -> None:
        object.__setattr__(self, "owner", owner)
        object.__setattr__(self, "sent_bytes", 0)
        super().__init__(total_bytes=total_bytes)

    owner: "SharedProgress"
    sent_bytes: int

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        self.owner.sum_up()

    def finish(self) -> None:
        """The disk needs no work (any more)."""
        self.done_bytes = self.total_bytes


class SharedProgress:
    """Splits one StageProgress among disks. expected_bytes: by disk index, so that the total is known
    early.
    """

    def __init__(self, whole: StageProgress, expected_bytes: Mapping[int, int]) -> None:
        self._whole = whole
        self._lock = threading.Lock()
        self.disks: dict[int, DiskProgress] = {}
        self.disks = {index: DiskProgress(self, size) for index, size in expected_bytes.items()}
        self.sum_up()

    def sum_up(self) -> None:
        """Bring the stage's numbers up to date."""
        with self._lock:
            shares = self.disks.values()
            self._whole.done_bytes = sum(each.done_bytes for each in shares)
            self._whole.total_bytes = sum(each.total_bytes for each in shares)
            self._whole.moved_bytes = sum(each.moved_bytes + each.sent_bytes for each in shares)
            self._whole.updated = max((each.updated for each in shares), default=0.0)
