"""Export leases and the disks behind them, compared with their source by qemu-img."""

import hashlib
import http.client
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from lab_vcenter_rig import Lab, download, finish, ready, wait_for
from pyVmomi import vim

from v2s_tui.lab.disks.build import ensure_disk
from v2s_tui.lab.scenarios import load_scenario


def qemu_img(*arguments: object) -> str:
    argv = ["qemu-img", *map(str, arguments)]
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout


def test_every_disk_of_a_powered_off_vm_comes_out_identical(lab: Lab, tmp_path):
    vm = lab.vm(lab.login().RetrieveContent(), "tiny-03")
    lease = vm.ExportVm()
    assert lease.state == "initializing"
    assert lease.info is None
    info = ready(lease)
    spec = lab.server.scenario.vm("tiny-03")
    disks = [each for each in info.deviceUrl if each.disk]
    assert info.totalDiskCapacityInKB == 2 << 20
    assert info.leaseTimeout == 300
    assert len(disks) == len(spec.disks) == 2
    for device, disk in zip(disks, spec.disks, strict=True):
        response, body = download(device.url, thumbprint=device.sslThumbprint)
        assert response.status == 200
        assert response.headers["Content-Type"] == "application/x-vnd.vmware-streamVmdk"
        assert response.headers["Transfer-Encoding"] == "chunked"
        assert response.headers["Content-Length"] is None
        vmdk, raw = tmp_path / "disk.vmdk", tmp_path / "disk.raw"
        vmdk.write_bytes(body)
        qemu_img("convert", "-f", "vmdk", "-O", "raw", vmdk, raw)
        assert "identical" in qemu_img("compare", "-f", "raw", "-F", "raw", raw, disk.raw_path)
        entry = next(each for each in lease.HttpNfcLeaseGetManifest() if each.key == device.key)
        assert (entry.sha1, entry.size) == (hashlib.sha1(body, usedforsecurity=False).hexdigest(), len(body))
        assert (entry.disk, entry.capacity) == (True, disk.size_bytes)
    lease.HttpNfcLeaseComplete()
    assert lease.state == "done"
    assert download(disks[0].url)[0].status == 404


def test_a_running_vm_is_exported_through_its_snapshot(lab: Lab):
    vm = lab.vm(lab.login().RetrieveContent(), "tiny-win-01")
    with pytest.raises(vim.fault.InvalidPowerState):
        vm.ExportVm()
    snapshot = finish(vm.CreateSnapshot_Task("v2s", "", False, True))
    lease = snapshot.ExportSnapshot()
    info = ready(lease)
    disk, nvram = info.deviceUrl
    assert disk.key == f"/{vm._moId}/VirtualLsiLogicSASController0:0"
    assert disk.fileSize is None
    assert (nvram.disk, nvram.fileSize) == (False, 8684)
    assert len(download(nvram.url)[1]) == 8684
    with pytest.raises(vim.fault.TaskInProgress):
        snapshot.RemoveSnapshot_Task(False)
    lease.HttpNfcLeaseComplete()
    finish(snapshot.RemoveSnapshot_Task(False))
    assert lab.server.state()["leases"] == []


def test_without_progress_a_lease_times_out_and_unlocks_the_vm(start_lab):
    lab = start_lab("tiny", lease_timeout_seconds=1)
    vm = lab.vm(lab.login().RetrieveContent(), "tiny-02")
    lease = vm.ExportVm()
    url = ready(lease).deviceUrl[0].url
    for percent in (10, 20, 30):
        time.sleep(0.5)
        lease.HttpNfcLeaseProgress(percent)
    assert lease.state == "ready"
    assert lease.transferProgress == 30
    wait_for(lambda: lease.state == "error", seconds=5)
    assert isinstance(lease.error, vim.fault.Timedout)
    assert download(url)[0].status == 404
    with pytest.raises(vim.fault.InvalidState):
        lease.HttpNfcLeaseProgress(40)
    finish(vm.PowerOnVM_Task())


def test_a_lease_that_ends_cuts_its_streams(start_lab):
    lab = start_lab("tiny", nfc_bytes_per_second=100_000)
    vm = lab.vm(lab.login().RetrieveContent(), "tiny-03")
    lease = vm.ExportVm()
    url = ready(lease).deviceUrl[0].url
    with ThreadPoolExecutor(1) as pool:
        transfer = pool.submit(download, url)
        wait_for(lambda: lab.server.world.requests["GET /nfc"])
        lab.server.sessions.end_all()
        with pytest.raises((http.client.HTTPException, OSError)):
            transfer.result(timeout=20)
    assert lab.server.state()["leases"] == []


