"""Rules that tie interface names to the MAC addresses of VMware: removed, since the new NIC has another."""

import re

from v2s_tui.adapters.guest.linux.network.interface_names import LINK_FILES, NAME_RULES
from v2s_tui.adapters.guest.linux.network.sections import parse_sections
from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.domain.guest.changes import Change, ChangeKind

_RULES = (
    NAME_RULES,
    "/etc/udev/rules.d/*persistent-cd.rules",
    "/etc/udev/rules.d/*net-setup-link.rules",
)
_VMWARE_MAC = re.compile(r"\b00:(?:50:56|0c:29|05:69|1c:14)(?::[0-9a-f]{2}){3}\b", re.IGNORECASE)


def plan_pin_removal(view: GuestView) -> tuple[Change, ...]:
    """Persistent-net rules, and .link files that match a MAC address."""
    changes = []
    for pattern in _RULES:
        changes += [
            Change(ChangeKind.REMOVE, path, "it pins interface names to the old MAC addresses")
            for path in view.glob(pattern)
        ]
    changes += [
        Change(ChangeKind.REMOVE, path, "it pins an interface name to an old MAC address")
        for path in view.glob(LINK_FILES)
        if _pins_mac(view.read_text(path) or "")
    ]
    return tuple(changes)


def _pins_mac(text: str) -> bool:
    match = [section for section in parse_sections(text) if section.name == "Match"]
    keys = ("MACAddress", "PermanentMACAddress")
    return any(section.get(key) for section in match for key in keys) or bool(_VMWARE_MAC.search(text))
