"""A right that is missing stops only the plans that need it."""

from dataclasses import replace

import pytest
from fakes.plans import plan_of, vm_named

from v2s_tui.domain.planning.account_access import MissingAccess, NeededFor
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.plan_options import NewNetwork
from v2s_tui.domain.target.network_map import PUBLIC, PlannedNic


def nic(network: str) -> PlannedNic:
    return PlannedNic("Network adapter 1", "00:50:56:00:00:01", "LAN", network)


LINUX = plan_of([("1", [vm_named("web")], PausePolicy.CONTINUE)])
WINDOWS = plan_of([("1", [vm_named("web", guest_id="windows2019srv_64Guest")], PausePolicy.CONTINUE)])


def changed(plan, networks=(), **fields):
    vms = tuple(replace(each, **fields) for each in plan.vms)
    return replace(plan, vms=vms, private_networks=tuple(NewNetwork(name=each) for each in networks))


JOINING = changed(LINUX, nics=(nic("lan"),))


@pytest.mark.parametrize(
    ("needed_for", "plan", "concerned"),
    [
        (NeededFor.EVERY_PLAN, LINUX, True),
        (NeededFor.PRIVATE_NETWORKS, LINUX, False),
        (NeededFor.PRIVATE_NETWORKS, changed(LINUX, nics=(nic(PUBLIC),)), False),
        (NeededFor.PRIVATE_NETWORKS, JOINING, True),
        (NeededFor.PRIVATE_NETWORKS, changed(JOINING, create_instance=False), False),
        (NeededFor.NEW_NETWORKS, JOINING, False),
        (NeededFor.NEW_NETWORKS, changed(LINUX, ["lan"]), False),
        (NeededFor.NEW_NETWORKS, changed(JOINING, ["lan"]), True),
        (NeededFor.WINDOWS, LINUX, False),
        (NeededFor.WINDOWS, WINDOWS, True),
        (NeededFor.WINDOWS, changed(WINDOWS, create_instance=False), False),
    ],
)
def test_which_plans_a_right_concerns(needed_for, plan, concerned):
    assert MissingAccess("cannot read it", "allow it", needed_for).concerns(plan) is concerned
