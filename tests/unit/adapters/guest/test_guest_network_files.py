"""Network configuration of every system, by the three modes: kept, DHCP, static."""

import pytest
import yaml
from fakes.guest_files import TextFiles

from v2s_tui.adapters.guest.linux.network import (
    ifcfg,
    ifupdown,
    netplan,
    network_manager,
    networkd,
    wicked,
)
from v2s_tui.adapters.guest.linux.network.plan import network_systems, plan_network
from v2s_tui.domain.guest.changes import ChangeKind
from v2s_tui.domain.guest.network import NicMode, NicPlan

DHCP = NicPlan()
KEEP = NicPlan(NicMode.KEEP)
STATIC = NicPlan(NicMode.STATIC, addresses=("10.9.0.5/24",), gateway="10.9.0.1", nameservers=("1.1.1.1",))
MAC = "00:50:56:aa:bb:cc"

NETPLAN = f"""network:
  version: 2
  renderer: networkd
  ethernets:
    ens192:
      match: {{macaddress: "{MAC}"}}
      set-name: ens192
      addresses: [192.168.1.10/24]
      routes: [{{to: default, via: 192.168.1.1}}]
      nameservers: {{addresses: [8.8.8.8]}}
      mtu: 9000
  vlans:
    vlan5: {{id: 5, link: ens192, addresses: [10.5.0.1/24]}}
"""


def netplan_after(nic: NicPlan) -> dict[str, object]:
    view = TextFiles({"/etc/netplan/01.yaml": NETPLAN})
    edit = netplan.plan(view, (nic,))
    document = yaml.safe_load(edit.changes[0].content)["network"]
    assert document["vlans"]["vlan5"]["link"] == "ens2"
    assert document["renderer"] == "networkd"
    return dict(document["ethernets"])


def test_netplan() -> None:
    match = {"driver": "virtio_net"}
    assert netplan_after(DHCP) == {"ens2": {"match": match, "mtu": 9000, "dhcp4": True}}
    kept = netplan_after(KEEP)["ens2"]
    assert isinstance(kept, dict)
    assert (kept["match"], kept["addresses"], "set-name" in kept) == (match, ["192.168.1.10/24"], False)
    assert netplan_after(STATIC)["ens2"] == {
        "match": match,
        "mtu": 9000,
        "dhcp4": False,
        "addresses": ["10.9.0.5/24"],
        "routes": [{"to": "default", "via": "10.9.0.1"}],
        "nameservers": {"addresses": ["1.1.1.1"]},
    }


def test_damaged_netplan_is_left_and_reported() -> None:
    edit = netplan.plan(TextFiles({"/etc/netplan/01.yaml": "network: [\n"}), (DHCP,))
    assert (edit.changes, len(edit.warnings)) == ([], 1)


KEYFILE = f"""[connection]
id=ens192
type=ethernet
interface-name=ens192

[ethernet]
mac-address={MAC.upper()}

[ipv4]
address1=192.168.1.10/24,192.168.1.1
dns=8.8.8.8;
method=manual

[ipv6]
method=disabled
"""


def keyfile_for(nic: NicPlan) -> str:
    path = "/etc/NetworkManager/system-connections/ens192.nmconnection"
    return network_manager.plan(TextFiles({path: KEYFILE}), (nic,)).changes[0].content.decode()


def test_network_manager() -> None:
    kept = keyfile_for(KEEP)
    assert kept == KEYFILE.replace("interface-name=ens192", "interface-name=ens2").replace(
        f"mac-address={MAC.upper()}\n", ""
    )
    dhcp = keyfile_for(DHCP)
    assert "method=auto" in dhcp
    assert "address1" not in dhcp
    static = keyfile_for(STATIC)
    assert "address1=10.9.0.5/24,10.9.0.1\ndns=1.1.1.1;" in static


