"""Faults on the wire: each action does to a client what it says."""

import http.client
import json
import time

import pytest
from lab_vcenter_rig import Lab, download, finish, ready, wait_for
from pyVmomi import vim, vmodl
from test_lab_inventory_reading import read_all


def test_a_planned_fault_is_raised_by_the_call(start_lab):
    rule = {"operation": "RetrievePropertiesEx", "nth": 2, "fault": "NotAuthenticated"}
    content = start_lab("tiny", faults=[rule]).login().RetrieveContent()
    assert len(read_all(content, vim.VirtualMachine, ["name"])) == 4
    with pytest.raises(vim.fault.NotAuthenticated):
        read_all(content, vim.VirtualMachine, ["name"])
    assert len(read_all(content, vim.VirtualMachine, ["name"])) == 4


def test_a_planned_fault_of_a_task_is_the_tasks_error(start_lab):
    rule = {
        "operation": "CreateSnapshot_Task",
        "subject": "tiny-0?",
        "first": 1,
        "fault": "ApplicationQuiesceFault",
    }
    lab = start_lab("tiny", faults=[rule])
    vm = lab.vm(lab.login().RetrieveContent(), "tiny-01")
    with pytest.raises(vim.fault.ApplicationQuiesceFault):
        finish(vm.CreateSnapshot_Task("s", "", False, True))
    assert vm.snapshot is None
    finish(vm.CreateSnapshot_Task("s", "", False, False))


def test_a_task_can_be_refused_before_it_starts(start_lab):
    rule = {"operation": "PowerOnVM_Task", "first": 1, "fault": "TaskInProgress", "in_task": False}
    lab = start_lab("tiny", faults=[rule])
    vm = lab.vm(lab.login().RetrieveContent(), "tiny-02")
    with pytest.raises(vim.fault.TaskInProgress):
        vm.PowerOnVM_Task()
    finish(vm.PowerOnVM_Task())


def test_an_answer_can_be_late(start_lab):
    rule = {"operation": "CurrentTime", "nth": 1, "delay_seconds": 0.4}
    instance = start_lab("tiny", faults=[rule]).login()
    started = time.monotonic()
    instance.CurrentTime()
    assert time.monotonic() - started >= 0.4


def test_an_html_answer_in_place_of_soap(start_lab):
    rule = {"operation": "CurrentTime", "status": 503, "body": "<html>no healthy upstream</html>"}
    instance = start_lab("tiny", faults=[rule]).login()
    with pytest.raises(http.client.HTTPException, match="503"):
        instance.CurrentTime()


@pytest.mark.parametrize(
    ("action", "fault"), [("error", vim.fault.FileFault), ("timeout", vim.fault.Timedout)]
)
def test_leases_fail_as_planned(start_lab, action, fault):
    lab = start_lab("tiny", faults=[{"operation": "ExportVm", "first": 1, "lease": action}])
    vm = lab.vm(lab.login().RetrieveContent(), "tiny-02")
    lease = vm.ExportVm()
    wait_for(lambda: lease.state == "error")
    assert isinstance(lease.error, fault)
    ready(vm.ExportVm())


def test_a_lease_can_name_a_host_nobody_reaches(start_lab):
    lab = start_lab("tiny", faults=[{"operation": "ExportVm", "lease": "unreachable"}])
    device = ready(lab.vm(lab.login().RetrieveContent(), "tiny-02").ExportVm()).deviceUrl[0]
    with pytest.raises(ConnectionRefusedError):
        download(device.url)


def test_a_lease_can_name_a_certificate_the_host_does_not_have(start_lab):
    lab = start_lab("tiny", faults=[{"operation": "ExportVm", "lease": "wrong-thumbprint"}])
    device = ready(lab.vm(lab.login().RetrieveContent(), "tiny-02").ExportVm()).deviceUrl[0]
    with pytest.raises(AssertionError):
        download(device.url, thumbprint=device.sslThumbprint)
    assert download(device.url)[0].status == 200


def test_a_stream_is_cut_after_so_many_bytes(start_lab):
    rule = {"operation": "GET /nfc/*", "subject": "tiny-03", "nth": 1, "cut_after_bytes": 100_000}
    lab = start_lab("tiny", faults=[rule])
    lease = lab.vm(lab.login().RetrieveContent(), "tiny-03").ExportVm()
    url = ready(lease).deviceUrl[0].url
    with pytest.raises((http.client.IncompleteRead, OSError)):
        download(url)
    assert lease.HttpNfcLeaseGetManifest() == []
    assert download(url)[0].status == 200


def test_a_stream_stalls_and_goes_on(start_lab):
    rule = {"operation": "GET /nfc/*", "stall_seconds": 0.5, "stall_after_bytes": 300_000}
    lab = start_lab("tiny", faults=[rule])
    url = ready(lab.vm(lab.login().RetrieveContent(), "tiny-02").ExportVm()).deviceUrl[0].url
    started = time.monotonic()
    assert len(download(url)[1]) > 300_000
    assert time.monotonic() - started >= 0.5


def test_a_slow_stream_keeps_its_rate(start_lab):
    rule = {"operation": "GET /nfc/*", "bytes_per_second": 2_000_000}
    lab = start_lab("tiny", faults=[rule])
    url = ready(lab.vm(lab.login().RetrieveContent(), "tiny-02").ExportVm()).deviceUrl[0].url
    started = time.monotonic()
    size = len(download(url)[1])
    assert time.monotonic() - started > size / 2_000_000 * 0.8


def test_whatever_breaks_inside_is_a_system_error(start_lab):
    instance = start_lab("tiny", faults=[{"operation": "CurrentTime", "fault": "NoSuchFault"}]).login()
    with pytest.raises(vmodl.fault.SystemError, match="NoSuchFault"):
        instance.CurrentTime()


def test_rest_calls_can_fail(start_lab):
    lab = start_lab("tiny", faults=[{"operation": "POST /api/session", "status": 404}])
    assert lab.http("POST", "/api/session")[0] == 404


def test_rules_can_be_replaced_while_the_lab_runs(lab: Lab):
    instance = lab.login()
    rules = json.dumps([{"operation": "CurrentTime", "fault": "SystemError"}]).encode()
    assert lab.http("PUT", "/lab/faults", body=rules)[0] == 200
    with pytest.raises(vmodl.fault.SystemError):
        instance.CurrentTime()
    assert lab.http("PUT", "/lab/faults", body=b"[]")[0] == 200
    instance.CurrentTime()
    assert lab.http("PUT", "/lab/faults", body=b"[{nonsense: 1}]")[0] == 400


def test_the_state_page_tells_what_is_open(lab: Lab):
    content = lab.login().RetrieveContent()
    vm = lab.vm(content, "tiny-01")
    snapshot = finish(vm.CreateSnapshot_Task("left behind", "", False, False))
    ready(snapshot.ExportSnapshot())
    state = json.loads(lab.http("GET", "/lab/state")[2])
    assert state == lab.server.state()
    assert state["new_snapshots"] == {"/DC1/Production/tiny-01": ["left behind"]}
    assert [lease["vm"] for lease in state["leases"]] == ["/DC1/Production/tiny-01"]
    assert state["power"]["/DC1/Development/tiny-02"] == "poweredOff"
    assert state["requests"]["CreateSnapshot_Task"] == 1
