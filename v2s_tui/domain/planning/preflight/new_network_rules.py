"""Rules for Private Networks that the batch makes: that they can be made, hold their VMs, and clash with
none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from v2s_tui.domain.planning.plan_options import NewNetwork
from v2s_tui.domain.planning.preflight.findings import Finding, PreflightFacts, blocks, notes, warns
from v2s_tui.domain.planning.resolved import ResolvedPlan
from v2s_tui.domain.planning.target_nics import target_nics
from v2s_tui.domain.target.private_networks import (
    PrivateNetwork,
    networks_named,
    overlapping,
    region_of,
    usable_addresses,
    vpcs_named,
)

MOST_ATTACHED = 512
"""Resources on one Private Network (docs: vpc/vpc-limitations, 2025-10)."""
CHOSEN_SUBNET_ADDRESSES = 1020
"""Of the /22 that Scaleway chooses where none is given (docs: vpc/create-private-network, 2025-03)."""

Joins = Mapping[tuple[str, str], int]
"""How many NICs go to a network, by region and network."""


def joins_of(plan: ResolvedPlan) -> Joins:
    """Every network that a VM of the plan joins."""
    found: dict[tuple[str, str], int] = {}
    for planned in plan.vms:
        for nic in target_nics(planned) if planned.create_instance else ():
            place = region_of(planned.zone), nic.network
            found[place] = found.get(place, 0) + 1
    return found


def with_new_networks(plan: ResolvedPlan, facts: PreflightFacts) -> PreflightFacts:
    """The facts as if the networks that the plan wants had been made."""
    if facts.networks is None:
        return facts
    known = dict(facts.networks)
    for region, network in networks_to_make(plan, facts):
        known[region] = (*known.get(region, ()), _as_made(network, facts, region))
    return replace(facts, networks=known)


def new_network_findings(plan: ResolvedPlan, facts: PreflightFacts) -> Iterable[Finding]:
    """All findings of this group; facts as they were asked."""
    joins = joins_of(plan)
    yield from _unused(plan, joins)
    if facts.networks is None:
        return
    yield from _there_already(plan, facts, joins)
    made: dict[str, list[PrivateNetwork]] = {}
    for region, network in networks_to_make(plan, facts):
        new = _as_made(network, facts, region)
        yield from _vpc(network, facts, region)
        yield from _overlap(new, (*facts.networks.get(region, ()), *made.get(region, ())))
        made.setdefault(region, []).append(new)
        where = f"{network.vpc or 'the default VPC'}, {network.subnet or 'a /22 that Scaleway chooses'}"
        yield notes("network-made", f"{network.name} is made in {region}: {where}", "it costs nothing")
    yield from _full(with_new_networks(plan, facts), joins)


def networks_to_make(plan: ResolvedPlan, facts: PreflightFacts) -> Iterable[tuple[str, NewNetwork]]:
    """Region and network, for each that a VM joins and that is not there."""
    wanted = {each.name: each for each in plan.private_networks}
    for region, name in sorted(joins_of(plan)):
        there = networks_named((facts.networks or {}).get(region, ()), name)
        if name in wanted and not there:
            yield region, wanted[name]


def _as_made(network: NewNetwork, facts: PreflightFacts, region: str) -> PrivateNetwork:
    vpcs = vpcs_named(facts.vpcs.get(region, ()), network.vpc)
    subnets = (network.subnet,) if network.subnet else ()
    return PrivateNetwork("", network.name, subnets, vpcs[0].id if len(vpcs) == 1 else "")


def _unused(plan: ResolvedPlan, joins: Joins) -> Iterable[Finding]:
    used = {name for _, name in joins}
    for network in plan.private_networks:
        if network.name not in used:
            why = "it is made only when a VM is connected to it"
            fix = "name it in network_mapping or nics, or take it out of private_networks"
            yield warns("network-unused", f"no VM joins {network.name}", why, fix)


def _there_already(plan: ResolvedPlan, facts: PreflightFacts, joins: Joins) -> Iterable[Finding]:
    wanted = {each.name: each for each in plan.private_networks}
    for region, name in sorted(joins):
        found = networks_named((facts.networks or {}).get(region, ()), name)
        if name not in wanted or len(found) != 1:
            continue
        differs = _difference(wanted[name], found[0], facts, region)
        if differs:
            why, fix = "it is there already and is not changed", "give yours another name, or follow it"
            yield blocks("network-differs", f"{name} in {region} {differs}", why, fix, overridable=False)
        else:
            yield notes("network-found", f"{name} is in {region} already", "it is used as it is")


def _difference(wanted: NewNetwork, found: PrivateNetwork, facts: PreflightFacts, region: str) -> str:
    if wanted.subnet and wanted.subnet not in found.subnets:
        return f"has {', '.join(found.subnets) or 'no subnet'}, the plan says {wanted.subnet}"
    vpcs = vpcs_named(facts.vpcs.get(region, ()), wanted.vpc)
    if wanted.vpc and found.vpc_id not in {each.id for each in vpcs}:
        return f"is not in the VPC {wanted.vpc}"
    return ""


def _vpc(network: NewNetwork, facts: PreflightFacts, region: str) -> Iterable[Finding]:
    if network.vpc is None:
        return
    found = vpcs_named(facts.vpcs.get(region, ()), network.vpc)
    if len(found) != 1:
        title = f"{len(found) or 'no'} VPC{'s' * (len(found) > 1)} named {network.vpc} in {region}"
        fix = "give the id of the right one" if found else "create it, correct the name, or leave vpc out"
        yield blocks("vpc-unknown", title, f"{network.name} could not be made", fix, overridable=False)


def _overlap(new: PrivateNetwork, others: Iterable[PrivateNetwork]) -> Iterable[Finding]:
    for other in others:
        shared = overlapping(new.networks(), other.networks()) if other.vpc_id == new.vpc_id else None
        if shared:
            title = f"{new.name} ({shared[0]}) overlaps {other.name} ({shared[1]})"
            why = "the subnets of one VPC must be distinct"
            fix = "choose another subnet or another VPC"
            yield blocks("subnet-overlap", title, why, fix, overridable=False)


def _full(facts: PreflightFacts, joins: Joins) -> Iterable[Finding]:
    for (region, name), wanted in sorted(joins.items()):
        found = networks_named((facts.networks or {}).get(region, ()), name)
        if len(found) != 1:
            continue
        free = _room(found[0]) - len(found[0].taken)
        if wanted > free:
            title = f"{wanted} NICs go to {name} in {region}, {max(free, 0)} addresses are free"
            why = f"a Private Network takes {MOST_ATTACHED} resources, and no more than its subnet holds"
            yield blocks("subnet-full", title, why, "take a larger subnet, or a second network")


def _room(network: PrivateNetwork) -> int:
    subnets = [each for each in network.networks() if each.version == 4]
    addresses = sum(map(usable_addresses, subnets)) if subnets else CHOSEN_SUBNET_ADDRESSES
    return min(MOST_ATTACHED, addresses)
