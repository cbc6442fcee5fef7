"""Changes to a guest: what a planner asks for and what an applier reports having done.

A change says why it is made. The applier saves what was there before inside the guest, so that every change
can be undone byte for byte, and a plan for a guest that is already as wanted is empty.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class InitramfsMode(StrEnum):
    """How drivers get into an initramfs that lacks them.

    OVERLAY: an archive is appended, nothing of the guest is run. REBUILD: the guest's own tool makes it anew.
    """

    OVERLAY = "overlay"
    REBUILD = "rebuild"


class ChangeKind(StrEnum):
    """WRITE: whole new content. APPEND: bytes added at the end (undone by cutting to the old size).
    REMOVE: a file or link. LINK: a symbolic link. REBUILD: a program of the guest makes the new content.
    """

    WRITE = "write"
    APPEND = "append"
    REMOVE = "remove"
    LINK = "link"
    REBUILD = "rebuild"


@dataclass(frozen=True, slots=True)
class Change:
    """One change. path: absolute in the guest. content: for WRITE and APPEND. target: for LINK.
    command: for REBUILD, the program with its arguments.

    mode: permission bits of a file that is new; an existing file keeps its own, its owner and its labels.
    """

    kind: ChangeKind
    path: str
    reason: str
    content: bytes = b""
    target: str = ""
    mode: int = 0o644
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """All changes to one guest, in the order they are made. warnings: what an operator should know."""

    changes: tuple[Change, ...] = ()
    warnings: tuple[str, ...] = ()

    def joined(self, other: "ChangePlan") -> "ChangePlan":
        """This plan followed by the other."""
        return ChangePlan(self.changes + other.changes, self.warnings + other.warnings)


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """One change that was made. existed: whether the path was there before. saved_as: path in the guest of
    the previous version ("" when there was none or the change is an APPEND).

    size_before/after in bytes, sha256_before/after hex ("" where there is no file).
    """

    kind: ChangeKind
    path: str
    reason: str
    existed: bool
    saved_as: str = ""
    size_before: int = 0
    size_after: int = 0
    sha256_before: str = ""
    sha256_after: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Every change made to one guest in one run, in order. Kept with the VM and inside the guest."""

    records: tuple[ChangeRecord, ...] = ()
    warnings: tuple[str, ...] = field(default=())
