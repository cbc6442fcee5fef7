"""Snapshots, power and leases against the lab, with the faults of real estates."""

import hashlib
import ssl
import threading
import time
import urllib.request
from typing import Any

import pytest
from vsphere_lab import Connect, StartLab, lab_rules, named

from v2s_tui.adapters.vsphere.address import Timeouts
from v2s_tui.adapters.vsphere.source import VsphereSource
from v2s_tui.domain.errors import Cancelled, LeaseFailed, QuiesceFailed, SourceError
from v2s_tui.domain.ports import DiskStream
from v2s_tui.domain.source.vm import PowerState

pytestmark = pytest.mark.lab


def snapshot(source: VsphereSource, moref: str, name: str = "v2s-1", *, quiesce: bool = False) -> str:
    return source.create_snapshot(moref, name, description="by a test", quiesce=quiesce)


def test_a_snapshot_is_taken_found_and_removed_twice(start_lab: StartLab, open_source: Connect) -> None:
    lab = start_lab()
    source = open_source(lab)
    vm = named(source, "tiny-01")
    taken = snapshot(source, vm.moref)
    assert source.find_snapshot(vm.moref, "v2s-1") == taken
    assert source.find_snapshot(vm.moref, "v2s-2") is None
    ((found, moref, name, created),) = source.snapshots_named("v2s-")
    assert (found.path, moref, name) == (vm.path, taken, "v2s-1")
    assert created is not None
    source.remove_snapshot(vm.moref, taken)
    source.remove_snapshot(vm.moref, taken)
    assert source.snapshots_named("") == ()
    assert lab.state()["snapshots"] == {}


def test_removing_from_a_vm_that_is_gone_succeeds(start_lab: StartLab, open_source: Connect) -> None:
    open_source(start_lab()).remove_snapshot("vm-4711", "snapshot-4711")


def test_a_snapshot_of_a_vm_that_is_gone_says_so(start_lab: StartLab, open_source: Connect) -> None:
    with pytest.raises(SourceError, match="does not exist at vCenter any more"):
        snapshot(open_source(start_lab()), "vm-4711")


def test_a_busy_vm_is_tried_again(start_lab: StartLab, open_source: Connect) -> None:
    rule = {"operation": "CreateSnapshot_Task", "first": 1, "fault": "TaskInProgress", "in_task": False}
    lab = start_lab(rules=[rule])
    source = open_source(lab)
    snapshot(source, named(source, "tiny-01").moref)
    assert lab.state()["requests"]["CreateSnapshot_Task"] == 2


@pytest.mark.parametrize("fault", ["TaskInProgress", "MethodDisabled"])
def test_a_removal_waits_for_the_lease_of_a_killed_client(
    start_lab: StartLab, open_source: Connect, fault: str
) -> None:
    lab = start_lab()
    source = open_source(lab)
    vm = named(source, "tiny-01")
    taken = snapshot(source, vm.moref)
    rule = {"operation": "RemoveSnapshot_Task", "first": 1, "fault": fault, "in_task": False}
    lab.faults.replace(lab_rules([rule]))
    source.remove_snapshot(vm.moref, taken)
    assert lab.state()["snapshots"] == {}


@pytest.mark.parametrize("fault", ["TaskInProgress", "MethodDisabled"])
@pytest.mark.parametrize("operation", ["PowerOnVM_Task", "CreateSnapshot_Task"])
def test_the_lease_of_a_killed_client_is_waited_out(
    start_lab: StartLab, open_source: Connect, operation: str, fault: str
) -> None:
    """A source that was shut down for its copy must come back even then."""
    rule = {"operation": operation, "first": 1, "fault": fault, "in_task": False}
    lab = start_lab(rules=[rule])
    source = open_source(lab)
    moref = named(source, "tiny-02").moref
    if operation == "PowerOnVM_Task":
        source.power_on(moref)
        assert source.power_state(moref) is PowerState.ON
    else:
        assert snapshot(source, moref) == source.find_snapshot(moref, "v2s-1")


def test_a_vm_that_stays_busy_is_given_up(start_lab: StartLab, open_source: Connect) -> None:
    source = open_source(start_lab(rules=[{"operation": "CreateSnapshot_Task", "fault": "TaskInProgress"}]))
    with pytest.raises(SourceError, match="another task is running on the VM") as raised:
        snapshot(source, named(source, "tiny-01").moref)
    assert raised.value.transient


