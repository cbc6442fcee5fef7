"""A plan's needs as checks: pre-flight's findings where there are any, the account's figures where not."""

from types import SimpleNamespace

import pytest
from fakes.clock import FakeClock
from fakes.cloud import FakeCloud
from fakes.objects import FakeObjects
from fakes.plans import vm_named
from fakes.source import FakeSource
from fakes.world import World

from v2s_tui.config.settings import ConversionSettings, Settings, VmwareSettings
from v2s_tui.domain.checks import CheckState
from v2s_tui.domain.errors import PlanError
from v2s_tui.usecases.check_plan_needs import check_plan_needs
from v2s_tui.usecases.services import Lazy, Services

PLAN = """
version: 1
defaults: {zone: fr-par-1, rehearse: "off"}
migrations:
  - {vm_name: web-1, target_type: PRO2-XXS}
  - {vm_name: web-2, target_type: PRO2-XXS}
"""
ACCEPTED = PLAN.replace('"off"', '"off", accept: {quota: the rise is promised}')


@pytest.fixture
def cloud():
    world = World()
    return FakeCloud(world, FakeObjects(world))


@pytest.fixture
def look(tmp_path, cloud):
    """The checks by name for a plan's text."""
    vms = {vm.moref: vm for vm in (vm_named("web-1"), vm_named("web-2"))}
    services = Services(
        settings=Settings(
            vmware=VmwareSettings(vcenter="vc.example.com"),
            conversion=ConversionSettings(work_dir=tmp_path / "work"),
        ),
        clock=FakeClock(),
        source=Lazy(lambda: FakeSource(cloud.world, vms)),
        cloud=Lazy(lambda: cloud),
        objects=Lazy(lambda: cloud.objects),
        disks=Lazy(SimpleNamespace),
        guests=Lazy(SimpleNamespace),
    )

    def looked(text: str = PLAN):
        path = tmp_path / "plan.yaml"
        path.write_text(text)
        checks = list(check_plan_needs(services, path))
        assert {each.area for each in checks} == {"plan"}
        return {each.name: each for each in checks}

    return looked


@pytest.mark.parametrize(
    ("limits", "state", "said"),
    [
        ({"cp_servers_type_PRO2_XXS": 2}, CheckState.OK, "2 wanted in fr-par-1, 0 of 2 in use"),
        ({"cp_servers_type_PRO2_XXS": -1}, CheckState.OK, "2 wanted in fr-par-1, without limit"),
        ({"cp_servers_type_POP2_2C_8G": 9}, CheckState.WARN, "no quota of the account names it"),
        ({"cp_servers_type_PRO2_XXS": 1}, CheckState.FAIL, "2 PRO2-XXS in fr-par-1 by wave"),
    ],
)
def test_a_type_is_held_against_its_quota(look, cloud, limits, state, said):
    cloud.limits = limits
    check = look()["PRO2-XXS"]
    assert check.state is state
    assert said in check.detail
    assert bool(check.fix) is (state is not CheckState.OK)


def test_what_is_in_use_already_counts(look, cloud):
    cloud.limits = {"cp_servers_type_PRO2_XXS": 3}
    cloud.usage = lambda _zone: {"PRO2-XXS": 1}
    assert "1 of 3 in use" in look()["PRO2-XXS"].detail
    cloud.usage = lambda _zone: {"PRO2-XXS": 2}
    assert look()["PRO2-XXS"].state is CheckState.FAIL


def test_all_that_the_batch_takes_is_counted(look):
    assert look()["takes"].detail == "2 Instances, 2 volumes (20 GB in all), 2 snapshots, 2 images"
    public = look(PLAN.replace('"off"', '"off", public_ip: true'))["takes"]
    assert public.detail.endswith("2 images, 2 flexible IPs")
    imported = look(PLAN.replace('"off"', '"off", create_instance: false'))
    assert imported["takes"].detail == "2 snapshots, 2 images"
    assert "PRO2-XXS" not in imported
    assert look("version: 1\nmigrations: []\n")["takes"].detail == "nothing"


def test_an_accepted_finding_is_told_with_its_reason(look, cloud):
    cloud.limits = {"cp_servers_type_PRO2_XXS": 1}
    check = look(ACCEPTED)["PRO2-XXS"]
    assert (check.state, check.fix) == (CheckState.WARN, "accepted: the rise is promised")


def test_what_stands_against_single_vms_is_counted_and_where_it_is_shown_is_said(look):
    assert look()["VMs"].state is CheckState.OK
    standing = look(PLAN.replace("PRO2-XXS", "POP2-2C-8G-WIN"))["VMs"]
    assert standing.state is CheckState.FAIL
    assert standing.detail == "2 VMs in 1 wave; 2 findings on single VMs in the way"
    assert "v2s plan check" in standing.fix


def test_a_plan_that_cannot_be_read_is_raised(look):
    with pytest.raises(PlanError):
        look("version: 7\n")
