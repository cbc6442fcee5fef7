"""Which NIC of a VM goes to which network at Scaleway, and what becomes of its addresses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from v2s_tui.domain.guest.network import NicMode
from v2s_tui.domain.planning.plan_options import NicRule
from v2s_tui.domain.source.filters_keys import glob
from v2s_tui.domain.source.vm import Nic, Vm

PUBLIC = "public"
NO_NETWORK = "none"


@dataclass(frozen=True, slots=True)
class PlannedNic:
    """One source NIC at the target, in the order of the source.

    network: a Private Network's id or name, `public`, `none`, or "" when the plan says nothing about it.
    addresses with prefix length, gateway and nameservers: only for static.
    """

    label: str
    mac_address: str
    port_group: str
    network: str
    mode: NicMode = NicMode.DHCP
    addresses: tuple[str, ...] = ()
    gateway: str = ""
    nameservers: tuple[str, ...] = ()


def map_nics(vm: Vm, port_groups: Mapping[str, str], rules: Sequence[NicRule]) -> tuple[PlannedNic, ...]:
    """Every NIC by the first rule that names it, else by its port group's network.

    port_groups: glob on the port group -> network, as `network_mapping` in a plan.
    """
    return tuple(_planned(nic, port_groups, rules) for nic in vm.nics)


def unused_rules(vm: Vm, rules: Sequence[NicRule]) -> tuple[NicRule, ...]:
    """Rules that name no NIC of the VM."""
    return tuple(rule for rule in rules if not any(names(rule, nic) for nic in vm.nics))


def names(rule: NicRule, nic: Nic) -> bool:
    """True when the rule's `nic` is this NIC's MAC address, label or port group (glob)."""
    mac = rule.nic.replace("-", ":").casefold() == nic.mac_address.casefold()
    return mac or glob(rule.nic)(nic.label) or glob(rule.nic)(nic.port_group)


def _planned(nic: Nic, port_groups: Mapping[str, str], rules: Sequence[NicRule]) -> PlannedNic:
    network = next((to for group, to in port_groups.items() if glob(group)(nic.port_group)), "")
    rule = next((each for each in rules if names(each, nic)), None)
    if rule is None:
        return PlannedNic(nic.label, nic.mac_address, nic.port_group, network)
    return PlannedNic(
        nic.label,
        nic.mac_address,
        nic.port_group,
        network if rule.network is None else rule.network,
        rule.mode,
        rule.addresses,
        rule.gateway,
        rule.nameservers,
    )
