"""NetworkManager as real guests have it: bonds, VLANs, several connections of one card, none at all."""

import pytest
from fakes.guest_files import TextFiles

from v2s_tui.adapters.guest.linux.network import network_manager
from v2s_tui.adapters.guest.linux.network.plan import network_systems, plan_network
from v2s_tui.domain.guest.network import NicMode, NicPlan

FOLDER = "/etc/NetworkManager/system-connections"
KEEP, DHCP = NicPlan(NicMode.KEEP), NicPlan()
STATIC = NicPlan(NicMode.STATIC, addresses=("10.9.0.5/24",), gateway="10.9.0.1")
ADDRESS = "\n[ipv4]\naddress1=10.1.0.2/24,10.1.0.1\nmethod=manual\n"


def card(name: str, more: str = "") -> str:
    return f"[connection]\nid={name}\ntype=ethernet\ninterface-name={name}\n{more}"


def after(files: dict[str, str], *nics: NicPlan) -> dict[str, str]:
    view = TextFiles({f"{FOLDER}/{name}": text for name, text in files.items()})
    for change in network_manager.plan(view, nics).changes:
        view.files[change.path] = change.content
    assert not network_manager.plan(view, nics).changes, "a second run changes nothing"
    return {name: view.read_text(f"{FOLDER}/{name}") or "" for name in files}


BOND = {
    "bond0": f"[connection]\nid=bond0\nuuid=1-2\ntype=bond\ninterface-name=bond0\n{ADDRESS}",
    "port1": card("ens192", "master=1-2\nslave-type=bond\n"),
    "port2": card("ens224", "controller=bond0\nport-type=bond\n"),
}


def test_the_addresses_of_a_bond_are_replaced_in_the_bond() -> None:
    done = after(BOND, DHCP, NicPlan(target_name="ens5"))
    assert done["port1"] == BOND["port1"].replace("interface-name=ens192", "interface-name=ens2")
    assert done["port2"] == BOND["port2"].replace("interface-name=ens224", "interface-name=ens5")
    assert done["bond0"].endswith("[ipv4]\nmethod=auto\n")
    assert after(BOND, KEEP)["bond0"] == BOND["bond0"]


def test_a_vlan_goes_on_to_use_its_card() -> None:
    vlan = "[connection]\ntype=vlan\ninterface-name=vlan5\n\n[vlan]\nid=5\nparent=ens192\n"
    assert "parent=ens2\n" in after({"a": card("ens192", ADDRESS), "b": vlan}, KEEP)["b"]


def test_of_two_connections_the_one_in_use_is_kept() -> None:
    """The installer's first connection was switched off, not deleted."""
    files = {
        "Wired.nmconnection": card("ens192", "autoconnect=false\n\n[ipv4]\nmethod=auto\n"),
        "site.nmconnection": card("ens192", ADDRESS),
        "second.nmconnection": card("ens224", "\n[ipv4]\nmethod=auto\n"),
    }
    done = after(files, KEEP, NicPlan(NicMode.KEEP, target_name="ens5"))
    assert "interface-name=ens2\n" in done["site.nmconnection"]
    assert "interface-name=ens5\n" in done["second.nmconnection"]


def test_what_ties_a_connection_to_the_old_card_goes() -> None:
    text = card("ens192", ADDRESS) + "\n[match]\npath=pci-0000:0b:00.0;\n"
    assert "path=" not in after({"a": text}, KEEP)["a"]
    own_servers = card("ens192", ADDRESS + "dns=10.1.0.53;\nignore-auto-dns=true\n")
    assert "dns" not in after({"a": own_servers}, DHCP)["a"]


@pytest.mark.parametrize(
    ("nic", "expected"),
    [(DHCP, "method=auto\n"), (STATIC, "method=manual\naddress1=10.9.0.5/24,10.9.0.1\n")],
    ids=["dhcp", "static"],
)
def test_a_nic_without_a_connection_gets_one(nic: NicPlan, expected: str) -> None:
    """no-auto-default=* of a RHEL server: NetworkManager would leave it down."""
    plan = plan_network(TextFiles({"/usr/sbin/NetworkManager": ""}), (nic,))
    (change,) = plan.changes
    assert (change.path, change.mode) == (f"{FOLDER}/v2s-ens2.nmconnection", 0o600)
    assert "interface-name=ens2\n" in change.content.decode()
    assert change.content.decode().endswith(expected)


def test_a_folder_alone_is_no_network_manager() -> None:
    view = TextFiles({"/etc/NetworkManager/dispatcher.d/20-chrony": ""})
    assert network_systems(view) == ()
    assert plan_network(view, (DHCP,)).warnings
