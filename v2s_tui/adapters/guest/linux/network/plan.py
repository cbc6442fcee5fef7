"""Which configuration system of the guest is in charge, and the whole change to its network."""

from collections.abc import Callable

from v2s_tui.adapters.guest.linux.network import (
    ifcfg,
    ifupdown,
    netplan,
    network_manager,
    networkd,
    wicked,
)
from v2s_tui.adapters.guest.linux.network.edit import NetworkEdit, reason_of
from v2s_tui.adapters.guest.linux.network.mentions import mentions
from v2s_tui.adapters.guest.linux.network.pins import plan_pin_removal
from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.domain.guest.changes import Change, ChangeKind, ChangePlan
from v2s_tui.domain.guest.network import NicMode, NicPlan

_SYSTEMS: tuple[
    tuple[str, Callable[[GuestView], bool], Callable[[GuestView, tuple[NicPlan, ...]], NetworkEdit]], ...
] = (
    ("netplan", netplan.is_used, netplan.plan),
    ("ifcfg", ifcfg.is_used, ifcfg.plan),
    ("NetworkManager", network_manager.is_used, network_manager.plan),
    ("wicked", wicked.is_used, wicked.plan),
    ("networkd", networkd.is_used, networkd.plan),
    ("ifupdown", ifupdown.is_used, ifupdown.plan),
)
_NETWORKD_FILE = "/etc/systemd/network/10-v2s-{name}.network"
_NETWORKD_UNIT = "systemd-networkd.service"


def network_systems(view: GuestView) -> tuple[str, ...]:
    """Names of the configuration systems that are used, the one with authority first."""
    return tuple(name for name, is_used, _ in _SYSTEMS if is_used(view))


def plan_network(view: GuestView, nics: tuple[NicPlan, ...]) -> ChangePlan:
    """Changes so that every planned NIC comes up at the target.

    Each system sees only the NICs that no earlier one has taken. A NIC that no file mentions is given a
    configuration where the plan asks for DHCP or static addresses.
    """
    changes, warnings, left = list(plan_pin_removal(view)), list[str](), nics
    renamed: dict[str, str] = {}
    for name, is_used, plan in _SYSTEMS:
        if left and is_used(view):
            edit = plan(view, left)
            if name == "ifupdown" and _needs_client(view, edit):
                edit = _through_networkd(view, edit)
            changes += edit.changes
            warnings += edit.warnings
            renamed |= edit.renamed
            left = tuple(nic for nic in left if nic not in edit.handled)
    for nic in left:
        added, warning = _new_configuration(view, nic)
        changes += added
        warnings += [warning] if warning else []
    warnings += mentions(view, renamed)
    return ChangePlan(tuple(changes), tuple(warnings))


def _needs_client(view: GuestView, edit: NetworkEdit) -> bool:
    wants_dhcp = any(nic.mode is NicMode.DHCP for nic in edit.handled)
    return wants_dhcp and not ifupdown.has_dhcp_client(view) and _has_networkd(view)


def _has_networkd(view: GuestView) -> bool:
    folders = ("/lib/systemd/system", "/usr/lib/systemd/system")
    return any(view.is_file(f"{folder}/{_NETWORKD_UNIT}") for folder in folders)


def _through_networkd(view: GuestView, edit: NetworkEdit) -> NetworkEdit:
    """ifupdown without a DHCP client: networkd does it, and ifupdown forgets those interfaces, no others."""
    handed_over = [nic for nic in edit.handled if nic.mode is NicMode.DHCP]
    new = ifupdown.plan(view, tuple(edit.handled), strip=handed_over)
    for nic in handed_over:
        new.changes += _networkd_changes(view, nic)
        new.warnings.append(
            f"the guest has no DHCP client for ifupdown; systemd-networkd takes {nic.target_name}, and "
            "/etc/resolv.conf stays"
        )
    return new


def _networkd_changes(view: GuestView, nic: NicPlan) -> list[Change]:
    edit = NetworkEdit()
    path = _NETWORKD_FILE.format(name=nic.target_name)
    edit.write(view, path, networkd.new_network_file(nic), reason_of(nic))
    link = f"/etc/systemd/system/multi-user.target.wants/{_NETWORKD_UNIT}"
    if view.link_target(link) is None and not view.is_file(link):
        target = f"/lib/systemd/system/{_NETWORKD_UNIT}"
        edit.changes.append(Change(ChangeKind.LINK, link, "networkd must run", target=target))
    return edit.changes


def _new_configuration(view: GuestView, nic: NicPlan) -> tuple[list[Change], str]:
    if nic.mode is NicMode.KEEP:
        return [], f"no network configuration was found to keep for {nic.source_name or nic.target_name}"
    edit = NetworkEdit()
    if view.is_folder("/etc/netplan"):
        document = {"network": {"version": 2, "ethernets": {nic.target_name: {}}}}
        new = netplan.edit_document(document, netplan.Choice({nic.target_name: nic}))
        edit.write(view, netplan.NEW_FILE, netplan.dump(new), reason_of(nic), mode=0o600)
        return edit.changes, ""
    if network_manager.is_used(view):
        edit.write(view, *network_manager.new_connection(nic), reason_of(nic), mode=0o600)
        return edit.changes, ""
    if _has_networkd(view):
        return _networkd_changes(view, nic), ""
    return [], f"no known network configuration system; {nic.target_name} stays unconfigured"