def test_a_guest_that_cannot_be_quiesced_leaves_the_choice(start_lab: StartLab, open_source: Connect) -> None:
    rule = {"operation": "CreateSnapshot_Task", "nth": 1, "fault": "ApplicationQuiesceFault"}
    source = open_source(start_lab(rules=[rule]))
    vm = named(source, "tiny-01")
    with pytest.raises(QuiesceFailed, match="could not be quiesced"):
        snapshot(source, vm.moref, quiesce=True)
    assert snapshot(source, vm.moref)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("NoPermission", "lacks a privilege"),
        ("FileLocked", "locked"),
        ("VmConfigFault", "answered VmConfigFault"),
    ],
)
def test_the_type_of_a_fault_becomes_a_sentence(
    start_lab: StartLab, open_source: Connect, fault: str, words: str
) -> None:
    source = open_source(start_lab(rules=[{"operation": "CreateSnapshot_Task", "fault": fault}]))
    with pytest.raises(SourceError, match=words) as raised:
        snapshot(source, named(source, "tiny-01").moref)
    assert raised.value.title.startswith("Snapshot v2s-1 of vm-")
    assert raised.value.hint


def test_a_task_that_never_ends_is_an_error(start_lab: StartLab, open_source: Connect) -> None:
    source = open_source(start_lab(pace=50), timeouts=Timeouts(task=0.3))
    with pytest.raises(SourceError, match="has not ended after"):
        snapshot(source, named(source, "tiny-01").moref)


def test_power_is_reached_from_any_state(start_lab: StartLab, open_source: Connect) -> None:
    source = open_source(start_lab())
    moref = named(source, "tiny-01").moref
    source.power_on(moref)
    source.shut_down_guest(moref, timeout_seconds=5, hard_after_timeout=True)
    assert source.power_state(moref) is PowerState.OFF
    source.shut_down_guest(moref, timeout_seconds=5, hard_after_timeout=True)
    source.power_on(moref)
    assert source.power_state(moref) is PowerState.ON


def test_a_guest_is_shut_down(start_lab: StartLab, open_source: Connect) -> None:
    lab = start_lab()
    source = open_source(lab)
    moref = named(source, "tiny-01").moref
    for _ in range(2):
        source.shut_down_guest(moref, timeout_seconds=5, hard_after_timeout=False)
    assert source.power_state(moref) is PowerState.OFF
    assert "PowerOffVM_Task" not in lab.state()["requests"]


def test_a_guest_that_does_not_go_down_is_left_running(start_lab: StartLab, open_source: Connect) -> None:
    source = open_source(start_lab(pace=50))
    moref = named(source, "tiny-01").moref
    with pytest.raises(SourceError, match="still running after"):
        source.shut_down_guest(moref, timeout_seconds=0.2, hard_after_timeout=False)
    assert source.power_state(moref) is PowerState.ON


def test_the_plug_of_a_guest_that_is_going_down_already_is_not_pulled(
    start_lab: StartLab, open_source: Connect
) -> None:
    """Its Tools end before it does, so that who asks again hears that nobody is there to be asked."""
    lab = start_lab(pace=1)
    source = open_source(lab)
    moref = named(source, "tiny-01").moref
    with pytest.raises(SourceError, match="still running after"):
        source.shut_down_guest(moref, timeout_seconds=0.1, hard_after_timeout=False)
    lab.faults.replace(lab_rules([{"operation": "ShutdownGuest", "fault": "ToolsUnavailable"}]))
    source.shut_down_guest(moref, timeout_seconds=10, hard_after_timeout=True, asked_before=True)
    assert source.power_state(moref) is PowerState.OFF
    assert "PowerOffVM_Task" not in lab.state()["requests"]


def test_without_tools_only_hard_power_off_helps(start_lab: StartLab, open_source: Connect) -> None:
    source = open_source(start_lab("awkward"))
    moref = named(source, "no-tools-01").moref
    with pytest.raises(SourceError, match="VMware Tools is not running"):
        source.shut_down_guest(moref, timeout_seconds=5, hard_after_timeout=False)
    source.shut_down_guest(moref, timeout_seconds=5, hard_after_timeout=True)
    assert source.power_state(moref) is PowerState.OFF


# --- leases ---


