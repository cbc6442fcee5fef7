"""What would be done to a guest, as an operator reads it before anything is done."""

from dataclasses import dataclass

from v2s_tui.domain.guest.changes import Change, ChangeKind
from v2s_tui.domain.guest.refusals import Refusal


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One change. stage: as plans name it. action: `write`, `append`, `remove`, `link`, `set`, `convert`...

    target: a path, a registry key or a disk. reason: why, one sentence.
    """

    stage: str
    action: str
    target: str
    reason: str


@dataclass(frozen=True, slots=True)
class GuestPlan:
    """What was found, what would be done, what an operator should know, and why nothing would be done.

    found: name and value of each thing that was looked for, in the order people want to read them; empty when
    the disk itself is refused. steps: empty where refusals are not.
    """

    found: tuple[tuple[str, str], ...] = ()
    steps: tuple[PlannedStep, ...] = ()
    warnings: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()


def file_step(stage: str, change: Change) -> PlannedStep:
    """A change to a file of the guest."""
    size = f" (+{len(change.content):,} bytes)" if change.kind is ChangeKind.APPEND else ""
    target = f" -> {change.target}" if change.kind is ChangeKind.LINK else ""
    return PlannedStep(stage, change.kind.value, f"{change.path}{size}{target}", change.reason)
