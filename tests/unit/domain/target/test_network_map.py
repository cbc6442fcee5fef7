"""NICs by MAC, label or port group, rules before the mapping, in the order of the source."""

from v2s_tui.domain.guest.network import NicMode
from v2s_tui.domain.planning.plan_options import NicRule
from v2s_tui.domain.source.vm import Nic, Vm
from v2s_tui.domain.target.network_map import map_nics, unused_rules

FIRST = Nic(4000, "Network adapter 1", "00:50:56:00:00:01", port_group="PROD-10")
SECOND = Nic(4001, "Network adapter 2", "00:50:56:00:00:02", port_group="BACKUP")
VM = Vm("vm-1", "a", nics=(FIRST, SECOND))


def test_port_groups_map_by_glob_and_the_first_wins() -> None:
    planned = map_nics(VM, {"PROD-*": "pn-1", "*": "public"}, ())
    assert [(nic.network, nic.mode) for nic in planned] == [("pn-1", NicMode.DHCP), ("public", NicMode.DHCP)]
    assert [nic.network for nic in map_nics(VM, {}, ())] == ["", ""]


def test_a_rule_beats_the_mapping_but_borrows_its_network() -> None:
    static = NicRule(
        nic="00-50-56-00-00-01", mode=NicMode.STATIC, addresses=("10.0.0.5/24",), gateway="10.0.0.1"
    )
    keep = NicRule(nic="network adapter 2", network="none", mode=NicMode.KEEP)
    first, second = map_nics(VM, {"*": "pn-1"}, (static, keep))
    assert (first.network, first.mode, first.addresses, first.gateway) == (
        "pn-1",
        NicMode.STATIC,
        ("10.0.0.5/24",),
        "10.0.0.1",
    )
    assert (second.network, second.mode) == ("none", NicMode.KEEP)


def test_rules_that_name_no_nic_are_told() -> None:
    rules = (NicRule(nic="PROD-*"), NicRule(nic="VLAN 9"))
    assert unused_rules(VM, rules) == (rules[1],)
