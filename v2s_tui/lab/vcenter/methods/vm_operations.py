"""VirtualMachine and its snapshots: power, snapshots, changes of configuration."""

from collections.abc import Callable
from typing import Any

from pyVmomi import vim, vmodl

from v2s_tui.lab.vcenter.dispatch import Call, named_fault, soap_method
from v2s_tui.lab.vcenter.inventory import Entity, Snapshot, VirtualMachine
from v2s_tui.lab.vcenter.snapshots import add_snapshot, remove_snapshot
from v2s_tui.lab.vcenter.tasks import start_task

_POWER_SECONDS = 0.3
_SNAPSHOT_SECONDS = 0.4
_CONFIGURE_SECONDS = 0.1
_SHUTDOWN_SECONDS = 1.0


def _start(call: Call, vm: VirtualMachine, seconds: float, effect: Callable[[], Any]) -> Any:
    """Start the task of this call, with the fault a rule planned for it."""
    planned = call.fault
    fault = named_fault(planned.fault, vm.ref) if planned and planned.fault and planned.in_task else None
    return start_task(
        call.world,
        method=call.request.method,
        vm=vm,
        seconds=seconds,
        effect=effect,
        user_name=call.owner().user_name,
        fault=fault,
    )


def _refuse_while_leased(vm: VirtualMachine) -> None:
    """An open export lease locks the VM against everything that would change its disks."""
    if vm.open_leases:
        raise vim.fault.TaskInProgress(
            task=vim.Task("haTask-export"),
            msg="Another task is already in progress: the VM is being exported.",
        )


def _require_power(vm: VirtualMachine, *, wanted: str, allowed: tuple[str, ...]) -> None:
    if vm.power not in allowed:
        raise vim.fault.InvalidPowerState(
            requestedState=wanted,
            existingState=vm.power,
            msg="The attempted operation cannot be performed in the current state.",
        )


def _require_connected(vm: VirtualMachine) -> None:
    if vm.spec.connection != "connected":
        raise vim.fault.InvalidState(msg=f"The virtual machine is {vm.spec.connection}.")


def _set_power(call: Call, vm: VirtualMachine, state: str) -> Callable[[], None]:
    def effect() -> None:
        vm.power = state
        call.world.touch(vm)

    return effect


def _power_task(call: Call, state: str, allowed: tuple[str, ...]) -> Any:
    vm = call.target(VirtualMachine)
    _require_connected(vm)
    _require_power(vm, wanted=state, allowed=allowed)
    return _start(call, vm, _POWER_SECONDS, _set_power(call, vm, state))


@soap_method("PowerOnVM_Task")
def power_on(call: Call) -> Any:
    _refuse_while_leased(call.target(VirtualMachine))
    return _power_task(call, "poweredOn", ("poweredOff", "suspended"))


@soap_method("PowerOffVM_Task")
def power_off(call: Call) -> Any:
    return _power_task(call, "poweredOff", ("poweredOn", "suspended"))


@soap_method("SuspendVM_Task")
def suspend(call: Call) -> Any:
    return _power_task(call, "suspended", ("poweredOn",))


@soap_method("ShutdownGuest")
def shutdown_guest(call: Call) -> None:
    """Ask the guest; it is off a moment later, and no task says so."""
    vm = call.target(VirtualMachine)
    _require_connected(vm)
    _require_power(vm, wanted="poweredOff", allowed=("poweredOn",))
    if vm.spec.tools != "guestToolsRunning":
        raise vim.fault.ToolsUnavailable(msg="VMware Tools is not running in this virtual machine.")
    call.world.clock.later(_SHUTDOWN_SECONDS, _set_power(call, vm, "poweredOff"))


