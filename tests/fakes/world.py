"""What all fakes share: the lock, the log of calls, faults, and death.

A fault rule is called before a call does its work and after it did (phase `before`, `after`): raising from
`after` is a call that succeeded while its answer was lost.
"""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

FaultRule = Callable[[str, str, str], None]
"""(operation, what it is about, phase)."""


class ProcessDied(BaseException):
    """The simulated end of the runner's process: no code of ours runs after it."""


@dataclass
class World:
    """One vCenter, one work disk, one Object Storage and one Scaleway project in memory.

    dead: every call raises ProcessDied, as nothing happens after a process has died.
    """

    rules: list[FaultRule] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    dead: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock)
    _last_id: int = 0

    def new_id(self, kind: str) -> str:
        """An id nobody else has."""
        with self.lock:
            self._last_id += 1
            return f"{kind}-{self._last_id:05d}"

    def enter(self, operation: str, about: str) -> None:
        """Before a call does its work."""
        self._check(operation, about, "before")
        with self.lock:
            self.calls[operation] += 1

    def leave(self, operation: str, about: str) -> None:
        """After the work is done and before the answer is given."""
        self._check(operation, about, "after")

    def _check(self, operation: str, about: str, phase: str) -> None:
        if self.dead:
            raise ProcessDied
        for rule in list(self.rules):
            rule(operation, about, phase)


def failing(
    operation: str, error: BaseException, *, times: int = 1, about: str = "", phase: str = "before"
) -> FaultRule:
    """A rule that lets an operation fail so many times (about: only when it concerns this)."""
    left = [times]

    def rule(name: str, subject: str, when: str) -> None:
        if name == operation and when == phase and about in subject and left[0] > 0:
            left[0] -= 1
            raise error

    return rule