IFCFG = f"""TYPE=Ethernet
BOOTPROTO=none
NAME=ens192
DEVICE=ens192
HWADDR={MAC}
ONBOOT=no
IPADDR=192.168.1.10
PREFIX=24
GATEWAY=192.168.1.1
DNS1="8.8.8.8"
ZONE=public
"""


def test_ifcfg() -> None:
    assert ifcfg.edit_ifcfg(IFCFG, DHCP) == (
        "TYPE=Ethernet\nBOOTPROTO=dhcp\nNAME=ens192\nDEVICE=ens2\nONBOOT=yes\nZONE=public\n"
    )
    assert "IPADDR=192.168.1.10\n" in ifcfg.edit_ifcfg(IFCFG, KEEP)
    assert "HWADDR" not in ifcfg.edit_ifcfg(IFCFG, KEEP)
    static = ifcfg.edit_ifcfg(IFCFG, STATIC)
    assert "IPADDR=10.9.0.5\nPREFIX=24\nGATEWAY=10.9.0.1\nDNS1=1.1.1.1\n" in static


def test_ifcfg_files_are_renamed_with_their_routes() -> None:
    folder = "/etc/sysconfig/network-scripts"
    view = TextFiles(
        {f"{folder}/ifcfg-ens192": IFCFG, f"{folder}/route-ens192": "10.0.0.0/8 via 192.168.1.2 dev ens192\n"}
    )
    changes = {change.path: change for change in ifcfg.plan(view, (KEEP,)).changes}
    assert changes[f"{folder}/ifcfg-ens192"].kind is ChangeKind.REMOVE
    assert changes[f"{folder}/route-ens2"].content == b"10.0.0.0/8 via 192.168.1.2 dev ens2\n"


def test_wicked() -> None:
    before = "BOOTPROTO='static'\nSTARTMODE='auto'\nIPADDR='192.168.1.10/24'\nZONE=public\n"
    assert wicked.edit_ifcfg(before, DHCP) == "BOOTPROTO=dhcp\nSTARTMODE='auto'\nZONE=public\n"
    assert wicked.edit_ifcfg(before, KEEP) == before
    assert wicked.edit_routes(
        "default 192.168.1.1 - eth0\n10.0.0.0/8 192.168.1.2 - eth0\n", {"eth0": DHCP}
    ) == ("10.0.0.0/8 192.168.1.2 - ens2\n")


def test_networkd() -> None:
    before = f"[Match]\nMACAddress={MAC}\n\n[Network]\nAddress=192.168.1.10/24\nGateway=192.168.1.1\n"
    before += "IPForward=yes\n\n[Route]\nGateway=1.2.3.4\n"
    assert (
        networkd.edit_network_file(before, DHCP)
        == "[Match]\nName=ens2\n\n[Network]\nIPForward=yes\nDHCP=yes\n\n"[:-1]
    )
    assert "Address=192.168.1.10/24" in networkd.edit_network_file(before, KEEP)
    assert "Address=10.9.0.5/24\nGateway=10.9.0.1\nDNS=1.1.1.1" in networkd.edit_network_file(before, STATIC)


INTERFACES = """source /etc/network/interfaces.d/*
auto lo
iface lo inet loopback

# The primary network interface
allow-hotplug ens192
iface ens192 inet static
    address 192.168.1.10/24
    gateway 192.168.1.1
    hwaddress 00:50:56:aa:bb:cc

auto ens192:0
iface ens192:0 inet static
    address 192.168.1.11/24

iface ens192 inet6 static
    address 2001:db8::2/64

auto ens192.5
iface ens192.5 inet manual
    vlan-raw-device ens192
"""


