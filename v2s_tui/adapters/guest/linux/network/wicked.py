"""wicked (SUSE): /etc/sysconfig/network/ifcfg-* with routes in `routes` and ifroute-*."""

from v2s_tui.adapters.guest.linux.network.assignments import edit_assignments, get_value
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
_NOT_WIRED = ("BONDING_MASTER", "BRIDGE", "ETHERDEVICE", "TUNNEL")


def is_used(view: GuestView) -> bool:
    """True when wicked has an interface beside the loopback."""
    return any(not path.endswith("/ifcfg-lo") for path in view.glob(f"{_FOLDER}/ifcfg-*"))


def plan(view: GuestView, nics: tuple[NicPlan, ...]) -> NetworkEdit:
    """Edit every Ethernet interface; its file takes the new name; a default route goes when DHCP brings
    one.
    """
    edit = NetworkEdit()
    texts = {
        path: view.read_text(path) or ""
        for path in view.glob(f"{_FOLDER}/ifcfg-*")
        if not path.endswith(("/ifcfg-lo", ".template"))
    }
    wired = {
        path: text for path, text in texts.items() if not any(get_value(text, key) for key in _NOT_WIRED)
    }
    interfaces = tuple(
        SourceInterface(path.rsplit("/ifcfg-", 1)[1], get_value(text, "LLADDR").lower())
        for path, text in wired.items()
    )
    for (path, text), (interface, nic) in zip(wired.items(), match_nics(interfaces, nics), strict=True):
        if nic is not None:
            edit.handled.append(nic)
            edit.move(view, path, f"{_FOLDER}/ifcfg-{nic.target_name}", edit_ifcfg(text, nic), reason_of(nic))
            _edit_routes(view, edit, interface.name, nic)
    return edit


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


def edit_routes(text: str, old_name: str, nic: NicPlan) -> str:
    """`routes` or an ifroute file: the interface renamed; default routes dropped unless addresses are
    kept.
    """
    lines = []
    for line in text.splitlines():
        words = line.split()
        if nic.mode is not NicMode.KEEP and words[:1] == ["default"]:
            continue
        lines.append(
            " ".join(nic.target_name if word == old_name else word for word in words)
            if old_name in words
            else line
        )
    if nic.mode is NicMode.STATIC and nic.gateway:
        lines.append(f"default {nic.gateway} - {nic.target_name}")
    return "\n".join(lines) + "\n" if lines else ""


def _edit_routes(view: GuestView, edit: NetworkEdit, old_name: str, nic: NicPlan) -> None:
    common = f"{_FOLDER}/routes"
    text = view.read_text(common)
    if text is not None or (nic.mode is NicMode.STATIC and nic.gateway):
        edit.write(view, common, edit_routes(text or "", old_name, nic), reason_of(nic))
    own = f"{_FOLDER}/ifroute-{old_name}"
    own_text = view.read_text(own)
    if own_text is None or old_name == nic.target_name:
        return
    if nic.mode is NicMode.KEEP:
        edit.move(
            view,
            own,
            f"{_FOLDER}/ifroute-{nic.target_name}",
            edit_routes(own_text, old_name, nic),
            reason_of(nic),
        )
    else:
        edit.remove(own, "routes of the old network")