@soap_method("CreateSnapshot_Task", "CreateSnapshotEx_Task")
def create_snapshot(call: Call) -> Any:
    """Take a snapshot. Without running Tools a quiesced one is taken unquiesced, as vSphere does."""
    vm = call.target(VirtualMachine)
    _require_connected(vm)
    _refuse_while_leased(vm)
    name = call.argument("name", "")
    if not name:
        raise vmodl.fault.InvalidArgument(invalidProperty="name", msg="The snapshot needs a name.")
    _require_snapshot_support(vm, with_memory=bool(call.argument("memory")))
    asked = bool(call.argument("quiesce")) or call.argument("quiesceSpec") is not None
    quiesced = asked and vm.power == "poweredOn" and vm.spec.tools == "guestToolsRunning"

    def effect() -> Any:
        description = call.argument("description") or ""
        return add_snapshot(call.world, vm, name=name, description=description, quiesced=quiesced).ref

    return _start(call, vm, _SNAPSHOT_SECONDS, effect)


def _require_snapshot_support(vm: VirtualMachine, *, with_memory: bool) -> None:
    """Disks shared with another VM rule snapshots out; independent ones rule memory in a snapshot out."""
    if any(disk.sharing for disk in vm.spec.disks):
        raise vim.fault.SnapshotFault(msg="Cannot take a snapshot: the VM shares a disk with other VMs.")
    if with_memory and any(disk.mode.startswith("independent") for disk in vm.spec.disks):
        raise vim.fault.MemorySnapshotOnIndependentDisk(
            msg="Cannot take a memory snapshot: the VM has independent disks."
        )


@soap_method("RemoveSnapshot_Task")
def remove(call: Call) -> Any:
    snapshot = call.target(Snapshot)
    _refuse_while_leased(snapshot.vm)
    with_children = bool(call.argument("removeChildren", False))

    def effect() -> None:
        remove_snapshot(call.world, snapshot, with_children=with_children)

    return _start(call, snapshot.vm, _SNAPSHOT_SECONDS, effect)


@soap_method("RemoveAllSnapshots_Task")
def remove_all(call: Call) -> Any:
    vm = call.target(VirtualMachine)
    _refuse_while_leased(vm)

    def effect() -> None:
        for root in list(vm.snapshots):
            remove_snapshot(call.world, root, with_children=True)

    return _start(call, vm, _SNAPSHOT_SECONDS, effect)


@soap_method("RenameSnapshot")
def rename_snapshot(call: Call) -> None:
    snapshot = call.target(Snapshot)
    snapshot.name = call.argument("name") or snapshot.name
    snapshot.description = call.argument("description") or snapshot.description
    call.world.touch(snapshot.vm)


@soap_method("ReconfigVM_Task")
def reconfigure(call: Call) -> Any:
    """Change the note or change tracking; the rest of a VM's hardware is fixed by the scenario."""
    vm, spec = call.target(VirtualMachine), call.argument("spec")
    _require_connected(vm)
    _refuse_while_leased(vm)

    def effect() -> None:
        vm.annotation = vm.annotation if spec.annotation is None else spec.annotation
        tracking = spec.changeTrackingEnabled
        vm.change_tracking = vm.change_tracking if tracking is None else tracking
        call.world.touch(vm)

    return _start(call, vm, _CONFIGURE_SECONDS, effect)


@soap_method("Rename_Task")
def rename(call: Call) -> Any:
    vm = call.target(VirtualMachine)

    def effect() -> None:
        vm.name = call.argument("newName") or vm.name
        call.world.touch(vm)

    return _start(call, vm, _CONFIGURE_SECONDS, effect)


@soap_method("Destroy_Task")
def destroy(call: Call) -> Any:
    vm = call.target(VirtualMachine)
    _refuse_while_leased(vm)
    _require_power(vm, wanted="poweredOff", allowed=("poweredOff", "suspended"))

    def effect() -> None:
        vm.host.vms.remove(vm)
        for datastore in vm.datastores:
            datastore.vms.remove(vm)
        for network in vm.connected:
            network.vms.remove(vm)
        _folder_children(vm).remove(vm)
        call.world.remove(vm)

    return _start(call, vm, _CONFIGURE_SECONDS, effect)


def _folder_children(vm: VirtualMachine) -> list[Entity]:
    children: list[Entity] = getattr(vm.parent, "children", [])
    return children