def read_stream(stream: DiskStream) -> bytes:
    """Download as any HTTP client would, pinned to the host's certificate by comparing its thumbprint."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with urllib.request.urlopen(stream.url, context=context, timeout=10) as answer:  # noqa: S310
        content: bytes = answer.read()
    return content


def test_a_snapshot_is_exported_and_its_digests_hold(start_lab: StartLab, open_source: Connect) -> None:
    lab = start_lab()
    source = open_source(lab)
    vm = named(source, "tiny-03")
    (detailed,) = source.with_details((vm,))
    taken = snapshot(source, vm.moref)
    with source.open_lease(vm.moref, taken) as lease:
        assert [disk.device_key for disk in lease.disks] == [disk.key for disk in detailed.disks]
        assert [disk.capacity_bytes for disk in lease.disks] == [
            disk.capacity_bytes for disk in detailed.disks
        ]
        assert all(disk.thumbprint for disk in lease.disks)
        digests = {
            disk.device_key: ("sha1", hashlib.sha1(read_stream(disk), usedforsecurity=False).hexdigest())
            for disk in lease.disks
        }
        assert lease.stream_digests() == digests
        lease.complete()
    assert lab.state()["leases"] == []
    source.remove_snapshot(vm.moref, taken)


def test_a_powered_off_vm_is_exported_without_a_snapshot(start_lab: StartLab, open_source: Connect) -> None:
    """tiny-02 is an EFI guest: its lease offers an nvram file too, which is no disk."""
    source = open_source(start_lab())
    with source.open_lease(named(source, "tiny-02").moref, None) as lease:
        assert len(lease.disks) == 1
        lease.complete()


def test_a_running_vm_is_not_exported_without_a_snapshot(start_lab: StartLab, open_source: Connect) -> None:
    source = open_source(start_lab())
    with (
        pytest.raises(SourceError, match="power state does not allow it"),
        source.open_lease(named(source, "tiny-01").moref, None),
    ):
        pytest.fail("a lease was given")


def test_independent_and_rdm_disks_are_not_offered(start_lab: StartLab, open_source: Connect) -> None:
    source = open_source(start_lab("awkward"))
    for name in ("independent-01", "rdm-01", "rdm-virtual-01"):
        vm = named(source, name)
        (detailed,) = source.with_details((vm,))
        with source.open_lease(vm.moref, snapshot(source, vm.moref)) as lease:
            assert [disk.device_key for disk in lease.disks] == [detailed.disks[0].key]
            lease.complete()


def test_many_disks_keep_their_places(start_lab: StartLab, open_source: Connect) -> None:
    source = open_source(start_lab("awkward"))
    for name in ("many-disks-01", "mixed-controllers-01"):
        vm = named(source, name)
        (detailed,) = source.with_details((vm,))
        with source.open_lease(vm.moref, None) as lease:
            assert {disk.device_key for disk in lease.disks} == {disk.key for disk in detailed.disks}
            lease.complete()


def test_a_host_without_a_name_is_dialled_where_vcenter_is(start_lab: StartLab, open_source: Connect) -> None:
    lab = start_lab("awkward")
    source = open_source(lab)
    vm = named(source, "nameless-host-01")
    with source.open_lease(vm.moref, snapshot(source, vm.moref)) as lease:
        assert lease.disks[0].url.startswith(f"https://127.0.0.1:{lab.port}/nfc/")
        assert read_stream(lease.disks[0])
        lease.complete()


def test_leaving_without_completing_aborts(start_lab: StartLab, open_source: Connect) -> None:
    lab = start_lab()
    source = open_source(lab)
    moref = named(source, "tiny-02").moref
    with pytest.raises(ZeroDivisionError), source.open_lease(moref, None):
        raise ZeroDivisionError(len(lab.state()["leases"]))
    with source.open_lease(moref, None):
        pass
    assert lab.state()["leases"] == []
    assert lab.state()["requests"]["HttpNfcLeaseAbort"] == 2
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lease-")]


def test_the_heartbeat_tells_progress_and_keeps_the_lease(start_lab: StartLab, open_source: Connect) -> None:
    """A server that gives up sooner than the heartbeat's interval gets it more often."""
    lab = start_lab(lease_timeout_seconds=1)
    source = open_source(lab, timeouts=Timeouts(heartbeat=60))
    with source.open_lease(named(source, "tiny-02").moref, None) as lease:
        lease.report_progress(40)
        lease.report_progress(30)
        time.sleep(1.5)
        assert [entity.transfer_percent for entity in leases(lab)] == [40]
        lease.complete()


def leases(lab: Any) -> list[Any]:
    return [entity for entity in lab.world.entities.values() if hasattr(entity, "transfer_percent")]


def test_a_lease_that_is_gone_at_vcenter_cannot_be_completed(
    start_lab: StartLab, open_source: Connect
) -> None:
    """Leases die with their session; a new login does not bring them back."""
    lab = start_lab()
    source = open_source(lab)
    with source.open_lease(named(source, "tiny-02").moref, None) as lease:
        for session in list(lab.sessions.open()):
            lab.sessions.end(session)
        with pytest.raises(LeaseFailed):
            lease.complete()
    assert lab.state()["leases"] == []


def test_a_heartbeat_that_cannot_be_sent_is_a_failure_only_after_the_lease_time(
    start_lab: StartLab, open_source: Connect
) -> None:
    lab = start_lab(lease_timeout_seconds=2)
    source = open_source(lab)
    rule = {"operation": "HttpNfcLeaseProgress", "first": 3, "status": 503}
    with source.open_lease(named(source, "tiny-02").moref, None) as lease:
        lab.faults.replace(lab_rules([rule]))
        time.sleep(0.7)
        assert [strikes for _, strikes in lab.faults.strikes()] == [3]
        lease.complete()


