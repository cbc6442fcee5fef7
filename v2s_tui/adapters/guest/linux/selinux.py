"""SELinux: files written from outside carry no label, so the guest is told to label itself once."""

import re

from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.domain.guest.changes import Change, ChangeKind

RELABEL_MARK = "/.autorelabel"
_CONFIG = "/etc/selinux/config"


def selinux_mode(view: GuestView) -> str:
    """`enforcing`, `permissive`, `disabled`, or "" where there is no SELinux."""
    text = view.read_text(_CONFIG)
    match = re.search(r"^\s*SELINUX=(\w+)", text or "", re.MULTILINE)
    return match[1].lower() if match else ""


def plan_relabel(view: GuestView, changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """A relabel at the next boot, only where labels are used and something was written."""
    writes = [each for each in changes if each.kind in {ChangeKind.WRITE, ChangeKind.LINK}]
    if selinux_mode(view) not in {"enforcing", "permissive"} or not writes or view.is_file(RELABEL_MARK):
        return ()
    return (Change(ChangeKind.WRITE, RELABEL_MARK, "new files have no SELinux label; costs one more reboot"),)
