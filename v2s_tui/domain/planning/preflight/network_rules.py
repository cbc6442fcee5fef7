"""Network rules: Private Networks that exist, addresses that lie in them, and no address given twice."""

from collections import defaultdict
from collections.abc import Iterable

from v2s_tui.domain.planning.plan_options import Consistency
from v2s_tui.domain.planning.preflight.findings import Finding, PreflightFacts, blocks, warns
from v2s_tui.domain.planning.resolved import PlannedVm, ResolvedPlan
from v2s_tui.domain.planning.target_nics import TargetNic, is_of_source, reachable_at, target_nics
from v2s_tui.domain.source.vm import PowerState
from v2s_tui.domain.target.private_networks import PrivateNetwork, networks_named, region_of


def network_findings(planned: PlannedVm, facts: PreflightFacts) -> Iterable[Finding]:
    """All findings of this group for one VM."""
    if not planned.create_instance:
        return
    nics = target_nics(planned)
    yield from _joined_twice(nics)
    yield from _checks_that_ask_the_source(planned)
    if facts.networks is None:
        return
    region = region_of(planned.zone)
    known = facts.networks.get(region, ())
    for nic in nics:
        yield from _unusable(nic, networks_named(known, nic.network), region)


def repeated_addresses(plan: ResolvedPlan, facts: PreflightFacts) -> Iterable[Finding]:
    """Fixed addresses that more than one NIC of the whole plan is to have on one network, be it named by its
    name or by its id.
    """
    users: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for planned in plan.vms:
        region = region_of(planned.zone)
        known = (facts.networks or {}).get(region, ())
        for nic in target_nics(planned) if planned.create_instance else ():
            if nic.address:
                found = networks_named(known, nic.network)
                network = found[0].name if len(found) == 1 else nic.network
                users[region, network, nic.address].append(planned.name)
    for (_, network, address), names in users.items():
        if len(names) > 1:
            title = f"{address} on {network} is given to {', '.join(names)}"
            why, fix = "an address can be booked once", "change `addresses` of all but one, or use dhcp"
            yield blocks("address-twice", title, why, fix, overridable=False)


def _joined_twice(nics: Iterable[TargetNic]) -> Iterable[Finding]:
    networks = [nic.network for nic in nics]
    for network in sorted({each for each in networks if networks.count(each) > 1}):
        why = "an Instance joins a Private Network with one NIC only"
        fix = "map the other NIC to another network or to `none`"
        yield blocks("network-twice", f"two NICs go to {network}", why, fix, overridable=False)


def _checks_that_ask_the_source(planned: PlannedVm) -> Iterable[Finding]:
    """A cold source is off by then; what is powered off after the migration still runs."""
    address = "" if planned.wants_public_ip else reachable_at(planned, "")
    runs_on = planned.consistency is not Consistency.COLD and planned.vm.power_state is not PowerState.OFF
    if planned.checks and runs_on and is_of_source(planned, address):
        title = f"its checks ask {address}, where the source runs as well"
        why = "where this host reaches the source's network, the source answers and nothing is proven"
        fix = "ask from a host that reaches the Private Network only, or consistency: cold, or a public_ip"
        yield warns("checks-ask-source", title, why, fix)


def _unusable(nic: TargetNic, found: tuple[PrivateNetwork, ...], region: str) -> Iterable[Finding]:
    if len(found) != 1:
        title = (
            f"{len(found) or 'no'} Private Network{'s' * (len(found) > 1)} named {nic.network} in {region}"
        )
        why = "the Instance could not be connected"
        missing = "correct the name, or list it under private_networks: then v2s makes it"
        fix = "give the id of the right one" if found else missing
        yield blocks("network-unknown", title, why, fix, overridable=False)
    elif nic.address and not found[0].holds(nic.address):
        subnets = ", ".join(found[0].subnets) or "chosen by Scaleway when it is made"
        title = f"{nic.address} cannot be had in {nic.network}"
        why = f"its subnets: {subnets}; the first two and the last two addresses of each are kept"
        fix = "choose an address of its subnets, or another network; give a new network the subnet"
        yield blocks("address-outside", title, why, fix, overridable=False)
    elif nic.address and nic.address in found[0].taken:
        title = f"{nic.address} in {nic.network} is taken"
        fix = "choose another, use dhcp, or release it in IPAM; `v2s leftovers` shows what is ours"
        yield blocks("address-taken", title, "an address can be booked once", fix)
