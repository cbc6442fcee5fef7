"""NetworkManager keyfiles: /etc/NetworkManager/system-connections (RHEL 9, desktops)."""

from v2s_tui.adapters.guest.linux.network.edit import NetworkEdit, reason_of
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
_PINS = ("mac-address", "cloned-mac-address", "mac-address-blacklist")


def is_used(view: GuestView) -> bool:
    """True when NetworkManager is configured here."""
    return view.is_folder("/etc/NetworkManager")


def plan(view: GuestView, nics: tuple[NicPlan, ...]) -> NetworkEdit:
    """Edit every wired connection; others (VPN, bond, bridge) stay as they are."""
    edit = NetworkEdit()
    texts = {path: view.read_text(path) for path in view.glob(f"{_FOLDER}/*") if view.is_file(path)}
    parsed = {path: parse_sections(text) for path, text in texts.items() if text}
    wired = {path: sections for path, sections in parsed.items() if _is_wired(sections)}
    interfaces = tuple(_interface(sections) for sections in wired.values())
    for (path, sections), (_, nic) in zip(wired.items(), match_nics(interfaces, nics), strict=True):
        if nic is not None:
            edit.handled.append(nic)
            _edit(sections, nic)
            edit.write(view, path, format_sections(sections), reason_of(nic), mode=0o600)
    return edit


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
    connection = section_of(sections, "connection")
    if connection.get("interface-name") is not None or nic.mode is not NicMode.DHCP:
        connection.put("interface-name", nic.target_name)
    if nic.mode is NicMode.KEEP:
        return
    ipv4 = section_of(sections, "ipv4")
    ipv4.drop(
        r"address\d*", "addresses", r"route\d+.*", "routes", "gateway", "dns", "never-default", "may-fail"
    )
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
