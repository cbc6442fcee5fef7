"""wicked (SUSE): /etc/sysconfig/network/ifcfg-* with routes in `routes` and ifroute-*."""

import re
from dataclasses import replace

from v2s_tui.adapters.guest.linux.network.assignments import edit_assignments, get_value, ifcfg_files
from v2s_tui.adapters.guest.linux.network.edit import NetworkEdit, reason_of
from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.domain.guest.network import NicMode, NicPlan, SourceInterface, match_nics

_FOLDER = "/etc/sysconfig/network"
_PINS = ("LLADDR", "HWADDR")
_ADDRESSES = (
    r"IPADDR(_\w+)?",
    r"NETMASK(_\w+)?",
    r"PREFIXLEN(_\w+)?",
    r"BROADCAST(_\w+)?",
    r"NETWORK(_\w+)?",
    r"LABEL_\w+",
)
_PORT_KEYS = r"BONDING_SLAVE_?\w+|BRIDGE_PORTS"
_CONFIG, _SERVERS = f"{_FOLDER}/config", "NETCONFIG_DNS_STATIC_SERVERS"
_NOT_WIRED = ("BONDING_MASTER", "BRIDGE", "ETHERDEVICE", "TUNNEL")


def is_used(view: GuestView) -> bool:
    """True when wicked has an interface beside the loopback."""
    return bool(ifcfg_files(view, _FOLDER))


def plan(view: GuestView, nics: tuple[NicPlan, ...]) -> NetworkEdit:
    """Edit every Ethernet interface; its file takes the new name; a default route goes when DHCP brings
    one. A port of a bond or bridge takes the new name only; the addresses are those of its owner.
    """
    edit = NetworkEdit()
    texts = ifcfg_files(view, _FOLDER)
    wired = {
        path: text for path, text in texts.items() if not any(get_value(text, key) for key in _NOT_WIRED)
    }
    interfaces = tuple(
        SourceInterface(path.rsplit("/ifcfg-", 1)[1], get_value(text, "LLADDR").lower())
        for path, text in wired.items()
    )
    matched = tuple(zip(wired, match_nics(interfaces, nics), strict=True))
    found = {interface.name: nic for _, (interface, nic) in matched if nic is not None}
    owners = {port: path for path, text in texts.items() for port in _ports(text)}
    for path, (interface, nic) in matched:
        if nic is not None:
            own = replace(nic, mode=NicMode.KEEP) if interface.name in owners else nic
            new = edit_ifcfg(wired[path], own)
            edit.move(view, path, f"{_FOLDER}/ifcfg-{nic.target_name}", new, reason_of(nic))
            _move_own_routes(view, edit, interface.name, own)
    for name, nic in found.items():
        edit.take(nic, name)
    _edit_others(view, edit, {path: texts[path] for path in texts if path not in wired}, found)
    _edit_common_routes(view, edit, found)
    _edit_resolver(view, edit)
    return edit


def _edit_resolver(view: GuestView, edit: NetworkEdit) -> None:
    """Name servers are common to all interfaces: those of the old network go with its last address."""
    text = view.read_text(_CONFIG)
    if text is None or not edit.handled or any(nic.mode is NicMode.KEEP for nic in edit.handled):
        return
    servers = dict.fromkeys(server for nic in edit.handled for server in nic.nameservers)
    if servers or get_value(text, _SERVERS):
        new = edit_assignments(text, put={_SERVERS: " ".join(servers)})
        edit.write(view, _CONFIG, new, "name servers of the new network")


def _ports(text: str) -> list[str]:
    """Cards that a bond or bridge is made of."""
    return [word for value in _references(text, _PORT_KEYS) for word in value.split()]


def _references(text: str, pattern: str) -> list[str]:
    keys = dict.fromkeys(re.findall(rf"^\s*({pattern})=", text, re.MULTILINE))
    return [get_value(text, key) for key in keys]


def _edit_others(
    view: GuestView, edit: NetworkEdit, texts: dict[str, str], found: dict[str, NicPlan]
) -> None:
    """Bonds, bridges and VLANs name their cards; the first two have addresses that may be replaced."""
    for path, text in texts.items():
        used = [found[port] for port in _ports(text) if port in found]
        new = re.sub(
            rf"^(\s*(?:{_PORT_KEYS}|ETHERDEVICE)=)(.*)$",
            lambda match: match[1] + re.sub(r"[\w.-]+", lambda word: _renamed(word[0], found), match[2]),
            text,
            flags=re.MULTILINE,
        )
        if used:
            new = edit_ifcfg(new, used[0])
        if new != text:
            edit.write(view, path, new, reason_of(used[0]) if used else "interface names of the new machine")


def _renamed(name: str, found: dict[str, NicPlan]) -> str:
    return found[name].target_name if name in found else name


def edit_ifcfg(text: str, nic: NicPlan) -> str:
    """One interface file for one NIC."""
    if nic.mode is NicMode.KEEP:
        return edit_assignments(text, drop=_PINS, put={})
    drop = (*_PINS, *_ADDRESSES)
    if nic.mode is NicMode.DHCP:
        return edit_assignments(text, drop=drop, put={"BOOTPROTO": "dhcp", "STARTMODE": "auto"})
    addresses = {
        f"IPADDR{f'_{number}' if number else ''}": address for number, address in enumerate(nic.addresses)
    }
    return edit_assignments(text, drop=drop, put={"BOOTPROTO": "static", "STARTMODE": "auto", **addresses})


def edit_routes(text: str, found: dict[str, NicPlan]) -> str:
    """`routes` or an ifroute file: interfaces renamed; default routes dropped unless addresses are kept.

    found: plan entries by the old name of their interface.
    """
    kept = any(nic.mode is NicMode.KEEP for nic in found.values())
    lines = []
    for line in text.splitlines():
        words = line.split()
        device = words[3] if len(words) > 3 else "-"
        replaced = found[device].mode is not NicMode.KEEP if device in found else device == "-" and not kept
        if words[:1] == ["default"] and replaced:
            continue
        known = any(word in found for word in words)
        lines.append(" ".join(_renamed(word, found) for word in words) if known else line)
    lines += [
        f"default {nic.gateway} - {nic.target_name}"
        for nic in found.values()
        if nic.mode is NicMode.STATIC and nic.gateway
    ]
    return "\n".join(lines) + "\n" if lines else ""


def _edit_common_routes(view: GuestView, edit: NetworkEdit, found: dict[str, NicPlan]) -> None:
    common = f"{_FOLDER}/routes"
    text = view.read_text(common)
    new = edit_routes(text or "", found)
    if found and (new or text):
        edit.write(view, common, new, reason_of(next(iter(found.values()))))


def _move_own_routes(view: GuestView, edit: NetworkEdit, old_name: str, nic: NicPlan) -> None:
    own = f"{_FOLDER}/ifroute-{old_name}"
    text = view.read_text(own)
    if text is None or old_name == nic.target_name:
        return
    if nic.mode is NicMode.KEEP:
        new = edit_routes(text, {old_name: nic})
        edit.move(view, own, f"{_FOLDER}/ifroute-{nic.target_name}", new, reason_of(nic))
    else:
        edit.remove(own, "routes of the old network")
