"""netplan as real guests have it: several files, a bond, NetworkManager below it."""

from typing import Any

import pytest
import yaml
from fakes.guest_files import TextFiles

from v2s_tui.adapters.guest.linux.network import netplan
from v2s_tui.domain.guest.network import NicMode, NicPlan

KEEP, DHCP = NicPlan(NicMode.KEEP), NicPlan()


def after(files: dict[str, str], *nics: NicPlan) -> dict[str, Any]:
    """The `network` of each file, by its name."""
    view = TextFiles({f"/etc/netplan/{name}": text for name, text in files.items()})
    for change in netplan.plan(view, nics).changes:
        view.files[change.path] = change.content
    assert not netplan.plan(view, nics).changes, "a second run changes nothing"
    documents = {name: yaml.safe_load(view.read_text(f"/etc/netplan/{name}") or "") for name in files}
    return {name: document["network"] for name, document in documents.items()}


INSTALLER = "network: {version: 2, ethernets: {ens192: {dhcp4: true}, ens224: {dhcp4: true}}}\n"
SITE = "network: {ethernets: {ens192: {dhcp4: false, addresses: [10.1.0.2/24]}}}\n"


@pytest.mark.parametrize("mode", [NicMode.KEEP, NicMode.DHCP])
def test_an_interface_of_two_files_is_one_interface(mode: NicMode) -> None:
    """The installer's file and a later one that gives the address: netplan merges them."""
    nics = (NicPlan(mode), NicPlan(mode, target_name="ens5"))
    done = after({"00-installer-config.yaml": INSTALLER, "99-site.yaml": SITE}, *nics)
    assert list(done["00-installer-config.yaml"]["ethernets"]) == ["ens2", "ens5"]
    site = done["99-site.yaml"]["ethernets"]
    assert site["ens2"].get("addresses") == (["10.1.0.2/24"] if mode is NicMode.KEEP else None)
    assert site["ens2"]["dhcp4"] is (mode is NicMode.DHCP)


BOND = """network:
  version: 2
  ethernets: {ens192: {}, ens224: {}}
  bonds:
    bond0:
      interfaces: [ens192, ens224]
      parameters: {mode: active-backup}
      addresses: [10.1.0.2/24]
      routes: [{to: default, via: 10.1.0.1}]
"""


def test_the_addresses_of_a_bond_are_replaced_in_the_bond() -> None:
    nics = (DHCP, NicPlan(target_name="ens5"))
    network = after({"01.yaml": BOND}, *nics)["01.yaml"]
    assert network["ethernets"] == {"ens2": {}, "ens5": {}}
    assert network["bonds"]["bond0"] == {
        "interfaces": ["ens2", "ens5"],
        "parameters": {"mode": "active-backup"},
        "dhcp4": True,
    }
    kept = after({"01.yaml": BOND}, KEEP, NicPlan(NicMode.KEEP, target_name="ens5"))["01.yaml"]
    assert kept["bonds"]["bond0"]["addresses"] == ["10.1.0.2/24"]


def test_a_bridge_on_a_bond_has_the_addresses() -> None:
    text = BOND.replace("      addresses: [10.1.0.2/24]\n      routes: [{to: default, via: 10.1.0.1}]\n", "")
    text += "  bridges: {br0: {interfaces: [bond0], addresses: [10.1.0.2/24]}}\n"
    network = after({"01.yaml": text}, DHCP)["01.yaml"]
    assert network["bridges"] == {"br0": {"interfaces": ["bond0"], "dhcp4": True}}
    assert "dhcp4" not in network["bonds"]["bond0"]


def test_nothing_is_matched_by_driver_for_network_manager() -> None:
    """netplan before 0.104 would refuse the file, and the guest would have no network at all."""
    files = {
        "01-network-manager-all.yaml": "network: {version: 2, renderer: NetworkManager}\n",
        "02.yaml": "network: {ethernets: {ens192: {addresses: [10.1.0.2/24]}}}\n",
    }
    assert after(files, KEEP)["02.yaml"]["ethernets"] == {"ens2": {"addresses": ["10.1.0.2/24"]}}
