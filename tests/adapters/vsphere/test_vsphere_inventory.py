"""Login and inventory against the lab: pages, joins, awkward VMs, sessions that expire."""

import time
from pathlib import Path

import pytest
from vsphere_lab import Connect, StartLab, address_of_lab, lab_rules, named

from v2s_tui.adapters.vsphere import listing, retrieve
from v2s_tui.adapters.vsphere import session as session_module
from v2s_tui.adapters.vsphere import source as source_module
from v2s_tui.adapters.vsphere.address import Timeouts
from v2s_tui.adapters.vsphere.source import connect
from v2s_tui.domain.errors import LoginRefused, SessionExpired, SourceError, SourceUnreachable
from v2s_tui.domain.source.vm import DiskBacking, Firmware, PowerState, Vm
from v2s_tui.lab.vcenter.server import VCenterServer

pytestmark = pytest.mark.lab


def test_one_login_and_always_a_logout(start_lab: StartLab, open_source: Connect) -> None:
    lab = start_lab()
    source = open_source(lab)
    source.with_details(source.inventory())
    assert len(lab.state()["sessions"]) == 2, "one over SOAP, one for tags"
    source.close()
    source.close()
    state = lab.state()
    assert state["sessions"] == []
    assert state["requests"]["Login"] == 1


