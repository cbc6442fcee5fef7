"""systemd-networkd: /etc/systemd/network/*.network and the .link files that pin names to MAC addresses."""

from v2s_tui.adapters.guest.linux.network.edit import NetworkEdit, reason_of
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


def is_used(view: GuestView) -> bool:
    """True when networkd has network files of the administrator."""
    return bool(view.glob(f"{_FOLDER}/*.network"))


def plan(view: GuestView, nics: tuple[NicPlan, ...]) -> NetworkEdit:
    """Edit every network file that matches a plan entry; wildcards such as `en*` match by order."""
    edit = NetworkEdit()
    parsed = {path: parse_sections(view.read_text(path) or "") for path in view.glob(f"{_FOLDER}/*.network")}
    physical = {path: sections for path, sections in parsed.items() if _is_physical(sections)}
    interfaces = tuple(_interface(sections) for sections in physical.values())
    for (path, sections), (_, nic) in zip(physical.items(), match_nics(interfaces, nics), strict=True):
        if nic is not None:
            edit.handled.append(nic)
            edit.write(view, path, format_sections(_edited(sections, nic)), reason_of(nic))
    return edit


def edit_network_file(text: str, nic: NicPlan) -> str:
    """One .network file for one NIC."""
    return format_sections(_edited(parse_sections(text), nic))


def new_network_file(nic: NicPlan) -> str:
    """A .network file from nothing, for a guest whose own system cannot do what the plan asks."""
    return edit_network_file("[Match]\n\n[Network]\n", nic)


def _is_physical(sections: list[Section]) -> bool:
    match = section_of(sections, "Match")
    return (match.get("Type") or "ether") == "ether" and match.get("Kind") is None


def _interface(sections: list[Section]) -> SourceInterface:
    match = section_of(sections, "Match")
    mac = match.get("MACAddress") or match.get("PermanentMACAddress") or ""
    return SourceInterface(match.get("Name") or "", mac.lower())


def _edited(sections: list[Section], nic: NicPlan) -> list[Section]:
    match = section_of(sections, "Match")
    match.drop(*_MATCH_KEYS)
    match.put("Name", nic.target_name)
    for section in sections:
        if section.name == "Link":
            section.drop("MACAddress")
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
