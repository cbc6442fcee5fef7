"""Private Networks that a plan wants made: valid subnets, no clashes, room for the VMs."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from planned_vms import planned_vm, resolved_plan
from pydantic import ValidationError

from v2s_tui.domain.guest.network import NicMode
from v2s_tui.domain.planning.difference import diff_plans
from v2s_tui.domain.planning.plan import BatchPlan
from v2s_tui.domain.planning.plan_options import NewNetwork
from v2s_tui.domain.planning.preflight.check import preflight
from v2s_tui.domain.planning.preflight.findings import PreflightFacts, Severity
from v2s_tui.domain.planning.preflight.new_network_rules import new_network_findings
from v2s_tui.domain.target.instance_types import Catalogue
from v2s_tui.domain.target.network_map import PlannedNic
from v2s_tui.domain.target.private_networks import PrivateNetwork, Vpc

FACTS = PreflightFacts(
    now=datetime(2026, 3, 2, tzinfo=UTC),
    networks={"fr-par": (PrivateNetwork("id-old", "old", ("10.0.0.0/16", "fd00::/64"), "vpc-default"),)},
    vpcs={"fr-par": (Vpc("vpc-default", "default", default=True), Vpc("vpc-b", "blue"))},
)


def nic(network, *addresses):
    mode = NicMode.STATIC if addresses else NicMode.DHCP
    return PlannedNic("Network adapter 1", "00:50:56:00:00:01", "LAN", network, mode, addresses)


def plan_with(*networks, vms=None):
    vms = vms or [planned_vm(nics=(nic("lan"),))]
    return resolved_plan(*vms, private_networks=tuple(networks))


def found_in(plan, facts=FACTS):
    return {each.code: each for each in new_network_findings(plan, facts)}


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "public"},
        {"name": "lan", "subnet": "10.0.0.0"},
        {"name": "lan", "subnet": "10.0.0.1/24"},
        {"name": "lan", "subnet": "fd00::/64"},
        {"name": "lan", "subnet": "8.8.8.0/24"},
        {"name": "lan", "subnet": "169.254.7.0/24"},
        {"name": "lan", "subnet": "100.64.0.0/24"},
        {"name": "lan", "subnet": "10.0.0.0/30"},
    ],
)
def test_a_network_that_cannot_exist_is_no_plan(wrong):
    with pytest.raises(ValidationError) as caught:
        BatchPlan.model_validate({"private_networks": [wrong]})
    assert "private_networks" in str(caught.value)


def test_two_of_one_name_are_no_plan():
    with pytest.raises(ValidationError, match="private_networks have the same name"):
        BatchPlan.model_validate({"private_networks": [{"name": "lan"}, {"name": "lan"}]})


def test_what_is_made_is_said_with_its_price():
    (made,) = new_network_findings(plan_with(NewNetwork(name="lan", subnet="10.9.0.0/24")), FACTS)
    assert (made.code, made.severity) == ("network-made", Severity.NOTES)
    assert made.title == "lan is made in fr-par: the default VPC, 10.9.0.0/24"
    assert made.why == "it costs nothing"


@pytest.mark.parametrize(
    ("network", "code"),
    [
        (NewNetwork(name="lan", subnet="10.0.4.0/24"), "subnet-overlap"),
        (NewNetwork(name="lan", vpc="green"), "vpc-unknown"),
    ],
)
def test_what_scaleway_would_refuse_blocks(network, code):
    found = found_in(plan_with(network))[code]
    assert (found.severity, found.overridable) == (Severity.BLOCKS, False)


def test_subnets_of_different_vpcs_may_overlap():
    network = NewNetwork(name="lan", vpc="blue", subnet="10.0.4.0/24")
    assert set(found_in(plan_with(network))) == {"network-made"}


def test_two_new_networks_must_not_overlap_each_other():
    vms = [planned_vm("a", nics=(nic("lan"),)), planned_vm("b", nics=(nic("dmz"),))]
    networks = NewNetwork(name="lan", subnet="10.9.0.0/16"), NewNetwork(name="dmz", subnet="10.9.8.0/24")
    assert "subnet-overlap" in found_in(plan_with(*networks, vms=vms))


def test_one_that_is_there_is_used_as_it_is_or_refused():
    vms = [planned_vm(nics=(nic("old"),))]
    same = found_in(plan_with(NewNetwork(name="old", subnet="10.0.0.0/16"), vms=vms))
    assert set(same) == {"network-found"}
    other = found_in(plan_with(NewNetwork(name="old", subnet="10.1.0.0/16"), vms=vms))
    assert other["network-differs"].severity is Severity.BLOCKS
    assert "network-differs" in found_in(plan_with(NewNetwork(name="old", vpc="blue"), vms=vms))


def test_a_network_must_have_room():
    vms = [planned_vm(name, nics=(nic("lan"),)) for name in "abcde"]
    found = found_in(plan_with(NewNetwork(name="lan", subnet="10.9.0.0/29"), vms=vms))
    assert found["subnet-full"].title == "5 NICs go to lan in fr-par, 4 addresses are free"


def test_taken_addresses_count_against_the_room():
    full = PrivateNetwork("id-s", "small", ("10.8.0.0/29",), taken=frozenset({"10.8.0.2", "10.8.0.3"}))
    facts = replace(FACTS, networks={"fr-par": (full,)})
    vms = [planned_vm(name, nics=(nic("small"),)) for name in "abc"]
    assert found_in(plan_with(vms=vms), facts)["subnet-full"].title.endswith("2 addresses are free")


def test_a_network_no_vm_joins_is_told():
    plan = plan_with(NewNetwork(name="lan"), NewNetwork(name="spare"))
    assert "spare" in found_in(plan)["network-unused"].title


def test_addresses_are_judged_by_the_subnet_to_be_made():
    def codes(address, subnet):
        vms = [planned_vm(nics=(nic("lan", address),))]
        plan = plan_with(NewNetwork(name="lan", subnet=subnet), vms=vms)
        found = preflight(plan, lambda zone: Catalogue(zone, (), "api", FACTS.now.date()), FACTS)
        return {each.code for each in found if "address" in each.code or each.code == "network-unknown"}

    assert codes("10.9.0.9/24", "10.9.0.0/24") == set()
    assert codes("10.9.0.1/24", "10.9.0.0/24") == {"address-outside"}
    assert codes("10.9.0.254/24", "10.9.0.0/24") == {"address-outside"}
    assert codes("10.7.0.9/24", "10.9.0.0/24") == {"address-outside"}
    assert codes("10.9.0.9/24", None) == {"address-outside"}


def test_a_changed_network_is_a_difference():
    old = BatchPlan.model_validate({"private_networks": [{"name": "lan", "subnet": "10.9.0.0/24"}]})
    new = BatchPlan.model_validate({"private_networks": [{"name": "lan"}]})
    assert [str(each) for each in diff_plans(old, new)] == [
        "~ private network lan: subnet 10.9.0.0/24 -> none"
    ]
