"""Connect and inventory against govmomi's vcsim, a second opinion on the protocol: needs V2S_VCSIM.

vcsim 0.52 is meant: later ones break pyVmomi. Its data is its own (DC0_H0_VM0 ...).
"""

import os
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

from v2s_tui.adapters.vsphere.address import Timeouts, VcenterAddress
from v2s_tui.adapters.vsphere.source import VsphereSource, connect
from v2s_tui.domain.errors import LoginRefused, SourceUnreachable
from v2s_tui.domain.source.vm import PowerState

_BINARY = os.environ.get("V2S_VCSIM", "")
pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not _BINARY, reason="V2S_VCSIM names no vcsim binary"),
]


def address(port: int, *, password: str = "pass") -> VcenterAddress:  # noqa: S107 - vcsim's own
    return VcenterAddress(
        host="127.0.0.1",
        port=port,
        username="user",
        password=lambda: password,
        insecure=True,
        timeouts=Timeouts(connect=2, call=10, task=20),
    )


@pytest.fixture(scope="module")
def vcsim_port() -> Iterator[int]:
    """A vcsim with 30 VMs on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [_BINARY, "-l", f"127.0.0.1:{port}", "-api-version", "8.0.3.0", "-vm", "10"]
    command += ["-username", "user", "-password", "pass"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            yield port
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            connect(address(port)).close()
        except SourceUnreachable:
            assert time.monotonic() < deadline, "vcsim does not answer"
            time.sleep(0.2)
        else:
            return


@pytest.fixture
def source(vcsim_port: int) -> Iterator[VsphereSource]:
    """Connected, and logged out at the end."""
    found = connect(address(vcsim_port))
    yield found
    found.close()


def test_a_wrong_password_is_refused(vcsim_port: int) -> None:
    with pytest.raises(LoginRefused):
        connect(address(vcsim_port, password="wrong"))


def test_the_inventory_is_whole_and_joined(source: VsphereSource) -> None:
    inventory = source.inventory()
    assert len(inventory) == 20
    assert {vm.datacenter for vm in inventory} == {"DC0"}
    assert {vm.folder for vm in inventory} == {"/DC0"}
    assert {vm.cluster for vm in inventory} == {"", "DC0_C0"}
    assert all(vm.host and vm.instance_uuid and vm.cpu_count for vm in inventory)


def test_details_name_disks_and_networks(source: VsphereSource) -> None:
    vms = source.with_details(source.inventory())
    assert len(vms) == 20
    assert all(vm.disks and vm.disks[0].capacity_bytes and vm.datastores == ("LocalDS_0",) for vm in vms)
    assert all(vm.port_groups for vm in vms)


def test_snapshots_and_power(source: VsphereSource) -> None:
    vm = source.inventory().vms[0]
    taken = source.create_snapshot(vm.moref, "v2s-1", description="", quiesce=False)
    assert source.find_snapshot(vm.moref, "v2s-1") == taken
    with source.open_lease(vm.moref, taken) as lease:
        assert len(lease.disks) == 1
        lease.complete()
    source.remove_snapshot(vm.moref, taken)
    source.remove_snapshot(vm.moref, taken)
    source.shut_down_guest(vm.moref, timeout_seconds=30, hard_after_timeout=True)
    assert source.power_state(vm.moref) is PowerState.OFF
    source.power_on(vm.moref)


def test_tags_are_attached(source: VsphereSource) -> None:
    vm = source.inventory().vms[1]
    source.tag_vm(vm.moref, "seen")
    assert source.inventory().find(vm.name)[0].tags == ("v2s/seen",)
