"""Private Networks that exist, addresses that fit, none given twice."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from planned_vms import planned_vm, resolved_plan, source_vm

from v2s_tui.domain.guest.network import NicMode
from v2s_tui.domain.planning.plan_options import Consistency
from v2s_tui.domain.planning.preflight.findings import PreflightFacts
from v2s_tui.domain.planning.preflight.network_rules import network_findings, repeated_addresses
from v2s_tui.domain.source.vm import PowerState
from v2s_tui.domain.target.network_map import PlannedNic
from v2s_tui.domain.target.private_networks import PrivateNetwork

PROD = PrivateNetwork("id-prod", "prod", ("10.0.0.0/24", "fd00::/64"))
FACTS = PreflightFacts(
    now=datetime(2026, 3, 2, tzinfo=UTC),
    networks={"fr-par": (PROD, PrivateNetwork("id-a", "twin"), PrivateNetwork("id-b", "twin"))},
)


def nic(network, *addresses):
    mode = NicMode.STATIC if addresses else NicMode.DHCP
    return PlannedNic("Network adapter 1", "00:50:56:00:00:01", "LAN", network, mode, addresses)


def codes(*nics, facts=FACTS, **changes):
    return [each.code for each in network_findings(planned_vm(nics=nics, **changes), facts)]


@pytest.mark.parametrize(
    ("nics", "found"),
    [
        ((nic("prod"),), []),
        ((nic("id-prod", "10.0.0.9/24"),), []),
        ((nic("prod", "10.0.1.9/24"),), ["address-outside"]),
        ((nic("nowhere"),), ["network-unknown"]),
        ((nic("twin"),), ["network-unknown"]),
        ((nic("prod"), nic("prod")), ["network-twice"]),
        ((nic("public"), nic("none"), nic("")), []),
    ],
)
def test_what_cannot_be_connected_is_found_before_the_start(nics, found):
    assert codes(*nics) == found


def test_checks_that_the_source_would_answer_are_told():
    """A NIC that keeps its address has it twice while the source runs."""
    own = replace(source_vm().nics[0], ip_addresses=("10.0.0.9",))
    running, kept = source_vm(nics=(own,)), replace(nic("prod"), mode=NicMode.KEEP)
    asked = {"vm": running, "checks": ("tcp:22",)}
    assert codes(kept, **asked) == ["checks-ask-source"]
    assert codes(kept, **asked | {"checks": ()}) == []
    assert codes(kept, **asked, public_ip=True) == []
    assert codes(kept, **asked, consistency=Consistency.COLD) == []
    assert codes(kept, **asked | {"vm": replace(running, power_state=PowerState.OFF)}) == []
    assert codes(nic("prod", "10.0.0.10/24"), **asked) == []


def test_what_was_not_asked_is_not_judged():
    assert codes(nic("nowhere"), facts=replace(FACTS, networks=None)) == []
    assert codes(nic("nowhere"), create_instance=False) == []


def test_an_address_is_given_once_in_a_batch():
    plan = resolved_plan(
        planned_vm("a", nics=(nic("prod", "10.0.0.9/24"),)),
        planned_vm("b", nics=(nic("prod", "10.0.0.9/24"),)),
        planned_vm("c", nics=(nic("other", "10.0.0.9/24"),)),
        planned_vm("d", nics=(nic("prod"),)),
    )
    (found,) = repeated_addresses(plan, FACTS)
    assert (found.code, found.overridable) == ("address-twice", False)
    assert found.title == "10.0.0.9 on prod is given to a, b"


def test_an_address_that_somebody_has_is_told():
    network = replace(PROD, taken=frozenset({"10.0.0.9"}))
    facts = replace(FACTS, networks={"fr-par": (network,)})
    assert codes(nic("prod", "10.0.0.9/24"), facts=facts) == ["address-taken"]


def test_a_name_and_an_id_are_the_same_network():
    plan = resolved_plan(
        planned_vm("a", nics=(nic("prod", "10.0.0.9/24"),)),
        planned_vm("b", nics=(nic("id-prod", "10.0.0.9/24"),)),
    )
    assert [each.code for each in repeated_addresses(plan, FACTS)] == ["address-twice"]
