"""Free work space is measured at intervals, and the answer is never too large and never stale where it
matters.
"""

from pathlib import Path

from v2s_tui.engine.work_disk import WorkDisk


class Measured:
    """A disk whose figures a test sets."""

    def __init__(self) -> None:
        self.free = 1000
        self.left = {"a": 100, "b": 100}
        self.promised: dict[str, int] = {}
        self.now = 0.0
        self.looks = 0
        self.gone = False
        self.disk = WorkDisk(
            Path("work"),
            free_bytes=self._free,
            left_bytes=lambda name: self.left[name],
            promised=self.promised,
            time=lambda: self.now,
        )

    def _free(self, _folder: Path) -> int:
        self.looks += 1
        if self.gone:
            raise FileNotFoundError("work")
        return self.free


def test_promises_made_since_the_last_look_count_in_full() -> None:
    measured = Measured()
    assert measured.disk.unpromised_bytes() == 1000
    measured.promised["a"] = 300
    assert measured.disk.unpromised_bytes() == 700
    assert measured.looks == 1


def test_what_is_written_already_is_not_counted_twice() -> None:
    measured = Measured()
    measured.promised["a"] = 300
    measured.free, measured.left["a"] = 800, 100
    measured.now = 1.0
    assert measured.disk.unpromised_bytes() == 700


def test_a_vm_that_ended_is_a_reason_to_look_again() -> None:
    measured = Measured()
    measured.promised["a"] = 300
    assert measured.disk.unpromised_bytes() == 900
    del measured.promised["a"]
    measured.free = 2000
    assert measured.disk.unpromised_bytes() == 2000


def test_a_missing_folder_means_nobody_knows() -> None:
    measured = Measured()
    measured.gone = True
    assert measured.disk.unpromised_bytes() is None
    assert measured.disk.free is None
