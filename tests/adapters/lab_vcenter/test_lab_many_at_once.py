"""Many clients at once: every VM is exported by its own session, and nothing is left behind."""

import hashlib
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from lab_vcenter_rig import Lab, download, finish, ready
from pyVmomi import vim


def export_running(lab: Lab, name: str) -> list[bool]:
    """Snapshot, export every disk, remove the snapshot; whether each stream was what the manifest says."""
    vm = lab.vm(lab.login().RetrieveContent(), name)
    snapshot = finish(vm.CreateSnapshot_Task("v2s", "", False, True))
    lease = snapshot.ExportSnapshot()
    bodies = {each.key: download(each.url)[1] for each in ready(lease).deviceUrl}
    manifest = {entry.key: entry for entry in lease.HttpNfcLeaseGetManifest()}
    lease.HttpNfcLeaseComplete()
    finish(snapshot.RemoveSnapshot_Task(True))
    return [
        manifest[key].sha1 == hashlib.sha1(body, usedforsecurity=False).hexdigest()
        for key, body in bodies.items()
    ]


def test_a_dozen_exports_side_by_side(start_lab):
    lab = start_lab("fleet", vm_count=12)
    names = [vm.name for vm in lab.server.scenario.vms]
    for vm in lab.server.world.vms():
        vm.power = "poweredOn"
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda name: export_running(lab, name), names))
    assert all(all(matches) and matches for matches in results)
    state = lab.server.state()
    assert (state["new_snapshots"], state["leases"]) == ({}, [])
    assert state["requests"]["CreateSnapshot_Task"] == 12


def test_tasks_on_many_vms_run_at_the_same_time(start_lab):
    lab = start_lab("fleet", vm_count=30, pace=1.0)
    content = lab.login().RetrieveContent()
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
    tasks = [vm.CreateSnapshot_Task("s", "", False, False) for vm in view.view]
    for task in tasks:
        finish(task)
    infos = [task.info for task in tasks]
    slowest = max(info.completeTime for info in infos) - min(info.queueTime for info in infos)
    assert slowest.total_seconds() < 30 * 0.4, "they ran one after the other"


def test_a_client_that_does_not_speak_tls_harms_nobody(lab: Lab):
    with socket.create_connection(("127.0.0.1", lab.server.port), timeout=10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            plain.recv(1000)
    assert lab.login().RetrieveContent().about.apiType == "VirtualCenter"


def test_a_client_that_says_nothing_blocks_nobody(lab: Lab):
    with socket.create_connection(("127.0.0.1", lab.server.port), timeout=10):
        assert lab.login().RetrieveContent().about.apiType == "VirtualCenter"
