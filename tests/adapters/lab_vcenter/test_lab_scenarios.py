"""Scenarios: the bundled ones, counts, generated fleets, and files that are none."""

import pytest

from v2s_tui.lab.disks.build import CONTENT_KINDS
from v2s_tui.lab.scenarios import ScenarioError, load_scenario


@pytest.mark.parametrize(
    ("name", "count"),
    [("demo", 12), ("tiny", 4), ("awkward", 31), ("fleet", 100), ("strange", 3), ("bootable", 9)],
)
def test_bundled_scenarios_load(name, count, tmp_path):
    scenario = load_scenario(name, folder=tmp_path)
    assert len(scenario.vms) == count
    disks = [disk for vm in scenario.vms for disk in vm.disks]
    assert {disk.content for disk in disks} <= set(CONTENT_KINDS)
    assert len({disk.raw_path for disk in disks}) == len(disks)
    assert len({vm.instance_uuid for vm in scenario.vms}) == count
    assert {vm.host for vm in scenario.vms} <= {host.name for host in scenario.hosts}


def test_demo_is_what_the_specification_shows(tmp_path):
    scenario = load_scenario("demo", folder=tmp_path)
    vms = {vm.name: vm for vm in scenario.vms}
    assert {"web-dev-01", "web-prod-01", "web-prod-03", "db-prod-01", "win-app-01", "win-dc-01"} <= set(vms)
    assert {"/".join(vm.folder.split("/")[:3]) for vm in scenario.vms} == {
        "/DC1/Production",
        "/DC1/Development",
    }
    assert {vm.firmware for vm in scenario.vms} == {"bios", "efi"}
    assert {vm.power for vm in scenario.vms} == {"poweredOn", "poweredOff"}
    assert len(vms["db-prod-01"].disks) == 2
    assert {vm.host for vm in scenario.vms} == {"esxi-01", "esxi-02"}
    assert min(disk.size_bytes for vm in scenario.vms for disk in vm.disks) >= 10**9


@pytest.mark.parametrize(("name", "count"), [("demo", 3), ("demo", 40), ("fleet", 1), ("tiny", 4)])
def test_a_count_cuts_short_or_fills_up(name, count, tmp_path):
    scenario = load_scenario(name, vm_count=count, folder=tmp_path)
    listed = load_scenario(name, folder=tmp_path).vms
    assert len(scenario.vms) == count
    shared = min(count, len(listed))
    assert scenario.vms[:shared] == listed[:shared]
    assert len({(vm.folder, vm.name) for vm in scenario.vms}) == count


def test_a_larger_fleet_begins_with_the_smaller_one(tmp_path):
    small = load_scenario("fleet", vm_count=50, folder=tmp_path)
    large = load_scenario("fleet", vm_count=500, folder=tmp_path)
    assert large.vms[:50] == small.vms
    assert {vm.firmware for vm in large.vms} == {"bios", "efi"}
    assert len({vm.folder for vm in large.vms}) > 6


def test_names_with_slashes_and_brackets_give_safe_file_names(tmp_path):
    for vm in load_scenario("awkward", folder=tmp_path).vms:
        for disk in vm.disks:
            assert disk.raw_path.parent == tmp_path / "disks"
            assert disk.raw_path.name.isascii()
            assert len(disk.raw_path.name) < 80


@pytest.mark.parametrize(
    "text",
    [
        "name: x",
        "{",
        "name: x\nhosts: [{name: h, cluster: c}]\nvms: [{name: v, folder: /DC1, host: other}]",
        "name: x\nhosts: [{name: h, cluster: c}]\nvms: [{name: v, folder: /DC1, host: h, pwer: off}]",
    ],
)
def test_files_that_are_no_scenario_are_refused(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError):
        load_scenario(str(path), folder=tmp_path)


def test_an_unknown_name_is_refused(tmp_path):
    with pytest.raises(ScenarioError, match="no-such-scenario"):
        load_scenario("no-such-scenario", folder=tmp_path)


def test_a_file_of_ones_own_is_loaded(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "name: mine\nhosts: [{name: h, cluster: c}]\n"
        "vms: [{name: v, folder: /DC9/Own, host: h, disks: [{size_gib: 2}]}]"
    )
    (vm,) = load_scenario(str(path), folder=tmp_path).vms
    assert (vm.name, vm.folder, vm.disks[0].size_bytes) == ("v", "/DC9/Own", 2 << 30)


def test_a_bootable_guest_has_the_network_card_it_is_pinned_to(tmp_path):
    from v2s_tui.lab.guests.micro import identity_of

    for vm in load_scenario("bootable", folder=tmp_path).vms:
        assert vm.nics[0].mac_address == identity_of(vm.name).mac
        assert (vm.firmware == "efi") == (vm.disks[0].content in ("bootable-uefi", "bootable-networkmanager"))