def test_ifupdown_keeps_and_replaces() -> None:
    kept = ifupdown.edit_interfaces(INTERFACES, "ens192", KEEP)
    assert kept == INTERFACES.replace("ens192", "ens2").replace("    hwaddress 00:50:56:aa:bb:cc\n", "")
    dhcp = ifupdown.edit_interfaces(INTERFACES, "ens192", DHCP)
    assert "iface ens2 inet dhcp\n" in dhcp
    assert "192.168.1.10" not in dhcp
    assert "inet6" not in dhcp
    assert "vlan-raw-device ens2" in dhcp
    static = ifupdown.edit_interfaces(INTERFACES, "ens192", STATIC)
    assert "iface ens2 inet static\n    address 10.9.0.5/24\n    gateway 10.9.0.1\n" in static


def test_ifupdown_without_a_dhcp_client_hands_over_to_networkd() -> None:
    view = TextFiles(
        {"/etc/network/interfaces": INTERFACES, "/lib/systemd/system/systemd-networkd.service": ""}
    )
    plan = plan_network(view, (DHCP,))
    changes = {change.path: change for change in plan.changes}
    assert b"iface ens192 inet" not in changes["/etc/network/interfaces"].content
    assert b"DHCP=yes" in changes["/etc/systemd/network/10-v2s-ens2.network"].content
    assert "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service" in changes
    assert plan.warnings


SYSTEMS = {
    "netplan": {"/etc/netplan/01.yaml": NETPLAN},
    "NetworkManager": {"/etc/NetworkManager/system-connections/a.nmconnection": KEYFILE},
    "ifcfg": {"/etc/sysconfig/network-scripts/ifcfg-ens192": IFCFG},
    "wicked": {
        "/etc/sysconfig/network/ifcfg-eth0": "BOOTPROTO='static'\nIPADDR='192.168.1.10/24'\n",
        "/etc/sysconfig/network/routes": "default 192.168.1.1 - -\n",
    },
    "networkd": {"/etc/systemd/network/10.network": "[Match]\nName=ens192\n\n[Network]\nDHCP=no\n"},
    "ifupdown": {"/etc/network/interfaces": INTERFACES, "/sbin/dhclient": ""},
}


def applied(files: dict[str, str], nic: NicPlan) -> tuple[dict[str, str], int]:
    """The files after a plan, and how many changes it had."""
    plan = plan_network(TextFiles(dict(files)), (nic,))
    after = dict(files)
    for change in plan.changes:
        if change.kind is ChangeKind.REMOVE:
            del after[change.path]
        else:
            after[change.path] = (
                f"-> {change.target}" if change.kind is ChangeKind.LINK else change.content.decode()
            )
    return after, len(plan.changes)


@pytest.mark.parametrize("nic", [DHCP, KEEP, STATIC], ids=["dhcp", "keep", "static"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_second_run_changes_nothing(system: str, nic: NicPlan) -> None:
    assert system in network_systems(TextFiles(dict(SYSTEMS[system])))
    once, first = applied(SYSTEMS[system], nic)
    assert first > 0 or (system, nic) == ("wicked", KEEP)
    assert applied(once, nic)[1] == 0


def test_pins_are_removed() -> None:
    files: dict[str, str | bytes] = {
        "/etc/udev/rules.d/70-persistent-net.rules": f'ATTR{{address}}=="{MAC}", NAME="eth0"\n',
        "/etc/systemd/network/10-lan.link": f"[Match]\nMACAddress={MAC}\n[Link]\nName=lan0\n",
        "/etc/systemd/network/99-default.link": "[Match]\nOriginalName=*\n[Link]\nNamePolicy=keep\n",
    }
    removed = {change.path for change in plan_network(TextFiles(files), ()).changes}
    assert removed == {"/etc/udev/rules.d/70-persistent-net.rules", "/etc/systemd/network/10-lan.link"}


def test_a_guest_without_any_configuration_gets_one_or_a_warning() -> None:
    assert plan_network(TextFiles({"/etc/hostname": "x"}), (DHCP,)).warnings
    networkd_only = TextFiles({"/usr/lib/systemd/system/systemd-networkd.service": ""})
    assert len(plan_network(networkd_only, (DHCP,)).changes) == 2