def test_a_lease_that_fails_while_reading_surfaces_at_complete(
    start_lab: StartLab, open_source: Connect
) -> None:
    lab = start_lab(rules=[{"operation": "ExportVm", "lease": "timeout"}], pace=2)
    source = open_source(lab)
    with source.open_lease(named(source, "tiny-02").moref, None) as lease:
        while lab.state()["leases"]:
            time.sleep(0.05)
        with pytest.raises(LeaseFailed):
            lease.complete()


def test_a_lease_that_never_becomes_ready_is_an_error(start_lab: StartLab, open_source: Connect) -> None:
    lab = start_lab(rules=[{"operation": "ExportVm", "lease": "error"}])
    source = open_source(lab)
    with (
        pytest.raises(LeaseFailed, match="a file of the VM cannot be used"),
        source.open_lease(named(source, "tiny-02").moref, None),
    ):
        pytest.fail("a lease was given")
    assert lab.state()["leases"] == []


def test_a_slow_lease_is_waited_for_only_so_long(start_lab: StartLab, open_source: Connect) -> None:
    lab = start_lab(pace=50)
    source = open_source(lab, timeouts=Timeouts(lease_ready=0.4))
    with (
        pytest.raises(LeaseFailed, match="not ready after"),
        source.open_lease(named(source, "tiny-02").moref, None),
    ):
        pytest.fail("a lease was given")
    assert lab.state()["leases"] == []


def test_an_export_waits_for_a_busy_vm(start_lab: StartLab, open_source: Connect) -> None:
    rule = {"operation": "ExportVm", "first": 1, "fault": "TaskInProgress"}
    lab = start_lab(rules=[rule])
    source = open_source(lab, timeouts=Timeouts(busy=5))
    with source.open_lease(named(source, "tiny-02").moref, None) as lease:
        lease.complete()
    assert lab.state()["requests"]["ExportVm"] == 2


class Impatient:
    """Hears what is waited for, and has enough after some pauses."""

    def __init__(self, *, pauses: int) -> None:
        self.heard: list[str] = []
        self._left = pauses

    def pause(self, seconds: float) -> None:
        self._left -= 1
        if not self._left:
            raise Cancelled("the operator has enough")
        time.sleep(seconds)

    def waits(self, what: str) -> None:
        self.heard.append(what)


def test_who_waits_for_a_busy_vm_hears_it_and_may_end_it(start_lab: StartLab, open_source: Connect) -> None:
    lab = start_lab(rules=[{"operation": "ExportVm", "fault": "TaskInProgress"}])
    source = open_source(lab, timeouts=Timeouts(busy=60))
    operator = Impatient(pauses=4)
    with (
        pytest.raises(Cancelled),
        source.heard_by(operator).open_lease(named(source, "tiny-02").moref, None),
    ):
        pytest.fail("a lease was given")
    assert "the VM is busy with another task at vCenter for 3" in operator.heard[0]
    assert operator.heard[-1] == ""


def test_a_snapshot_that_an_interrupted_run_began_is_not_taken_twice(
    start_lab: StartLab, open_source: Connect
) -> None:
    lab = start_lab(pace=2)
    source = open_source(lab, timeouts=Timeouts(busy=30))
    moref = named(source, "tiny-01").moref
    with pytest.raises(Cancelled):
        snapshot(source.heard_by(Impatient(pauses=2)), moref)
    assert source.snapshots_named("v2s-1") == (), "vCenter is still at it"
    taken = snapshot(source, moref)
    ((_, only, _, _),) = source.snapshots_named("v2s-1")
    assert only == taken


def test_a_snapshot_that_is_being_taken_is_found(start_lab: StartLab, open_source: Connect) -> None:
    """Who cancels because a guest hangs in quiescing, and undoes it, must not be told that there is none."""
    lab = start_lab(pace=2)
    source = open_source(lab, timeouts=Timeouts(busy=30))
    moref = named(source, "tiny-01").moref
    with pytest.raises(Cancelled):
        snapshot(source.heard_by(Impatient(pauses=2)), moref)
    hasty = open_source(lab, timeouts=Timeouts(busy=0.1))
    with pytest.raises(SourceError, match="another task is running") as raised:
        hasty.find_snapshot(moref, "v2s-1")
    assert raised.value.transient
    assert source.find_snapshot(moref, "v2s-1") is not None
    assert source.find_snapshot(moref, "v2s-2") is None


def test_snapshots_are_refused_in_words_while_a_lease_is_held(
    start_lab: StartLab, open_source: Connect
) -> None:
    source = open_source(start_lab())
    moref = named(source, "tiny-02").moref
    with source.open_lease(moref, None), pytest.raises(SourceError, match=r"another task|disabled|state"):
        snapshot(source, moref)
