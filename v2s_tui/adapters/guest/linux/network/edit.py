"""What every network editor returns and how file edits become changes."""

from collections.abc import Callable
from dataclasses import dataclass, field

from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.domain.guest.changes import Change, ChangeKind
from v2s_tui.domain.guest.network import NicMode, NicPlan

DHCP_REASON = "network by DHCP on the new interface, as the plan asks"
KEEP_REASON = "same addresses under the new interface name"
STATIC_REASON = "addresses that the plan gives"
_MOST_LAYERS = 4
"""A bond in a bridge is two; files that name each other end here."""


@dataclass(slots=True)
class NetworkEdit:
    """Changes of one configuration system. handled: plan entries that found their interface. renamed: what
    the guest called it -> what it will be called.
    """

    changes: list[Change] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    handled: list[NicPlan] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    _wanted: set[str] = field(default_factory=set)

    def take(self, nic: NicPlan, name: str) -> None:
        """A plan entry has found its interface, which has this name now."""
        self.handled.append(nic)
        if name != nic.target_name:
            self.renamed[name] = nic.target_name

    def write(self, view: GuestView, path: str, text: str, reason: str, *, mode: int = 0o644) -> None:
        """Add a WRITE unless the file has this text already."""
        if view.read_text(path) != text:
            content = text.encode("utf-8", "surrogateescape")
            self.changes.append(Change(ChangeKind.WRITE, path, reason, content=content, mode=mode))

    def move(self, view: GuestView, old: str, new: str, text: str, reason: str) -> None:
        """Write under a new name and remove the old file; two files may change names with each other."""
        self._wanted.add(new)
        self.changes = [each for each in self.changes if each.path != new]
        self.write(view, new, text, reason)
        if new != old:
            self.remove(old, f"renamed to {new.rsplit('/', 1)[-1]}")

    def remove(self, path: str, reason: str) -> None:
        """Remove a file, unless another one was moved to its place."""
        if path not in self._wanted:
            self.changes.append(Change(ChangeKind.REMOVE, path, reason))


def reason_of(nic: NicPlan) -> str:
    """Why a NIC's configuration changes, for the manifest."""
    return {NicMode.KEEP: KEEP_REASON, NicMode.DHCP: DHCP_REASON, NicMode.STATIC: STATIC_REASON}[nic.mode]


def topmost(path: str, above: Callable[[str], str]) -> str:
    """File of the bond or bridge at the top of what an interface is a port of, which has the addresses.

    path: of the interface. above: the file of what a file's interface is a port of. Both give "" for no port.
    """
    found = ""
    for _ in range(_MOST_LAYERS):
        path = above(path)
        if not path:
            break
        found = path
    return found
