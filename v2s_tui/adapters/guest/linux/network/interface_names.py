"""What the guest calls its network interfaces: at the source, and at Scaleway.

Predictable names (ens2) need udev's own rules for them and nothing that switches them off. Source: udev(7),
systemd.link(5), systemd.net-naming-scheme(7); SUSE Linux Enterprise before 16 keeps the kernel's names unless
it boots with net.ifnames=1.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from v2s_tui.adapters.guest.linux.network.sections import parse_sections
from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.domain.guest.network import NicPlan

NAME_RULES = "/etc/udev/rules.d/*persistent-net.rules"
LINK_FILES = "/etc/systemd/network/*.link"
_RULE_FOLDERS = ("/lib/udev/rules.d", "/usr/lib/udev/rules.d")
_GENERATOR = "75-persistent-net-generator.rules"
_PREDICTABLE = ("80-net-setup-link.rules", "80-net-name-slot.rules")
_PREDICTABLE_FILES = "/etc/sysconfig/network/ifcfg-en*"
_MASKED_POLICY = "/etc/systemd/network/99-default.link"
_RULE_MAC = re.compile(r'(?:ATTRS?|SYSFS)\{address\}=="([0-9A-Fa-f:]{17})"')
_RULE_NAME = re.compile(r'\bNAME:?="([^"%$]+)"')
_FIRST_PREDICTABLE_SLE = 16


def with_names(
    view: GuestView, nics: tuple[NicPlan, ...], *, command_line: str, os_id: str, os_version: str
) -> tuple[NicPlan, ...]:
    """The plan with the names that the guest's own files are to use.

    source_name comes from what ties a name to the MAC address; target_name is eth0, eth1... where the guest
    leaves its NICs the kernel's names. command_line: what the guest boots with.
    """
    pinned = pinned_names(view)
    named = (replace(nic, source_name=nic.source_name or pinned.get(nic.source_mac, "")) for nic in nics)
    if not keeps_kernel_names(view, command_line, os_id, os_version):
        return tuple(named)
    return tuple(replace(nic, target_name=f"eth{number}") for number, nic in enumerate(named))


def keeps_kernel_names(view: GuestView, command_line: str, os_id: str, os_version: str) -> bool:
    """Whether a NIC that the guest has never seen is called eth0 there."""
    asked = re.findall(r"\bnet\.ifnames=([01])\b", command_line)
    if asked:
        return bool(asked[-1] == "0")
    if _has_rule(view, _GENERATOR) or view.link_target(_MASKED_POLICY) == "/dev/null":
        return True
    major = os_version.partition(".")[0]
    if os_id.startswith("sle") and major.isdigit() and int(major) < _FIRST_PREDICTABLE_SLE:
        return not view.glob(_PREDICTABLE_FILES)  # what it calls its NICs now outweighs the habit
    has_udev = any(view.is_folder(folder) for folder in _RULE_FOLDERS)
    return has_udev and not any(_has_rule(view, name) for name in _PREDICTABLE)


def _has_rule(view: GuestView, name: str) -> bool:
    return any(view.is_file(f"{folder}/{name}") for folder in _RULE_FOLDERS)


def pinned_names(view: GuestView) -> dict[str, str]:
    """MAC address, lower case -> the name that a udev rule or a .link file gives it."""
    rules = (line for path in view.glob(NAME_RULES) for line in (view.read_text(path) or "").splitlines())
    found = dict(pair for line in rules for pair in _of_rule(line))
    for path in view.glob(LINK_FILES):
        found |= dict(_of_link(view.read_text(path) or ""))
    return found


def _of_rule(line: str) -> Iterator[tuple[str, str]]:
    mac, name = _RULE_MAC.search(line), _RULE_NAME.search(line)
    if mac and name and not line.lstrip().startswith("#"):
        yield mac[1].lower(), name[1]


def _of_link(text: str) -> Iterator[tuple[str, str]]:
    sections = {section.name: section for section in parse_sections(text)}
    name = sections["Link"].get("Name") if "Link" in sections else None
    if name and "Match" in sections:
        for key in ("MACAddress", "PermanentMACAddress"):
            yield from ((mac.lower(), name) for mac in (sections["Match"].get(key) or "").split())