def test_leaving_does_not_wait_for_a_vcenter_that_is_gone(
    start_lab: StartLab, open_source: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A VPN that dropped must not keep the operator's terminal."""
    monkeypatch.setattr(source_module, "LOGOUT_SECONDS", 0.2)
    lab = start_lab()
    source = open_source(lab, timeouts=Timeouts(connect=2, call=4))
    source.inventory()
    lab.faults.replace(lab_rules([{"delay_seconds": 3.0}]))
    began = time.monotonic()
    source.close()
    assert time.monotonic() - began < 2
    lab.faults.replace([])


def test_a_wrong_password_is_refused_in_one_sentence(start_lab: StartLab, tls_folder: Path) -> None:
    lab = start_lab()
    with pytest.raises(LoginRefused, match="refused the login of migrator") as raised:
        connect(address_of_lab(lab, tls_folder, password=lambda: "wr0ng"))
    assert "wr0ng" not in str(raised.value)
    assert lab.state()["sessions"] == []


def test_a_pinned_certificate_needs_no_authority(
    start_lab: StartLab, open_source: Connect, tls_folder: Path
) -> None:
    lab = start_lab()
    with pytest.raises(SourceUnreachable) as raised:
        connect(address_of_lab(lab, tls_folder, ca_file=""))
    offered = raised.value.hint.split(" to ")[-1].split(" ")[0]
    assert "pinned" in open_source(lab, ca_file="", thumbprint=offered).tls_note


def test_the_list_is_joined_and_detailed(start_lab: StartLab, open_source: Connect) -> None:
    source = open_source(start_lab())
    pages: list[tuple[Vm, ...]] = []
    inventory = source.inventory(pages.append)
    assert sorted(vm.path for vm in inventory) == [
        "/DC1/Development/tiny-02",
        "/DC1/Production/Windows/tiny-win-01",
        "/DC1/Production/tiny-01",
        "/DC1/Production/tiny-03",
    ]
    assert [vm.moref for page in pages for vm in page] == [vm.moref for vm in inventory]
    (vm,) = source.with_details(inventory.find("tiny-01"))
    assert (vm.cluster, vm.host, vm.datacenter) == ("prod-cluster", "esxi-01", "DC1")
    assert (vm.tags, vm.custom_attributes) == (("lab/env:prod",), {"owner": "web team"})
    assert (vm.datastores, vm.port_groups, vm.total_disk_gib) == (("datastore1",), ("prod-net",), 1)
    assert vm.nics[0].ip_addresses
    assert vm.bios_uuid
    assert vm.instance_uuid != vm.bios_uuid


def test_pages_follow_the_token(
    start_lab: StartLab, open_source: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieve, "PAGE_SIZE", 7)
    lab = start_lab("fleet", vm_count=40)
    pages: list[int] = []
    inventory = open_source(lab).inventory(lambda page: pages.append(len(page)))
    templates = sum(spec.template for spec in lab.scenario.vms)
    assert len(inventory) == 40 - templates
    assert len(pages) >= 5
    assert max(pages) <= 7


def test_awkward_vms_never_blank_the_list(start_lab: StartLab, open_source: Connect) -> None:
    source = open_source(start_lab("awkward"))
    inventory = source.inventory()
    vms = {vm.name: vm for vm in source.with_details(inventory)}
    assert "template-01" not in vms
    assert not any(name.startswith("vCLS") for name in vms), "vSphere's own are nobody's to move"
    assert not vms["no-config-01"].readable
    assert not vms["orphan-01"].readable
    assert len(inventory.unreadable) == 2
    assert len(inventory.find("twin-01")) == 2
    assert len(inventory.by_path) == len(inventory)
    assert vms["slash/back\\slash%percent"].readable
    assert vms["delete csi31m and turned round"].readable
    assert vms["[legacy] web [01]"].datastores == ("san [gold] 01",)
    assert vms["[legacy] web [01]"].port_groups == ("dvs [prod] 10/20",)
    assert [disk.backing for disk in vms["rdm-01"].disks] == [DiskBacking.FLAT, DiskBacking.RDM_PHYSICAL]
    assert vms["rdm-virtual-01"].disks[1].backing is DiskBacking.RDM_VIRTUAL
    assert [disk.independent for disk in vms["independent-01"].disks] == [False, True]
    assert [taken.depth for taken in vms["old-snapshots-01"].snapshots] == [1, 2, 3]
    assert vms["shared-disk-01"].disks[1].shared
    assert vms["secure-boot-01"].secure_boot
    places = [(disk.controller_bus, disk.unit_number) for disk in vms["many-disks-01"].disks]
    assert places == sorted(set(places))
    assert len(places) == 17
    assert vms["suspended-01"].power_state is PowerState.SUSPENDED
    assert vms["disconnected-01"].connection_state == "disconnected"


def test_a_vm_that_is_gone_is_left_out_of_details(start_lab: StartLab, open_source: Connect) -> None:
    source = open_source(start_lab())
    known = source.inventory().vms
    gone = Vm(moref="vm-4711", name="gone")
    assert [vm.name for vm in source.with_details((known[0], gone, known[1]))] == [
        vm.name for vm in known[:2]
    ]
    assert source.with_details((gone,)) == ()
    assert source.with_details(()) == ()


@pytest.mark.parametrize(
    "operation", ["CreateContainerView", "RetrievePropertiesEx", "ContinueRetrievePropertiesEx"]
)
def test_an_expired_session_is_renewed_in_the_middle_of_the_list(
    start_lab: StartLab, open_source: Connect, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    """NotAuthenticated as a fault: one new login, the whole list, no VM twice on the screen."""
    monkeypatch.setattr(retrieve, "PAGE_SIZE", 10)
    lab = start_lab("fleet", vm_count=40)
    source = open_source(lab)
    lab.faults.replace(lab_rules([{"operation": operation, "nth": 2, "fault": "NotAuthenticated"}]))
    shown: list[str] = []
    inventory = source.inventory(lambda page: shown.extend(vm.moref for vm in page))
    assert shown == [vm.moref for vm in inventory]
    assert lab.state()["requests"]["Login"] == 2
    assert [strikes for _, strikes in lab.faults.strikes()] == [1]


def test_a_session_that_ended_quietly_is_renewed_too(start_lab: StartLab, open_source: Connect) -> None:
    """The other form: success, nothing in it, NotAuthenticated as the reason of everything missing."""
    lab = start_lab()
    source = open_source(lab)
    vm = named(source, "tiny-01")
    end_all_sessions(lab)
    assert source.power_state(vm.moref) is PowerState.ON
    end_all_sessions(lab)
    assert [found.name for found in source.with_details((vm,))] == ["tiny-01"]
    end_all_sessions(lab)
    assert len(source.inventory()) == 4
    assert lab.state()["requests"]["Login"] == 4


def end_all_sessions(lab: VCenterServer) -> None:
    for session in list(lab.sessions.open()):
        lab.sessions.end(session)


def test_a_password_that_was_refused_is_not_tried_again_and_again(
    start_lab: StartLab, open_source: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changed while a batch of many VMs stood at a gate: vCenter locks accounts after five attempts."""
    passwords = ["s3cret"]
    lab = start_lab()
    source = open_source(lab, password=lambda: passwords[-1])
    moref = named(source, "tiny-01").moref
    passwords.append("of yesterday")
    end_all_sessions(lab)
    for _ in range(9):
        with pytest.raises(LoginRefused):
            source.power_state(moref)
    assert lab.state()["requests"]["Login"] == 2
    passwords.append("of the day before")
    with pytest.raises(LoginRefused):
        source.power_state(moref)
    assert lab.state()["requests"]["Login"] == 3, "another one is tried at once"
    passwords.append("s3cret")
    assert source.power_state(moref) is PowerState.ON
    passwords.append("of yesterday")
    end_all_sessions(lab)
    monkeypatch.setattr(session_module, "REFUSED_SECONDS", 0.0)
    for _ in range(2):
        with pytest.raises(LoginRefused):
            source.power_state(moref)
    assert lab.state()["requests"]["Login"] == 6, "after a while the same one: the account may be unlocked"


def test_a_session_that_expires_again_and_again_is_an_error(
    start_lab: StartLab, open_source: Connect
) -> None:
    lab = start_lab()
    source = open_source(lab)
    lab.faults.replace(lab_rules([{"operation": "RetrievePropertiesEx", "fault": "NotAuthenticated"}]))
    with pytest.raises(SessionExpired):
        source.inventory()
    with pytest.raises(SessionExpired):
        source.power_state("vm-1001")


def test_the_inventory_survives_a_vcenter_without_tags(start_lab: StartLab, open_source: Connect) -> None:
    rules = [{"operation": "* /api/*", "status": 404}, {"operation": "* /rest/*", "status": 503}]
    inventory = open_source(start_lab(rules=rules)).inventory()
    assert len(inventory) == 4
    assert ["tags could not be read" in sentence for sentence in inventory.unreadable] == [True]


@pytest.mark.parametrize(("status", "passes"), [(503, True), (404, False)])
def test_a_tag_that_cannot_be_attached_is_tried_again_while_vcenter_starts(
    start_lab: StartLab, open_source: Connect, status: int, *, passes: bool
) -> None:
    rules = [{"operation": f"* /{face}/*", "status": status} for face in ("api", "rest")]
    source = open_source(start_lab(rules=rules))
    with pytest.raises(SourceError, match=f"status {status}") as raised:
        source.tag_vm("vm-1", "migrated")
    assert raised.value.transient is passes


def test_tags_fall_back_to_the_old_face(start_lab: StartLab, open_source: Connect) -> None:
    lab = start_lab(rules=[{"operation": "* /api/*", "status": 404}])
    source = open_source(lab)
    assert named(source, "tiny-01").tags == ("lab/env:prod",)
    source.tag_vm(named(source, "tiny-01").moref, "migrated")
    assert named(source, "tiny-01").tags == ("lab/env:prod", "v2s/migrated")
    source.close()
    assert lab.state()["sessions"] == []


def test_a_tag_is_made_once(start_lab: StartLab, open_source: Connect) -> None:
    lab = start_lab()
    source = open_source(lab)
    for vm in source.inventory():
        source.tag_vm(vm.moref, "migrated")
    open_source(lab).tag_vm(source.inventory().vms[0].moref, "migrated")
    assert all("migrated" in names for names in lab.state()["tags"].values())
    assert sum(tag.name == "migrated" for tag in lab.tags.tags.values()) == 1


def test_a_tag_that_goes_while_tags_are_read_costs_only_itself(
    start_lab: StartLab, open_source: Connect
) -> None:
    """Somebody else works with tags too; and an account may see that a tag is there but not which."""
    lab = start_lab()
    source = open_source(lab)
    for name in ("a", "b"):
        source.tag_vm(named(source, "tiny-01").moref, name)
    gone = next(tag_id for tag_id, tag in lab.tags.tags.items() if tag.name == "a")
    lab.faults.replace(lab_rules([{"operation": f"GET /api/cis/tagging/tag/{gone}", "status": 404}]))
    later = open_source(lab)
    inventory = later.inventory()
    assert inventory.unreadable == ()
    assert inventory.find("tiny-01")[0].tags == ("lab/env:prod", "v2s/b")
    later.tag_vm(inventory.find("tiny-02")[0].moref, "c")


def test_a_stalled_vcenter_is_given_up_and_works_again(start_lab: StartLab, open_source: Connect) -> None:
    lab = start_lab()
    source = open_source(lab, timeouts=Timeouts(connect=2, call=0.4))
    lab.faults.replace(lab_rules([{"operation": "RetrievePropertiesEx", "times": 1, "delay_seconds": 1.0}]))
    with pytest.raises(SourceUnreachable, match="did not answer in time"):
        source.inventory()
    assert len(source.inventory()) == 4


def test_missing_privileges_are_named_by_vm(start_lab: StartLab, open_source: Connect) -> None:
    lab = start_lab(denied_privileges=frozenset({"VApp.Export", "VirtualMachine.State.CreateSnapshot"}))
    source = open_source(lab)
    morefs = [vm.moref for vm in source.inventory()]
    missing = source.missing_privileges(morefs)
    assert set(missing) == set(morefs)
    assert set(missing[morefs[0]]) == {"VApp.Export", "VirtualMachine.State.CreateSnapshot"}


def test_an_account_with_all_privileges_misses_none(start_lab: StartLab, open_source: Connect) -> None:
    source = open_source(start_lab())
    assert source.missing_privileges([vm.moref for vm in source.inventory()]) == {}


NEWER_AND_CLOSED = """
name: newer
hosts: [{name: esxi-01, cluster: c}]
datastores: [datastore1]
networks: [VM Network]
disks_at_start: false
vms:
  - {name: denied-01, folder: /DC1/Closed, host: esxi-01, denied: [config, guest]}
  - {name: strange-01, folder: /DC1/New, host: esxi-01,
     strange_values: {config.firmware: quantum, runtime.powerState: entangled, guest.net: odd}}
  - {name: plain-01, folder: /DC1/New, host: esxi-01, power: poweredOff}
"""


def test_denied_and_unknown_values_cost_nothing_but_themselves(
    start_lab: StartLab, open_source: Connect, tmp_path: Path
) -> None:
    scenario = tmp_path / "newer.yaml"
    scenario.write_text(NEWER_AND_CLOSED)
    source = open_source(start_lab(str(scenario)))
    inventory = source.inventory()
    assert inventory.unreadable == (
        "/DC1/Closed/denied-01: the vCenter account may not read its configuration (System.Read)",
    )
    vms = {vm.name: vm for vm in source.with_details(inventory)}
    assert (vms["denied-01"].readable, vms["denied-01"].power_state) == (False, PowerState.ON)
    assert vms["strange-01"].power_state is PowerState.UNKNOWN
    assert vms["strange-01"].firmware is Firmware.UNKNOWN
    assert vms["strange-01"].cpu_count == vms["plain-01"].cpu_count
    assert vms["plain-01"].power_state is PowerState.OFF


def test_a_property_the_server_does_not_know_is_left_out(
    start_lab: StartLab, open_source: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = (*listing.LIST_PROPERTIES, "config.fromTomorrow", "runtime.alsoNew")
    monkeypatch.setattr(listing, "LIST_PROPERTIES", more)
    inventory = open_source(start_lab()).inventory()
    assert [vm.readable for vm in inventory] == [True] * 4


@pytest.mark.parametrize(
    ("harm", "words", "passes"),
    [
        ({"cut_after_bytes": 1000}, "closed the connection before its answer was complete", True),
        ({"status": 503}, "status 503", True),
        ({"status": 404}, "status 404", False),
        ({"status": 200, "body": "<x><y>"}, "not complete XML", True),
        ({"status": 200, "body": "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"}, "document type", False),
        ({"status": 200, "body": "<x/>"}, "no SOAP body", False),
    ],
)
def test_a_broken_page_is_an_error_never_a_short_list(
    start_lab: StartLab, open_source: Connect, harm: dict[str, object], words: str, *, passes: bool
) -> None:
    """passes: what comes of a vCenter that restarts is worth another try."""
    lab = start_lab()
    source = open_source(lab)
    lab.faults.replace(lab_rules([{"operation": "RetrievePropertiesEx", "nth": 2, **harm}]))
    with pytest.raises(SourceError, match=words) as raised:
        source.inventory()
    assert raised.value.transient is passes
    assert len(source.inventory()) == 4