def test_two_leases_on_one_vm_can_run_side_by_side(lab: Lab):
    vm = lab.vm(lab.login().RetrieveContent(), "tiny-03")
    leases = [vm.ExportVm(), vm.ExportVm()]
    infos = [ready(lease) for lease in leases]
    bodies = [download(info.deviceUrl[number].url)[1] for number, info in enumerate(infos)]
    assert bodies[0] != bodies[1]
    leases[0].HttpNfcLeaseComplete()
    with pytest.raises(vim.fault.TaskInProgress):
        vm.PowerOnVM_Task()
    leases[1].HttpNfcLeaseComplete()
    finish(vm.PowerOnVM_Task())


def test_raw_mappings_and_independent_disks_are_left_out(start_lab):
    lab = start_lab("awkward")
    content = lab.login().RetrieveContent()
    exported = ready(lab.vm(content, "rdm-01").ExportVm())
    assert len(exported.deviceUrl) == 1
    running = lab.vm(content, "independent-01")
    snapshot = finish(running.CreateSnapshot_Task("s", "", False, False))
    assert len(ready(snapshot.ExportSnapshot()).deviceUrl) == 1


def test_templates_and_disconnected_vms_cannot_be_exported(start_lab):
    lab = start_lab("awkward")
    with pytest.raises(vim.fault.InvalidState):
        lab.vm(lab.login().RetrieveContent(), "template-01").ExportVm()


def test_a_host_that_does_not_know_its_name_is_reached_through_the_vcenter(start_lab, tmp_path):
    lab = start_lab("awkward")
    content = lab.login().RetrieveContent()
    vm = lab.vm(content, "nameless-host-01")
    finish(vm.PowerOffVM_Task())
    device = ready(vm.ExportVm()).deviceUrl[0]
    assert device.url.startswith("https://*/nfc/")
    assert device.sslThumbprint == lab.tls.thumbprint_sha1
    url = device.url.replace("*", f"127.0.0.1:{lab.server.port}")
    (tmp_path / "d.vmdk").write_bytes(download(url)[1])
    raw = ensure_disk(lab.server.scenario.vm("nameless-host-01").disks[0])
    assert "identical" in qemu_img("compare", tmp_path / "d.vmdk", raw)


@pytest.mark.parametrize("name", ["odd-size-01", "many-disks-01"])
def test_odd_and_empty_disks_stream_too(start_lab, name, tmp_path):
    lab = start_lab("awkward")
    lease = lab.vm(lab.login().RetrieveContent(), name).ExportVm()
    device = ready(lease).deviceUrl[-1]
    (tmp_path / "d.vmdk").write_bytes(download(device.url)[1])
    disk = lab.server.scenario.vm(name).disks[-1]
    qemu_img("convert", "-O", "qcow2", tmp_path / "d.vmdk", tmp_path / "d.qcow2")
    assert "identical" in qemu_img("compare", tmp_path / "d.qcow2", disk.raw_path)
    assert f"({disk.size_bytes} bytes)" in qemu_img("info", tmp_path / "d.qcow2")


def test_a_disk_that_cannot_be_built_is_an_error_with_its_reason(start_lab, tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text(
        "name: broken\ndisks_at_start: false\nhosts: [{name: h, cluster: c}]\nvms:\n"
        "  - {name: v, folder: /DC1, host: h, power: poweredOff,\n"
        "     disks: [{size_gib: 0.01, content: linux-uefi}]}\n"
    )
    lab = start_lab(load_scenario(str(path), folder=tmp_path))
    device = ready(lab.vm(lab.login().RetrieveContent(), "v").ExportVm()).deviceUrl[0]
    response, body = download(device.url)
    assert response.status == 500
    assert b"mke2fs" in body or b"mformat" in body


def test_a_disk_above_a_terabyte_streams_in_moments(start_lab, tmp_path):
    lab = start_lab("awkward")
    lease = lab.vm(lab.login().RetrieveContent(), "huge-01").ExportVm()
    device = ready(lease).deviceUrl[1]
    (tmp_path / "d.vmdk").write_bytes(download(device.url)[1])
    size_bytes = lab.server.scenario.vm("huge-01").disks[1].size_bytes
    assert size_bytes > 10**12
    assert f"({size_bytes} bytes)" in qemu_img("info", tmp_path / "d.vmdk")
