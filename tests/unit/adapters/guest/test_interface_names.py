"""Which name a NIC will have at the target, and whose addresses it gets."""

from dataclasses import replace

import pytest
from fakes.guest_files import TextFiles
from test_guest_planner import DEBIAN, FACTS, NAMES, Files, applied

from v2s_tui.adapters.guest.linux.network.interface_names import keeps_kernel_names
from v2s_tui.adapters.guest.linux.network.plan import plan_network
from v2s_tui.adapters.guest.linux.planner import plan_linux
from v2s_tui.domain.guest.facts import GuestFacts
from v2s_tui.domain.guest.network import NicMode, NicPlan

KEEP = NicPlan(NicMode.KEEP)


def text_of(content: str | bytes) -> str:
    return content if isinstance(content, str) else content.decode()


SLE_15 = replace(FACTS, os_id="sles", os_version="15.5")
_GENERATOR = "/lib/udev/rules.d/75-persistent-net-generator.rules"
_PREDICTABLE = "/usr/lib/udev/rules.d/80-net-setup-link.rules"
_ETH0: Files = {
    **DEBIAN,
    "/etc/network/interfaces": "auto eth0\niface eth0 inet static\n    address 10.0.0.2/24\n",
}


@pytest.mark.parametrize(
    ("facts", "more", "expected"),
    [
        pytest.param(SLE_15, {_PREDICTABLE: ""}, "eth0", id="sle-keeps-the-kernels-names"),
        pytest.param(
            SLE_15,
            {"/etc/default/grub": 'GRUB_CMDLINE_LINUX="net.ifnames=1"\n'},
            "ens2",
            id="sle-asked-for-new-ones",
        ),
        pytest.param(replace(SLE_15, os_version="16.0"), {_PREDICTABLE: ""}, "ens2", id="sle-16"),
        pytest.param(FACTS, {_GENERATOR: "", _PREDICTABLE: ""}, "eth0", id="debian-8-numbers-by-mac"),
        pytest.param(FACTS, {"/lib/udev/rules.d/50-udev-default.rules": ""}, "eth0", id="udev-of-rhel-6"),
        pytest.param(FACTS, {_PREDICTABLE: ""}, "ens2", id="upgraded-with-its-name-pinned"),
        pytest.param(
            FACTS,
            {_PREDICTABLE: "", "/etc/systemd/network/99-default.link": "-> /dev/null"},
            "eth0",
            id="policy-masked",
        ),
        pytest.param(
            FACTS,
            {_PREDICTABLE: "", "/etc/default/grub": '#GRUB_CMDLINE_LINUX="net.ifnames=0"\n'},
            "ens2",
            id="only-a-comment",
        ),
    ],
)
def test_the_network_is_configured_under_the_name_that_it_will_have(
    facts: GuestFacts, more: Files, expected: str
) -> None:
    view = TextFiles({**_ETH0, **more})
    plan = plan_linux(view, facts, NAMES.stable, nics=(KEEP,), esp_uuid="ABCD-1234")
    interfaces = view.read_text("/etc/network/interfaces") or ""
    for change in plan.changes:
        if change.path == "/etc/network/interfaces":
            interfaces = change.content.decode()
    assert f"iface {expected} inet static" in interfaces


def test_what_a_sle_calls_its_cards_outweighs_the_habit() -> None:
    used = TextFiles({"/etc/sysconfig/network/ifcfg-ens160": ""})
    assert keeps_kernel_names(TextFiles({}), "", "sles", "15.5")
    assert not keeps_kernel_names(used, "", "sles", "15.5")


def test_addresses_follow_the_card_that_a_rule_tied_them_to() -> None:
    """eth0 was the second NIC of the VM: its addresses belong to the second NIC at the target."""
    rules = "".join(
        f'SUBSYSTEM=="net", ATTR{{address}}=="00:50:56:00:00:0{number}", NAME="{name}"\n'
        for number, name in ((2, "eth0"), (1, "eth1"))
    )
    folder = "/etc/sysconfig/network"
    files: Files = {
        "/etc/udev/rules.d/70-persistent-net.rules": rules,
        f"{folder}/ifcfg-eth0": "BOOTPROTO='static'\nIPADDR='10.2.0.2/24'\n",
        f"{folder}/ifcfg-eth1": "BOOTPROTO='static'\nIPADDR='10.1.0.2/24'\n",
    }
    nics = (
        NicPlan(NicMode.KEEP, source_mac="00:50:56:00:00:01"),
        NicPlan(NicMode.KEEP, source_mac="00:50:56:00:00:02", target_name="ens5"),
    )
    plan = plan_linux(TextFiles(files), SLE_15, NAMES.stable, nics=nics, esp_uuid="ABCD-1234")
    after = applied(files, plan)
    assert "10.1.0.2" in text_of(after[f"{folder}/ifcfg-eth0"])
    assert "10.2.0.2" in text_of(after[f"{folder}/ifcfg-eth1"])


def test_a_firewall_that_names_the_old_interface_is_reported() -> None:
    files: Files = {
        "/etc/network/interfaces": "auto ens192\niface ens192 inet static\n    address 10.0.0.2/24\n",
        "/etc/iptables/rules.v4": "-A INPUT -i ens192 -p tcp --dport 22 -j ACCEPT\n",
        "/etc/firewalld/zones/public.xml": '<zone><interface name="ens192"/></zone>\n',
        "/etc/nftables.conf": "# iif ens192 accept\niif ens1920 accept\n",
    }
    warnings = plan_network(TextFiles(files), (KEEP,)).warnings
    assert [warning.split()[0] for warning in warnings] == [
        "/etc/iptables/rules.v4",
        "/etc/firewalld/zones/public.xml",
    ]
    assert not plan_network(TextFiles(files), (NicPlan(NicMode.KEEP, target_name="ens192"),)).warnings
