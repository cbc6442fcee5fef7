"""ifcfg files of the RHEL family: /etc/sysconfig/network-scripts/ifcfg-*.

Which files count is what the network service and NetworkManager agree on: backups do not, and an alias
(`ifcfg-eth0:1`) or a VLAN (`ifcfg-eth0.5`) is no card of its own but follows its card.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from v2s_tui.adapters.guest.linux.network.assignments import (
    edit_assignments,
    get_value,
    ifcfg_files,
)
from v2s_tui.adapters.guest.linux.network.edit import NetworkEdit, reason_of, topmost
from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.domain.guest.network import NicMode, NicPlan, SourceInterface, match_nics

_FOLDER = "/etc/sysconfig/network-scripts"
_GLOBAL = "/etc/sysconfig/network"
_PINS = ("HWADDR", "MACADDR", "SUBCHANNELS")
_MASTERS = ("MASTER", "BRIDGE", "TEAM_MASTER", "MASTER_UUID", "BRIDGE_UUID", "TEAM_MASTER_UUID")
_ADDRESSES = (
    r"IPADDR\d*",
    r"PREFIX\d*",
    r"NETMASK\d*",
    r"GATEWAY\d*",
    r"DNS\d+",
    "NETWORK",
    "BROADCAST",
    "DEFROUTE",
    "PEERDNS",
)
_ALIAS = re.compile(r"^(?P<card>[^:]+?)(?::.+|-range\d+)$")


def is_used(view: GuestView) -> bool:
    """True when the guest has an ifcfg file beside that of the loopback."""
    return bool(ifcfg_files(view, _FOLDER))


def plan(view: GuestView, nics: tuple[NicPlan, ...]) -> NetworkEdit:
    """Edit every Ethernet interface; its file, its routes, aliases and VLANs take the new name.

    A port of a bond, a bridge or a team takes the new name only: what it belongs to has the addresses.
    """
    edit, readdressed = NetworkEdit(), set[str]()
    texts = ifcfg_files(view, _FOLDER)
    cards = _cards(texts)
    interfaces = tuple(SourceInterface(name, _mac(texts[path])) for name, path in cards.items())
    for interface, nic in match_nics(interfaces, nics):
        if nic is None:
            continue
        edit.take(nic, interface.name)
        path = cards[interface.name]
        master = topmost(path, partial(_master, texts))
        own = replace(nic, mode=NicMode.KEEP) if master else nic
        new = edit_ifcfg(texts[path], own)
        edit.move(view, path, f"{_FOLDER}/ifcfg-{nic.target_name}", new, reason_of(nic))
        _move_routes(view, edit, interface.name, own)
        _follow(view, edit, texts, interface.name, own)
        _edit_gateway_device(view, edit, interface.name, own)
        if master and master not in readdressed:
            readdressed.add(master)
            edit.write(view, master, edit_addresses(texts[master], nic), reason_of(nic))
    return edit


def _cards(texts: Mapping[str, str]) -> dict[str, str]:
    """Name of each Ethernet card -> its file; of two for the same card, the one that is called after it."""
    found: dict[str, str] = {}
    above = {get_value(text, key) for text in texts.values() for key in _MASTERS} - {""}
    for path, text in texts.items():
        name = _name(path, text)
        if (
            name not in above
            and _is_wired(text)
            and not _ALIAS.match(_file_name(path))
            and not _is_vlan(name, text)
        ):
            exact = f"{_FOLDER}/ifcfg-{name}"
            found[name] = exact if exact in texts else found.get(name, path)
    return found


def edit_ifcfg(text: str, nic: NicPlan) -> str:
    """One interface file for one NIC."""
    put = {"DEVICE": nic.target_name, "ONBOOT": "yes"}
    return edit_addresses(edit_assignments(text, drop=_PINS, put=put), nic)


def edit_addresses(text: str, nic: NicPlan) -> str:
    """A file with the addresses that the plan asks for."""
    if nic.mode is NicMode.KEEP:
        return text
    if nic.mode is NicMode.DHCP:
        return edit_assignments(text, drop=_ADDRESSES, put={"BOOTPROTO": "dhcp"})
    return edit_assignments(text, drop=_ADDRESSES, put={"BOOTPROTO": "none", **_static(nic)})


def _static(nic: NicPlan) -> dict[str, str]:
    values: dict[str, str] = {}
    for number, address in enumerate(nic.addresses):
        suffix = str(number) if number else ""
        ip, _, prefix = address.partition("/")
        values |= {f"IPADDR{suffix}": ip, f"PREFIX{suffix}": prefix or "32"}
    if nic.gateway:
        values["GATEWAY"] = nic.gateway
    return values | {f"DNS{number}": server for number, server in enumerate(nic.nameservers, start=1)}


def _file_name(path: str) -> str:
    return path.rsplit("/ifcfg-", 1)[1]


def _name(path: str, text: str) -> str:
    return get_value(text, "DEVICE") or _file_name(path)


def _mac(text: str) -> str:
    return get_value(text, "HWADDR").lower()


def _is_wired(text: str) -> bool:
    return get_value(text, "TYPE").lower() in {"", "ethernet"}


def _is_vlan(name: str, text: str) -> bool:
    return bool(get_value(text, "VLAN")) or re.fullmatch(r".+\.\d+", name) is not None


def _master(texts: Mapping[str, str], port: str) -> str:
    """File of the bond, bridge or team that an interface is a port of; "" for no port."""
    wanted = {get_value(texts[port], key) for key in _MASTERS} - {""}
    return next((path for path in texts if wanted & _called(path, texts[path])), "")


def _called(path: str, text: str) -> set[str]:
    return {_name(path, text), get_value(text, "UUID"), get_value(text, "NAME")}


def _follow(view: GuestView, edit: NetworkEdit, texts: Mapping[str, str], old: str, nic: NicPlan) -> None:
    """Aliases keep or lose their addresses with their card; VLANs go on to use it."""
    for path, text in texts.items():
        alias = _ALIAS.match(_file_name(path))
        mine = alias is not None and alias["card"] == old
        below = {get_value(text, "PHYSDEV"), _name(path, text).rpartition(".")[0]}
        if mine and nic.mode is not NicMode.KEEP:
            edit.remove(path, "address of the old network")
        elif mine or (_is_vlan(_name(path, text), text) and old in below):
            edit.move(view, path, *_renamed(path, text, old, nic.target_name), reason_of(nic))


def _renamed(path: str, text: str, old: str, new: str) -> tuple[str, str]:
    """Path and content for a card that has another name."""

    def renamed(name: str) -> str:
        return re.sub(rf"^{re.escape(old)}(?=$|[.:-])", new, name)

    put = {key: renamed(value) for key in ("DEVICE", "PHYSDEV") if (value := get_value(text, key))}
    content = edit_assignments(text, put=put) if put else text
    return f"{_FOLDER}/ifcfg-{renamed(_file_name(path))}", content


def _edit_gateway_device(view: GuestView, edit: NetworkEdit, old: str, nic: NicPlan) -> None:
    """The interface that alone may have the default route."""
    text = view.read_text(_GLOBAL) or ""
    if get_value(text, "GATEWAYDEV") != old:
        return
    if nic.mode is NicMode.KEEP:
        new = edit_assignments(text, put={"GATEWAYDEV": nic.target_name})
    else:
        new = edit_assignments(text, drop=("GATEWAYDEV",), put={})
    edit.write(view, _GLOBAL, new, reason_of(nic))


def _move_routes(view: GuestView, edit: NetworkEdit, old_name: str, nic: NicPlan) -> None:
    for kind in ("route", "route6", "rule", "rule6"):
        path = f"{_FOLDER}/{kind}-{old_name}"
        text = view.read_text(path)
        if text is None or old_name == nic.target_name:
            continue
        if nic.mode is NicMode.KEEP:
            new = text.replace(f"dev {old_name}", f"dev {nic.target_name}")
            edit.move(view, path, f"{_FOLDER}/{kind}-{nic.target_name}", new, reason_of(nic))
        else:
            edit.remove(path, "routes of the old network")
