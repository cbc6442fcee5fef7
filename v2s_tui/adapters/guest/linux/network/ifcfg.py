"""ifcfg files of the RHEL family: /etc/sysconfig/network-scripts/ifcfg-*."""

from v2s_tui.adapters.guest.linux.network.assignments import edit_assignments, get_value
from v2s_tui.adapters.guest.linux.network.edit import NetworkEdit, reason_of
from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.domain.guest.network import NicMode, NicPlan, SourceInterface, match_nics

_FOLDER = "/etc/sysconfig/network-scripts"
_PINS = ("HWADDR", "MACADDR", "SUBCHANNELS")
_ADDRESSES = (
    r"IPADDR\d*",
    r"PREFIX\d*",
    r"NETMASK\d*",
    r"GATEWAY\d*",
    r"DNS\d+",
    "NETWORK",
    "BROADCAST",
    "DEFROUTE",
)


def is_used(view: GuestView) -> bool:
    """True when the guest has an ifcfg file beside that of the loopback."""
    return any(not path.endswith("/ifcfg-lo") for path in view.glob(f"{_FOLDER}/ifcfg-*"))


def plan(view: GuestView, nics: tuple[NicPlan, ...]) -> NetworkEdit:
    """Edit every Ethernet interface; its file and its routes take the new name."""
    edit = NetworkEdit()
    texts = {path: view.read_text(path) or "" for path in view.glob(f"{_FOLDER}/ifcfg-*")}
    wired = {path: text for path, text in texts.items() if _is_wired(path, text)}
    interfaces = tuple(_interface(path, text) for path, text in wired.items())
    for (path, text), (interface, nic) in zip(wired.items(), match_nics(interfaces, nics), strict=True):
        if nic is not None:
            edit.handled.append(nic)
            edit.move(view, path, f"{_FOLDER}/ifcfg-{nic.target_name}", edit_ifcfg(text, nic), reason_of(nic))
            _move_routes(view, edit, interface.name, nic)
    return edit


def edit_ifcfg(text: str, nic: NicPlan) -> str:
    """One interface file for one NIC."""
    put = {"DEVICE": nic.target_name, "ONBOOT": "yes"}
    if nic.mode is NicMode.KEEP:
        return edit_assignments(text, drop=_PINS, put=put)
    if nic.mode is NicMode.DHCP:
        return edit_assignments(text, drop=(*_PINS, *_ADDRESSES), put={**put, "BOOTPROTO": "dhcp"})
    return edit_assignments(
        text, drop=(*_PINS, *_ADDRESSES), put={**put, "BOOTPROTO": "none", **_static(nic)}
    )


def _static(nic: NicPlan) -> dict[str, str]:
    values: dict[str, str] = {}
    for number, address in enumerate(nic.addresses):
        suffix = str(number) if number else ""
        ip, _, prefix = address.partition("/")
        values |= {f"IPADDR{suffix}": ip, f"PREFIX{suffix}": prefix or "32"}
    if nic.gateway:
        values["GATEWAY"] = nic.gateway
    return values | {f"DNS{number}": server for number, server in enumerate(nic.nameservers, start=1)}


def _is_wired(path: str, text: str) -> bool:
    kind = get_value(text, "TYPE").lower()
    return not path.endswith("/ifcfg-lo") and kind in {"", "ethernet"} and not get_value(text, "VLAN")


def _interface(path: str, text: str) -> SourceInterface:
    name = get_value(text, "DEVICE") or path.rsplit("/ifcfg-", 1)[1]
    return SourceInterface(name, get_value(text, "HWADDR").lower())


def _move_routes(view: GuestView, edit: NetworkEdit, old_name: str, nic: NicPlan) -> None:
    for kind in ("route", "route6"):
        path = f"{_FOLDER}/{kind}-{old_name}"
        text = view.read_text(path)
        if text is None or old_name == nic.target_name:
            continue
        if nic.mode is NicMode.KEEP:
            new = text.replace(f"dev {old_name}", f"dev {nic.target_name}")
            edit.move(view, path, f"{_FOLDER}/{kind}-{nic.target_name}", new, reason_of(nic))
        else:
            edit.remove(path, "routes of the old network")
