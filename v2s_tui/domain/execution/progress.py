"""Progress as plain numbers: a stage thread writes, the runner samples ten times a second, nobody waits.

One message per chunk would flood any queue (reference: terminal.md section 4), so there are no messages at
all.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class StageProgress:
    """What a running stage says of itself. Written by one thread, read by another; a torn read is harmless.

    done_bytes/total_bytes: of the stage's main work (0 total: unknown); of a disk that is read, its position.
    moved_bytes: what crossed the wire for it, received compressed or sent. waits_for: what it polls or waits
    for, "" when it works. activity: one line, `disk 1 of 2`. updated: monotonic seconds of the last change.
    """

    done_bytes: int = 0
    total_bytes: int = 0
    moved_bytes: int = 0
    activity: str = ""
    waits_for: str = ""
    updated: float = 0.0

    @property
    def fraction(self) -> float | None:
        """0.0 to 1.0; None when the total is unknown."""
        return min(1.0, self.done_bytes / self.total_bytes) if self.total_bytes else None
