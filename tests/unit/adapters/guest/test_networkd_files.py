"""systemd-networkd as real guests have it: bonds, VLANs, files for containers."""

import pytest
from fakes.guest_files import TextFiles

from v2s_tui.adapters.guest.linux.network import networkd
from v2s_tui.domain.guest.network import NicMode, NicPlan

KEEP = (NicPlan(NicMode.KEEP), NicPlan(NicMode.KEEP, target_name="ens5"))
DHCP = (NicPlan(), NicPlan(target_name="ens5"))
ADDRESS = "[Network]\nAddress=10.1.0.2/24\nGateway=10.1.0.1\n"
BOND = {
    "10-bond0.netdev": "[NetDev]\nName=bond0\nKind=bond\n",
    "20-bond0.network": f"[Match]\nName=bond0\n\n{ADDRESS}",
    "30-ens192.network": "[Match]\nName=ens192\n\n[Network]\nBond=bond0\n",
    "30-ens224.network": "[Match]\nName=ens224\n\n[Network]\nBond=bond0\n",
}


def after(files: dict[str, str], nics: tuple[NicPlan, ...]) -> dict[str, str]:
    view = TextFiles({f"/etc/systemd/network/{name}": text for name, text in files.items()})
    for change in networkd.plan(view, nics).changes:
        view.files[change.path] = change.content
    assert not networkd.plan(view, nics).changes, "a second run changes nothing"
    return {name: view.read_text(f"/etc/systemd/network/{name}") or "" for name in files}


@pytest.mark.parametrize("nics", [KEEP, DHCP], ids=["keep", "dhcp"])
def test_a_bond_is_no_network_card(nics: tuple[NicPlan, ...]) -> None:
    done = after(BOND, nics)
    assert done["30-ens192.network"] == "[Match]\nName=ens2\n\n[Network]\nBond=bond0\n"
    assert done["30-ens224.network"] == "[Match]\nName=ens5\n\n[Network]\nBond=bond0\n"
    expected = f"[Match]\nName=bond0\n\n{ADDRESS}"
    assert done["20-bond0.network"] == (
        expected if nics is KEEP else "[Match]\nName=bond0\n\n[Network]\nDHCP=yes\n"
    )


def test_a_vlan_takes_no_network_card_away() -> None:
    files = {
        "10-ens192.network": f"[Match]\nName=ens192\n\n{ADDRESS}VLAN=office\n",
        "20-office.netdev": "[NetDev]\nName=office\nKind=vlan\n\n[VLAN]\nId=5\n",
        "20-office.network": "[Match]\nName=office\n\n[Network]\nAddress=10.5.0.2/24\n",
        "30-ens224.network": "[Match]\nName=ens224\n\n[Network]\nAddress=10.2.0.2/24\n",
    }
    done = after(files, KEEP)
    assert done["20-office.network"] == files["20-office.network"]
    assert "Name=ens5\n" in done["30-ens224.network"]


def test_files_for_containers_are_left_alone() -> None:
    files = {
        "05-cilium.network": "[Match]\nName=cilium_net cilium_host\n\n[Network]\nKeepConfiguration=yes\n",
        "06-other.network": "[Match]\nName=pod*\n\n[Link]\nUnmanaged=yes\n",
        "10-lan.network": f"[Match]\nName=en*\n\n{ADDRESS}",
    }
    done = after(files, KEEP[:1])
    assert done["05-cilium.network"] == files["05-cilium.network"]
    assert done["06-other.network"] == files["06-other.network"]
    assert done["10-lan.network"] == f"[Match]\nName=ens2\n\n{ADDRESS}"
