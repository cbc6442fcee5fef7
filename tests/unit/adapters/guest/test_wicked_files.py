"""wicked as real guests have it: several NICs with common routes, bonds, VLANs, backups."""

from fakes.guest_files import TextFiles

from v2s_tui.adapters.guest.linux.network import wicked
from v2s_tui.domain.guest.network import NicMode, NicPlan

FOLDER = "/etc/sysconfig/network"
KEEP = (NicPlan(NicMode.KEEP), NicPlan(NicMode.KEEP, target_name="ens5"))
DHCP = (NicPlan(), NicPlan(target_name="ens5"))


def card(last: int) -> str:
    return f"BOOTPROTO='static'\nSTARTMODE='auto'\nIPADDR='10.{last}.0.2/24'\n"


def after(files: dict[str, str], *nics: NicPlan) -> dict[str, str]:
    view = TextFiles({f"{FOLDER}/{name}": text for name, text in files.items()})
    for change in wicked.plan(view, nics).changes:
        if change.content or change.kind.value == "write":
            view.files[change.path] = change.content
        else:
            del view.files[change.path]
    assert not wicked.plan(view, nics).changes, "a second run changes nothing"
    return {path.removeprefix(f"{FOLDER}/"): view.read_text(path) or "" for path in view.files}


ROUTES = "default 10.1.0.1 - -\n192.168.0.0/16 10.1.0.9 - eth0\n172.16.0.0/12 10.2.0.9 - eth1\n"


def test_common_routes_follow_every_card() -> None:
    files = {"ifcfg-eth0": card(1), "ifcfg-eth1": card(2), "ifcfg-eth0.bak": card(9), "routes": ROUTES}
    kept = after(files, *KEEP)
    assert kept["routes"] == ROUTES.replace("eth0", "ens2").replace("eth1", "ens5")
    assert "10.2.0.2" in kept["ifcfg-ens5"]
    mixed = after(files, KEEP[0], DHCP[1])
    assert mixed["routes"].startswith("default 10.1.0.1 - -\n"), "the card that keeps its address needs it"
    assert not after(files, *DHCP)["routes"].startswith("default")


def test_name_servers_are_those_of_the_plan() -> None:
    static = NicPlan(NicMode.STATIC, addresses=("10.9.0.5/24",), nameservers=("1.1.1.1", "9.9.9.9"))
    before = 'NETCONFIG_DNS_POLICY="auto"\nNETCONFIG_DNS_STATIC_SERVERS="10.1.0.53"\n'
    files = {"ifcfg-eth0": card(1), "config": before}
    assert after(files, static)["config"] == before.replace("10.1.0.53", "1.1.1.1 9.9.9.9")
    assert "10.1.0.53" not in after(files, DHCP[0])["config"]
    assert after(files, KEEP[0])["config"] == before


BOND = {
    "ifcfg-bond0": "BOOTPROTO='static'\nSTARTMODE='auto'\nIPADDR='10.1.0.2/24'\nBONDING_MASTER='yes'\n"
    "BONDING_SLAVE0='eth0'\nBONDING_SLAVE_1='eth1'\n",
    "ifcfg-eth0": "BOOTPROTO='none'\nSTARTMODE='hotplug'\n",
    "ifcfg-eth1": "BOOTPROTO='none'\nSTARTMODE='hotplug'\n",
    "ifcfg-vlan5": "BOOTPROTO='static'\nETHERDEVICE='eth0'\nVLAN_ID='5'\nIPADDR='10.5.0.2/24'\n",
}


def test_bonds_and_vlans_name_their_cards_anew() -> None:
    kept = after(BOND, *KEEP)
    assert kept["ifcfg-bond0"] == BOND["ifcfg-bond0"].replace("eth0", "ens2").replace("eth1", "ens5")
    assert "ETHERDEVICE='ens2'\n" in kept["ifcfg-vlan5"]


def test_the_addresses_of_a_bond_are_replaced_in_the_bond() -> None:
    done = after(BOND, *DHCP)
    assert "BOOTPROTO=dhcp\n" in done["ifcfg-bond0"]
    assert "IPADDR" not in done["ifcfg-bond0"]
    assert done["ifcfg-ens2"] == BOND["ifcfg-eth0"]
