"""ifupdown as real guests have it: several files, bonds, options that look like stanzas."""

from fakes.guest_files import TextFiles

from v2s_tui.adapters.guest.linux.network import ifupdown
from v2s_tui.adapters.guest.linux.network.plan import plan_network
from v2s_tui.domain.guest.network import NicMode, NicPlan

MAIN = "/etc/network/interfaces"
KEEP = (NicPlan(NicMode.KEEP), NicPlan(NicMode.KEEP, target_name="ens5"))
DHCP = (NicPlan(), NicPlan(target_name="ens5"))


def after(files: dict[str, str], *nics: NicPlan) -> dict[str, str]:
    view = TextFiles(dict(files))
    for change in ifupdown.plan(view, nics).changes:
        view.files[change.path] = change.content
    assert not ifupdown.plan(view, nics).changes, "a second run changes nothing"
    return {path: view.read_text(path) or "" for path in files}


def test_an_interface_of_several_files_is_one_interface() -> None:
    files = {
        MAIN: "auto lo ens192 ens224\niface lo inet loopback\nsource /etc/network/interfaces.d/*\n",
        f"{MAIN}.d/lan": "iface ens192 inet static\n    address 10.1.0.2/24\n",
        f"{MAIN}.d/lan6": "iface ens192 inet6 static\n    address 2001:db8::2/64\n",
        f"{MAIN}.d/second": "iface ens224 inet static\n    address 10.2.0.2/24\n",
        f"{MAIN}.d/vlan": "auto ens192.5\niface ens192.5 inet static\n    address 10.5.0.2/24\n",
    }
    kept = after(files, *KEEP)
    assert kept == {
        path: text.replace("ens192", "ens2").replace("ens224", "ens5") for path, text in files.items()
    }
    replaced = after(files, *DHCP)
    assert replaced[MAIN].startswith("auto lo ens2 ens5\n")
    assert replaced[f"{MAIN}.d/lan"] == "iface ens2 inet dhcp\n"
    assert "iface" not in replaced[f"{MAIN}.d/lan6"]


BOND = """auto bond0
iface bond0 inet static
    address 10.1.0.2/24
    gateway 10.1.0.1
    bond-slaves ens192 ens224
    bond-mode active-backup

auto ens192
iface ens192 inet manual
    bond-master bond0

auto ens224
iface ens224 inet manual
    bond-master bond0
"""


def test_the_addresses_of_a_bond_are_replaced_in_the_bond() -> None:
    renamed = BOND.replace("ens192", "ens2").replace("ens224", "ens5")
    assert after({MAIN: BOND}, *KEEP)[MAIN] == renamed
    assert after({MAIN: BOND}, *DHCP)[MAIN] == renamed.replace("inet static", "inet dhcp").replace(
        "    address 10.1.0.2/24\n    gateway 10.1.0.1\n", ""
    )


def test_a_bridge_has_the_addresses_of_its_port() -> None:
    text = "auto vmbr0\niface vmbr0 inet static\n    address 10.1.0.2/24\n    bridge_ports ens192\n"
    text += "iface ens192 inet manual\n"
    done = after({MAIN: text}, NicPlan())[MAIN]
    assert done == "auto vmbr0\niface vmbr0 inet dhcp\n    bridge_ports ens2\niface ens2 inet manual\n"


def test_an_option_is_no_stanza_though_it_begins_like_one() -> None:
    text = "auto ens192\niface ens192 inet static\n    address 10.1.0.2/24\n"
    text += "iface ens192 inet6 static\n    address 2001:db8::2/64\n    autoconf 0\n    gateway 2001:db8::1\n"
    assert after({MAIN: text}, NicPlan())[MAIN] == "auto ens2\niface ens2 inet dhcp\n"


def test_a_guest_with_ipv6_only_gets_its_address_by_dhcp_too() -> None:
    text = "auto ens192\niface ens192 inet6 static\n    address 2001:db8::2/64\n"
    assert after({MAIN: text}, NicPlan())[MAIN] == "auto ens2\niface ens2 inet dhcp\n"


def test_busybox_is_no_dhcp_client_of_ifupdown() -> None:
    """Debian has it in every initramfs; ifupdown calls none of its applets."""
    assert not ifupdown.has_dhcp_client(TextFiles({"/bin/busybox": ""}))


STATIC = NicPlan(NicMode.STATIC, addresses=("10.9.0.5/24",), nameservers=("1.1.1.1",))
ONE = {MAIN: "auto ens192\niface ens192 inet static\n    address 10.1.0.2/24\n"}


def test_name_servers_of_the_plan_are_used_without_resolvconf() -> None:
    files = {**ONE, "/etc/resolv.conf": "search example.org\nnameserver 10.1.0.53\n"}
    assert after(files, STATIC)["/etc/resolv.conf"] == "search example.org\nnameserver 1.1.1.1\n"
    assert after(files, DHCP[0])["/etc/resolv.conf"] == files["/etc/resolv.conf"]
    written = after({**files, "/sbin/resolvconf": ""}, STATIC)
    assert written["/etc/resolv.conf"] == files["/etc/resolv.conf"]


def test_a_resolver_that_is_a_link_is_left_to_its_owner() -> None:
    files = {**ONE, "/etc/resolv.conf": "-> ../run/systemd/resolve/stub-resolv.conf"}
    view = TextFiles({**files, "/run/systemd/resolve/stub-resolv.conf": "nameserver 127.0.0.53\n"})
    assert {change.path for change in ifupdown.plan(view, (STATIC,)).changes} == {MAIN}


def test_only_what_needs_dhcp_is_handed_to_networkd() -> None:
    """The second NIC keeps its address, where ifupdown needs no client."""
    text = "auto ens192\niface ens192 inet static\n    address 10.1.0.2/24\n"
    text += "auto ens224\niface ens224 inet static\n    address 10.2.0.2/24\n"
    view = TextFiles({MAIN: text, "/lib/systemd/system/systemd-networkd.service": ""})
    for nics in ((DHCP[0], KEEP[1]), (KEEP[0], DHCP[1])):
        plan = plan_network(view, nics)
        after_it = {change.path: change.content.decode() for change in plan.changes}
        kept, given = (nics[1], nics[0]) if nics[0] is DHCP[0] else (nics[0], nics[1])
        address = "10.2.0.2" if kept is KEEP[1] else "10.1.0.2"
        assert after_it[MAIN] == (
            f"auto {kept.target_name}\niface {kept.target_name} inet static\n    address {address}/24\n"
        )
        assert f"/etc/systemd/network/10-v2s-{given.target_name}.network" in after_it
        assert f"/etc/systemd/network/10-v2s-{kept.target_name}.network" not in after_it
