"""NetworkManager keyfiles: /etc/NetworkManager/system-connections (RHEL 9, desktops)."""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from v2s_tui.adapters.guest.linux.network.assignments import is_backup
from v2s_tui.adapters.guest.linux.network.edit import NetworkEdit, reason_of, topmost
from v2s_tui.adapters.guest.linux.network.sections import (
    Section,
    format_sections,
    parse_sections,
    section_of,
)
from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.domain.guest.network import NicMode, NicPlan, SourceInterface, match_nics

_FOLDER = "/etc/NetworkManager/system-connections"
_ETHERNET = ("ethernet", "802-3-ethernet")
_PROGRAMS = ("/usr/sbin/NetworkManager", "/usr/bin/NetworkManager")
_ADDRESSES = (
    r"address\d*", "addresses", r"route\d+.*", "routes", "gateway", "dns", "never-default", "may-fail",
    "ignore-auto-dns", "ignore-auto-routes",
)  # fmt: skip
_PINS = ("mac-address", "cloned-mac-address", "mac-address-blacklist")


def is_used(view: GuestView) -> bool:
    """True when NetworkManager is here; other packages put scripts into its folder without it."""
    return any(view.is_file(path) for path in _PROGRAMS) or bool(view.glob(f"{_FOLDER}/*"))


def new_connection(nic: NicPlan) -> tuple[str, str]:
    """Path and content of a keyfile for a NIC that has none.

    Servers of the RHEL family do not connect a NIC by themselves (no-auto-default in 00-server.conf).
    """
    sections = parse_sections(f"[connection]\nid=v2s-{nic.target_name}\ntype=ethernet\n\n[ipv4]\n")
    section_of(sections, "connection").put("interface-name", nic.target_name)
    _readdress(sections, nic)
    return f"{_FOLDER}/v2s-{nic.target_name}.nmconnection", format_sections(sections)


def plan(view: GuestView, nics: tuple[NicPlan, ...]) -> NetworkEdit:
    """Edit every wired connection; a VLAN goes on to use its card, others (VPN) stay as they are.

    A port of a bond or bridge takes the new name only; the addresses are those of its owner.
    """
    edit, readdressed = NetworkEdit(), set[str]()
    texts = {path: view.read_text(path) for path in view.glob(f"{_FOLDER}/*") if view.is_file(path)}
    parsed = {path: parse_sections(text) for path, text in texts.items() if text and not is_backup(path)}
    wired = _cards(parsed)
    interfaces = tuple(_interface(parsed[path]) for path in wired)
    for path, (interface, nic) in zip(wired, match_nics(interfaces, nics), strict=True):
        if nic is None:
            continue
        edit.take(nic, interface.name)
        sections, owner = parsed[path], topmost(path, partial(_owner, parsed))
        _edit(sections, replace(nic, mode=NicMode.KEEP) if owner else nic)
        edit.write(view, path, format_sections(sections), reason_of(nic), mode=0o600)
        _follow(view, edit, parsed, interface.name, nic)
        if owner and owner not in readdressed and nic.mode is not NicMode.KEEP:
            readdressed.add(owner)
            _readdress(parsed[owner], nic)
            edit.write(view, owner, format_sections(parsed[owner]), reason_of(nic), mode=0o600)
    return edit


def _follow(
    view: GuestView, edit: NetworkEdit, parsed: Mapping[str, list[Section]], old: str, nic: NicPlan
) -> None:
    for path, sections in parsed.items():
        for section in sections:
            if section.name == "vlan" and old and section.get("parent") == old:
                section.put("parent", nic.target_name)
                edit.write(view, path, format_sections(sections), reason_of(nic), mode=0o600)


def _cards(parsed: Mapping[str, list[Section]]) -> list[str]:
    """Files of wired connections; of several for one card that which NetworkManager brings up by itself."""
    wired = [path for path, sections in parsed.items() if _is_wired(sections)]
    chosen: dict[str, str] = {}
    for path in sorted(wired, key=lambda path: -_priority(parsed[path])):
        name = _interface(parsed[path]).name
        chosen.setdefault(name or path, path)
    return [path for path in wired if path in chosen.values()]


def _priority(sections: list[Section]) -> int:
    connection = section_of(sections, "connection")
    if connection.get("autoconnect") in {"false", "no", "0"}:
        return -1000
    number = connection.get("autoconnect-priority") or "0"
    return int(number) if re.fullmatch(r"-?\d{1,3}", number) else 0


def _owner(parsed: Mapping[str, list[Section]], port: str) -> str:
    """File of the bond or bridge that a connection is a port of; "" for no port."""
    connection = section_of(parsed[port], "connection")
    name = connection.get("controller") or connection.get("master")
    above = (path for path, each in parsed.items() if name in _called(each))
    return next(above, "") if name else ""


def _called(sections: list[Section]) -> set[str | None]:
    connection = next((each for each in sections if each.name == "connection"), Section(""))
    return {connection.get(key) for key in ("interface-name", "uuid", "id")}


def _is_wired(sections: list[Section]) -> bool:
    connection = next((each for each in sections if each.name == "connection"), None)
    return connection is not None and connection.get("type") in _ETHERNET


def _interface(sections: list[Section]) -> SourceInterface:
    wired = next((each for each in sections if each.name in _ETHERNET), Section(""))
    connection = section_of(sections, "connection")
    return SourceInterface(connection.get("interface-name") or "", (wired.get("mac-address") or "").lower())


def _edit(sections: list[Section], nic: NicPlan) -> None:
    for section in sections:
        if section.name in _ETHERNET:
            section.drop(*_PINS)
        if section.name == "match":
            section.drop("interface-name", "path", "driver")
    connection = section_of(sections, "connection")
    if connection.get("interface-name") is not None or nic.mode is not NicMode.DHCP:
        connection.put("interface-name", nic.target_name)
    if nic.mode is not NicMode.KEEP:
        connection.drop("autoconnect")
        _readdress(sections, nic)


def _readdress(sections: list[Section], nic: NicPlan) -> None:
    ipv4 = section_of(sections, "ipv4")
    ipv4.drop(*_ADDRESSES)
    ipv4.put("method", "auto" if nic.mode is NicMode.DHCP else "manual")
    if nic.mode is NicMode.STATIC:
        _put_static(ipv4, nic)
    _drop_static_ipv6(sections)


def _put_static(ipv4: Section, nic: NicPlan) -> None:
    for number, address in enumerate(nic.addresses, start=1):
        gateway = f",{nic.gateway}" if number == 1 and nic.gateway else ""
        ipv4.put(f"address{number}", f"{address}{gateway}")
    if nic.nameservers:
        ipv4.put("dns", "".join(f"{server};" for server in nic.nameservers))


def _drop_static_ipv6(sections: list[Section]) -> None:
    for section in sections:
        if section.name == "ipv6" and section.get("method") == "manual":
            section.drop(r"address\d*", "addresses", r"route\d+.*", "gateway", "dns")
            section.put("method", "auto")
