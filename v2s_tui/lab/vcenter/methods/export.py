"""Export: ExportVm and ExportSnapshot give out a lease, and the lease's own methods."""

from typing import Any

from pyVmomi import vim, vmodl

from v2s_tui.lab.scenarios.model import DiskSpec
from v2s_tui.lab.vcenter.dispatch import Call, soap_method
from v2s_tui.lab.vcenter.inventory import Snapshot, VirtualMachine
from v2s_tui.lab.vcenter.leases import Lease


@soap_method("ExportVm")
def export_vm(call: Call) -> Any:
    """Export a VM that is powered off; with its running disks nobody may read them."""
    vm = call.target(VirtualMachine)
    if vm.power != "poweredOff":
        raise vim.fault.InvalidPowerState(
            requestedState="poweredOff",
            existingState=vm.power,
            msg="The attempted operation cannot be performed in the current state.",
        )
    return _open(call, vm, [disk for disk in vm.spec.disks if _is_file(disk)])


@soap_method("ExportSnapshot")
def export_snapshot(call: Call) -> Any:
    """Export the disks as they were at the snapshot: independent disks have no part in it."""
    vm = call.target(Snapshot).vm
    in_snapshot = (disk for disk in vm.spec.disks if not disk.mode.startswith("independent"))
    return _open(call, vm, [disk for disk in in_snapshot if _is_file(disk)])


def _is_file(disk: DiskSpec) -> bool:
    return disk.backing == "flat"


def _open(call: Call, vm: VirtualMachine, disks: list[DiskSpec]) -> Any:
    if vm.spec.connection != "connected" or vm.spec.template:
        raise vim.fault.InvalidState(msg="The virtual machine cannot be exported in its current state.")
    if vm.running_task is not None:
        raise vim.fault.TaskInProgress(task=vm.running_task.ref, msg="Another task is already in progress.")
    timeout_seconds = call.settings.lease_timeout_seconds
    lease = call.world.add(Lease(call.world, vm=vm, disks=disks, timeout_seconds=timeout_seconds))
    call.owner().objects[lease.moid] = lease
    planned = call.fault.lease if call.fault else None
    lease.open(planned=planned)
    return lease.ref


def _open_lease(call: Call) -> Lease:
    lease = call.target(Lease)
    if lease.moid not in call.owner().objects:
        raise vmodl.fault.ManagedObjectNotFound(obj=lease.ref, msg="It belongs to another session.")
    if lease.state not in ("initializing", "ready"):
        raise vim.fault.InvalidState(msg=f"The lease is {lease.state}.")
    return lease


@soap_method("HttpNfcLeaseProgress")
def progress(call: Call) -> None:
    _open_lease(call).renew(int(call.argument("percent", 0)))


@soap_method("HttpNfcLeaseComplete")
def complete(call: Call) -> None:
    _open_lease(call).complete()


@soap_method("HttpNfcLeaseAbort")
def abort(call: Call) -> None:
    given = call.argument("fault")
    _open_lease(call).fail(given or vim.fault.Timedout(msg="The lease was aborted."))


@soap_method("HttpNfcLeaseGetManifest")
def get_manifest(call: Call) -> Any:
    lease = call.target(Lease)
    if lease.state == "initializing":
        raise vim.fault.InvalidState(msg="The lease is not ready.")
    return lease.manifest()
