"""SELinux in a guest: whether it is used.

No relabel is asked for: a file that is edited keeps its label, a new one is given that of its folder
(worker/changing.py), which is what the guest's own kernel would do. A relabel of the whole system costs
minutes and a reboot.
"""

import re

from v2s_tui.adapters.guest.linux.view import GuestView

_CONFIG = "/etc/selinux/config"


def selinux_mode(view: GuestView) -> str:
    """`enforcing`, `permissive`, `disabled`, or "" where there is no SELinux."""
    text = view.read_text(_CONFIG)
    match = re.search(r"^\s*SELINUX=(\w+)", text or "", re.MULTILINE)
    return match[1].lower() if match else ""
