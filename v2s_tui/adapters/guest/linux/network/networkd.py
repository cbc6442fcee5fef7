"""systemd-networkd: /etc/systemd/network/*.network and the .link files that pin names to MAC addresses."""

import re
from functools import partial

from v2s_tui.adapters.guest.linux.network.edit import NetworkEdit, reason_of, topmost
from v2s_tui.adapters.guest.linux.network.sections import (
    Section,
    format_sections,
    parse_sections,
    section_of,
)
from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.domain.guest.network import NicMode, NicPlan, SourceInterface, match_nics

_FOLDER = "/etc/systemd/network"
_MATCH_KEYS = ("MACAddress", "PermanentMACAddress", "Path", "OriginalName", "Name", "Driver")
_SOFTWARE = re.compile(r"(veth|docker|br-|virbr|cali|cilium|flannel|cni|lxc|vxlan|wg|tun|tap|dummy|lo$)")
"""Interfaces that containers and tunnels make; files say no more of them than their names."""


def is_used(view: GuestView) -> bool:
    """True when networkd has network files of the administrator."""
    return bool(view.glob(f"{_FOLDER}/*.network"))


def plan(view: GuestView, nics: tuple[NicPlan, ...]) -> NetworkEdit:
    """Edit every network file that matches a plan entry; wildcards such as `en*` match by order.

    A port of a bond or bridge takes the new name only: the file of its owner has the addresses.
    """
    edit, readdressed = NetworkEdit(), set[str]()
    parsed = {path: parse_sections(view.read_text(path) or "") for path in view.glob(f"{_FOLDER}/*.network")}
    virtual = _virtual_names(view)
    physical = {path: sections for path, sections in parsed.items() if _is_physical(sections, virtual)}
    interfaces = tuple(_interface(sections) for sections in physical.values())
    for (path, sections), (interface, nic) in zip(
        physical.items(), match_nics(interfaces, nics), strict=True
    ):
        if nic is None:
            continue
        edit.take(nic, interface.name)
        owner = topmost(path, partial(_owner, parsed))
        named = _named(sections, nic)
        edit.write(view, path, format_sections(named if owner else _readdressed(named, nic)), reason_of(nic))
        if owner and owner not in readdressed:
            readdressed.add(owner)
            edit.write(view, owner, format_sections(_readdressed(parsed[owner], nic)), reason_of(nic))
    return edit


def _virtual_names(view: GuestView) -> frozenset[str]:
    """What networkd itself makes: bonds, bridges, VLANs."""
    texts = (view.read_text(path) or "" for path in view.glob(f"{_FOLDER}/*.netdev"))
    names = (section_of(parse_sections(text), "NetDev").get("Name") for text in texts)
    return frozenset(name for name in names if name)


def _owner(parsed: dict[str, list[Section]], port: str) -> str:
    """File of the bond or bridge that an interface is a port of; "" for no port."""
    network = section_of(list(parsed[port]), "Network")
    name = network.get("Bond") or network.get("Bridge")
    above = (path for path, each in parsed.items() if section_of(list(each), "Match").get("Name") == name)
    return next(above, "") if name else ""


def edit_network_file(text: str, nic: NicPlan) -> str:
    """One .network file for one NIC."""
    return format_sections(_readdressed(_named(parse_sections(text), nic), nic))


def new_network_file(nic: NicPlan) -> str:
    """A .network file from nothing, for a guest whose own system cannot do what the plan asks."""
    return edit_network_file("[Match]\n\n[Network]\n", nic)


def _is_physical(sections: list[Section], virtual: frozenset[str]) -> bool:
    match = section_of(sections, "Match")
    names = (match.get("Name") or "").split()
    if names and all(name in virtual or _SOFTWARE.match(name) for name in names):
        return False
    if section_of(list(sections), "Link").get("Unmanaged") in {"yes", "true", "1"}:
        return False
    return (match.get("Type") or "ether") == "ether" and match.get("Kind") is None


def _interface(sections: list[Section]) -> SourceInterface:
    match = section_of(sections, "Match")
    mac = match.get("MACAddress") or match.get("PermanentMACAddress") or ""
    return SourceInterface(match.get("Name") or "", mac.lower())


def _named(sections: list[Section], nic: NicPlan) -> list[Section]:
    match = section_of(sections, "Match")
    match.drop(*_MATCH_KEYS)
    match.put("Name", nic.target_name)
    for section in sections:
        if section.name == "Link":
            section.drop("MACAddress")
    return sections


def _readdressed(sections: list[Section], nic: NicPlan) -> list[Section]:
    if nic.mode is NicMode.KEEP:
        return sections
    kept = [each for each in sections if each.name not in {"Address", "Route"}]
    network = section_of(kept, "Network")
    network.drop("Address", "Gateway", "DNS", "DHCP")
    network.put("DHCP", "yes" if nic.mode is NicMode.DHCP else "no")
    if nic.mode is NicMode.STATIC:
        network.lines = [line for line in network.lines if line.strip()]
        network.lines += [f"Address={address}" for address in nic.addresses]
        network.lines += [f"Gateway={nic.gateway}"] if nic.gateway else []
        network.lines += [f"DNS={server}" for server in nic.nameservers]
    return kept
