"""ifcfg files as real guests have them: backups, aliases, VLANs, bonds, a gateway device."""

from fakes.guest_files import TextFiles
from test_guest_planner import Files, applied

from v2s_tui.adapters.guest.linux.network import ifcfg
from v2s_tui.domain.guest.changes import ChangePlan
from v2s_tui.domain.guest.network import NicMode, NicPlan

FOLDER = "/etc/sysconfig/network-scripts"
KEEP = (NicPlan(NicMode.KEEP), NicPlan(NicMode.KEEP, target_name="ens5"))
DHCP = (NicPlan(), NicPlan(target_name="ens5"))


def card(name: str, last: int, more: str = "") -> str:
    return (
        f"TYPE=Ethernet\nDEVICE={name}\nONBOOT=yes\nBOOTPROTO=none\nIPADDR=10.0.0.{last}\nPREFIX=24\n{more}"
    )


def after(files: dict[str, str], nics: tuple[NicPlan, ...]) -> dict[str, str]:
    """Content by name, `ifcfg-` left out."""
    paths: Files = {
        name if name.startswith("/") else f"{FOLDER}/{name}": text for name, text in files.items()
    }
    edit = ifcfg.plan(TextFiles(dict(paths)), nics)
    done = applied(paths, ChangePlan(tuple(edit.changes)))
    assert not ifcfg.plan(TextFiles(dict(done)), nics).changes, "a second run changes nothing"
    return {
        path.removeprefix(f"{FOLDER}/"): text if isinstance(text, str) else text.decode()
        for path, text in done.items()
    }


def test_a_backup_is_no_network_card() -> None:
    files = {
        "ifcfg-ens192": card("ens192", 1),
        "ifcfg-ens192.bak": card("ens192", 99),
        "ifcfg-ens192-before-change": card("ens192", 98),
        "ifcfg-ens224": card("ens224", 2),
        "ifcfg-ens224~": card("ens224", 97),
    }
    done = after(files, KEEP)
    assert "IPADDR=10.0.0.1\n" in done["ifcfg-ens2"]
    assert "IPADDR=10.0.0.2\n" in done["ifcfg-ens5"]
    assert done["ifcfg-ens192.bak"] == files["ifcfg-ens192.bak"]


def test_aliases_and_vlans_follow_their_card() -> None:
    files = {
        "ifcfg-eth0": card("eth0", 1),
        "ifcfg-eth0:0": card("eth0:0", 11),
        "ifcfg-eth0.7": card("eth0.7", 17, "VLAN=yes\n"),
        "ifcfg-lan9": card("lan9", 19, "VLAN=yes\nPHYSDEV=eth1\n"),
        "ifcfg-eth1": card("eth1", 2),
    }
    kept = after(files, KEEP)
    assert "DEVICE=ens2:0\n" in kept["ifcfg-ens2:0"]
    assert "DEVICE=ens2.7\n" in kept["ifcfg-ens2.7"]
    assert "PHYSDEV=ens5\n" in kept["ifcfg-lan9"]
    assert "IPADDR=10.0.0.2\n" in kept["ifcfg-ens5"]
    replaced = after(files, DHCP)
    assert sorted(replaced) == ["ifcfg-ens2", "ifcfg-ens2.7", "ifcfg-ens5", "ifcfg-lan9"]


def test_the_addresses_of_a_bond_are_replaced_in_the_bond() -> None:
    """A port with addresses of its own would leave the bond with those of the old network."""
    port = "TYPE=Ethernet\nDEVICE={}\nONBOOT=yes\nMASTER=bond0\nSLAVE=yes\n"
    bond = card("bond0", 1, 'BONDING_OPTS="mode=1 miimon=100"\nGATEWAY=10.0.0.254\n')
    files = {
        "ifcfg-bond0": bond.replace("Ethernet", "Bond"),
        "ifcfg-ens192": port.format("ens192"),
        "ifcfg-ens224": port.format("ens224"),
    }
    done = after(files, DHCP)
    assert done["ifcfg-ens2"] == port.format("ens2")
    assert done["ifcfg-ens5"] == port.format("ens5")
    assert "BOOTPROTO=dhcp\n" in done["ifcfg-bond0"]
    assert "10.0.0" not in done["ifcfg-bond0"]
    assert after(files, KEEP)["ifcfg-bond0"] == files["ifcfg-bond0"]


def test_a_bridge_on_a_bond_has_the_addresses() -> None:
    files = {
        "ifcfg-br0": card("br0", 1).replace("Ethernet", "Bridge"),
        "ifcfg-bond0": "TYPE=Bond\nDEVICE=bond0\nBRIDGE=br0\n",
        "ifcfg-ens192": "TYPE=Ethernet\nDEVICE=ens192\nONBOOT=yes\nMASTER=bond0\n",
    }
    done = after(files, DHCP[:1])
    assert "BOOTPROTO=dhcp\n" in done["ifcfg-br0"]
    assert done["ifcfg-bond0"] == files["ifcfg-bond0"]


def test_the_gateway_device_takes_the_new_name() -> None:
    """Any other interface is refused the default route."""
    files = {"ifcfg-eth0": card("eth0", 1), "/etc/sysconfig/network": "NETWORKING=yes\nGATEWAYDEV=eth0\n"}
    assert after(files, KEEP[:1])["/etc/sysconfig/network"] == "NETWORKING=yes\nGATEWAYDEV=ens2\n"
    assert after(files, DHCP[:1])["/etc/sysconfig/network"] == "NETWORKING=yes\n"


def test_two_files_change_names_with_each_other() -> None:
    old = {"ifcfg-eth0": card("eth0", 1, "HWADDR=00:50:56:00:00:02\n"), "ifcfg-eth1": card("eth1", 2)}
    nics = (
        NicPlan(NicMode.KEEP, source_mac="00:50:56:00:00:01", target_name="eth0"),
        NicPlan(NicMode.KEEP, source_mac="00:50:56:00:00:02", target_name="eth1"),
    )
    paths: Files = {f"{FOLDER}/{name}": text for name, text in old.items()}
    done = applied(paths, ChangePlan(tuple(ifcfg.plan(TextFiles(dict(paths)), nics).changes)))
    assert b"IPADDR=10.0.0.2" in bytes(done[f"{FOLDER}/ifcfg-eth0"])  # type: ignore[arg-type]
    assert b"IPADDR=10.0.0.1" in bytes(done[f"{FOLDER}/ifcfg-eth1"])  # type: ignore[arg-type]
