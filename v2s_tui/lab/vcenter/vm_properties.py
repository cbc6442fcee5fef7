"""How a VM looks: configuration, run time, guest, storage and summary, as VirtualMachine's properties."""

import datetime
from collections.abc import Callable
from typing import Any

from pyVmomi import VmomiSupport, vim

from v2s_tui.lab.vcenter.hardware_properties import devices, disk_key, disk_path, nic_key
from v2s_tui.lab.vcenter.inventory import Snapshot, VirtualMachine
from v2s_tui.lab.vcenter.rendering import PropertyTable, array, register
from v2s_tui.lab.vcenter.snapshots import snapshot_tree

_HARDWARE_VERSION = "vmx-19"
_STARTED_AT = datetime.datetime(2024, 1, 15, 8, 0, tzinfo=datetime.UTC)
_SWAP_BYTES_PER_MB = 1 << 20


def _config(vm: VirtualMachine) -> Any:
    """None where vCenter cannot read the VM's configuration file."""
    spec = vm.spec
    if not spec.readable:
        return None
    return vim.vm.ConfigInfo(
        changeVersion="2024-01-15T08:00:00.000000Z",
        modified=_STARTED_AT,
        name=vm.name,
        guestFullName=spec.guest_full_name,
        version=_HARDWARE_VERSION,
        uuid=spec.bios_uuid,
        instanceUuid=spec.instance_uuid,
        template=spec.template,
        guestId=spec.guest_id,
        alternateGuestName="",
        annotation=vm.annotation,
        files=vim.vm.FileInfo(vmPathName=_vmx_path(vm)),
        tools=vim.vm.ToolsConfigInfo(toolsVersion=12389),
        flags=vim.vm.FlagInfo(),
        defaultPowerOps=vim.vm.DefaultPowerOpInfo(),
        hardware=_hardware(vm),
        changeTrackingEnabled=vm.change_tracking,
        firmware=spec.firmware,
        bootOptions=vim.vm.BootOptions(efiSecureBootEnabled=spec.secure_boot),
        datastoreUrl=[
            vim.vm.ConfigInfo.DatastoreUrlPair(name=store.name, url=f"/vmfs/volumes/{store.moid}")
            for store in vm.datastores
        ],
    )


def _hardware(vm: VirtualMachine) -> Any:
    return vim.vm.VirtualHardware(
        numCPU=vm.spec.cpu_count,
        numCoresPerSocket=1,
        memoryMB=vm.spec.memory_mb,
        device=devices(vm),
    )


def _vmx_path(vm: VirtualMachine) -> str:
    datastore = vm.spec.disks[0].datastore if vm.spec.disks else "datastore1"
    return f"[{datastore}] {vm.disk_folder()}/{vm.disk_folder()}.vmx"


def _is_running(vm: VirtualMachine) -> bool:
    return vm.power == "poweredOn" and vm.spec.connection == "connected"


def _tools_running(vm: VirtualMachine) -> bool:
    return _is_running(vm) and vm.spec.tools == "guestToolsRunning"


def _tools_status(vm: VirtualMachine) -> str:
    if vm.spec.tools == "toolsNotInstalled":
        return "toolsNotInstalled"
    return "toolsOk" if _tools_running(vm) else "toolsNotRunning"


def _guest(vm: VirtualMachine) -> Any:
    spec, running = vm.spec, _tools_running(vm)
    family = "windowsGuest" if "windows" in spec.guest_id.lower() else "linuxGuest"
    return vim.vm.GuestInfo(
        toolsStatus=_tools_status(vm),
        toolsRunningStatus=_tools_running_status(vm),
        toolsVersionStatus2="guestToolsUnmanaged",
        toolsVersion="0" if spec.tools == "toolsNotInstalled" else "12389",
        guestId=spec.guest_id if running else None,
        guestFamily=family if running else None,
        guestFullName=spec.guest_full_name if running else None,
        hostName=spec.host_name if running else None,
        ipAddress=_ip_address(vm),
        guestState="running" if running else "notRunning",
        net=array(vim.vm.GuestInfo.NicInfo, _guest_nics(vm) if running else []),
        disk=array(vim.vm.GuestInfo.DiskInfo, _guest_disks(vm) if running else []),
    )


def _tools_running_status(vm: VirtualMachine) -> str:
    return "guestToolsRunning" if _tools_running(vm) else "guestToolsNotRunning"


def _ip_address(vm: VirtualMachine) -> str | None:
    addresses = [address for nic in vm.spec.nics for address in nic.ip_addresses]
    return addresses[0] if addresses and _tools_running(vm) else None


def _guest_nics(vm: VirtualMachine) -> Any:
    nics = [
        vim.vm.GuestInfo.NicInfo(
            network=nic.network,
            macAddress=nic.mac_address,
            ipAddress=list(nic.ip_addresses),
            connected=True,
            deviceConfigId=nic_key(number),
        )
        for number, nic in enumerate(vm.spec.nics)
    ]
    return array(vim.vm.GuestInfo.NicInfo, nics)


def _guest_disks(vm: VirtualMachine) -> Any:
    disks = [
        vim.vm.GuestInfo.DiskInfo(
            diskPath="/" if number == 0 else f"/data{number}",
            capacity=disk.size_bytes,
            freeSpace=disk.size_bytes - _committed(disk),
        )
        for number, disk in enumerate(vm.spec.disks)
    ]
    return array(vim.vm.GuestInfo.DiskInfo, disks)


def _committed(disk: Any) -> int:
    """Bytes the disk takes on its datastore. From the specification: the raw file may not exist yet."""
    if not disk.thin or disk.backing != "flat":
        return int(disk.size_bytes)
    return min(int(disk.size_bytes), int(disk.payload_bytes or (16 << 20)) + (4 << 20))


def _committed_bytes(vm: VirtualMachine) -> int:
    swap = vm.spec.memory_mb * _SWAP_BYTES_PER_MB if vm.power == "poweredOn" else 0
    return swap + sum(_committed(disk) for disk in vm.spec.disks)


def _uncommitted_bytes(vm: VirtualMachine) -> int:
    return sum(disk.size_bytes - _committed(disk) for disk in vm.spec.disks)


def _storage(vm: VirtualMachine) -> Any:
    usage = [
        vim.vm.StorageInfo.UsageOnDatastore(
            datastore=store.ref,
            committed=sum(_committed(disk) for disk in vm.spec.disks if disk.datastore == store.name),
            uncommitted=sum(
                disk.size_bytes - _committed(disk) for disk in vm.spec.disks if disk.datastore == store.name
            ),
            unshared=0,
        )
        for store in vm.datastores
    ]
    return vim.vm.StorageInfo(perDatastoreUsage=usage, timestamp=_STARTED_AT)


def _layout(vm: VirtualMachine) -> Any:
    """The files of the VM, with their sizes on the datastore."""
    files = [
        vim.vm.FileLayoutEx.FileInfo(key=0, name=_vmx_path(vm), type="config", size=3000, uniqueSize=3000)
    ]
    layouts = []
    for number, disk in enumerate(vm.spec.disks):
        descriptor, extent = 2 * number + 1, 2 * number + 2
        path = disk_path(vm, number)
        flat = path.replace(".vmdk", "-flat.vmdk")
        size = _committed(disk)
        info = vim.vm.FileLayoutEx.FileInfo
        files.append(info(key=descriptor, name=path, type="diskDescriptor", size=600, uniqueSize=600))
        files.append(info(key=extent, name=flat, type="diskExtent", size=size, uniqueSize=size))
        chain = [vim.vm.FileLayoutEx.DiskUnit(fileKey=[descriptor, extent])]
        layouts.append(vim.vm.FileLayoutEx.DiskLayout(key=disk_key(number), chain=chain))
    return vim.vm.FileLayoutEx(file=files, disk=layouts, timestamp=_STARTED_AT)


def _runtime(vm: VirtualMachine) -> Any:
    return vim.vm.RuntimeInfo(
        host=vm.host.ref,
        connectionState=vm.spec.connection,
        powerState=vm.power,
        faultToleranceState="notConfigured",
        toolsInstallerMounted=False,
        bootTime=_STARTED_AT if vm.power == "poweredOn" else None,
        numMksConnections=0,
        recordReplayState="inactive",
        consolidationNeeded=False,
        onlineStandby=False,
    )


def _summary(vm: VirtualMachine) -> Any:
    spec = vm.spec
    config = vim.vm.Summary.ConfigSummary(
        name=vm.name,
        template=spec.template,
        vmPathName=_vmx_path(vm),
        memorySizeMB=spec.memory_mb,
        numCpu=spec.cpu_count,
        numEthernetCards=len(spec.nics),
        numVirtualDisks=len(spec.disks),
        uuid=spec.bios_uuid,
        instanceUuid=spec.instance_uuid,
        guestId=spec.guest_id,
        guestFullName=spec.guest_full_name,
        annotation=vm.annotation,
    )
    return vim.vm.Summary(
        vm=vm.ref,
        runtime=_runtime(vm),
        config=config,
        storage=vim.vm.Summary.StorageSummary(
            committed=_committed_bytes(vm),
            uncommitted=_uncommitted_bytes(vm),
            unshared=_committed_bytes(vm),
            timestamp=_STARTED_AT,
        ),
        quickStats=vim.vm.Summary.QuickStats(guestHeartbeatStatus=_heartbeat(vm)),
        overallStatus="green",
    )


def _heartbeat(vm: VirtualMachine) -> str:
    return "green" if _tools_running(vm) else "gray"


def _snapshot_info(vm: VirtualMachine) -> Any:
    if not vm.snapshots:
        return None
    return vim.vm.SnapshotInfo(
        currentSnapshot=vm.current_snapshot.ref if vm.current_snapshot else None,
        rootSnapshotList=[snapshot_tree(root) for root in vm.snapshots],
    )


def _capability(_vm: VirtualMachine) -> Any:
    return vim.vm.Capability(
        snapshotOperationsSupported=True,
        multipleSnapshotsSupported=True,
        poweredOffSnapshotsSupported=True,
        memorySnapshotsSupported=True,
        quiescedSnapshotsSupported=True,
        changeTrackingSupported=True,
        bootOptionsSupported=True,
    )


def _custom_values(vm: VirtualMachine) -> Any:
    values = [
        vim.CustomFieldsManager.StringValue(key=key, value=text) for key, text in vm.custom_values.items()
    ]
    return array(vim.CustomFieldsManager.Value, values)


def _if_readable(read: Callable[[VirtualMachine], Any]) -> Callable[[VirtualMachine], Any]:
    return lambda vm: read(vm) if vm.spec.readable else None


VM_PROPERTIES: PropertyTable = {
    "name": lambda vm: vm.name,
    "parent": lambda vm: vm.parent.ref,
    "config": _config,
    "config.name": _if_readable(lambda vm: vm.name),
    "config.uuid": _if_readable(lambda vm: vm.spec.bios_uuid),
    "config.instanceUuid": _if_readable(lambda vm: vm.spec.instance_uuid),
    "config.guestId": _if_readable(lambda vm: vm.spec.guest_id),
    "config.guestFullName": _if_readable(lambda vm: vm.spec.guest_full_name),
    "config.firmware": _if_readable(lambda vm: vm.spec.firmware),
    "config.template": _if_readable(lambda vm: vm.spec.template),
    "config.annotation": _if_readable(lambda vm: vm.annotation),
    "config.version": _if_readable(lambda _: _HARDWARE_VERSION),
    "config.changeTrackingEnabled": _if_readable(lambda vm: vm.change_tracking),
    "config.hardware.numCPU": _if_readable(lambda vm: vm.spec.cpu_count),
    "config.hardware.memoryMB": _if_readable(lambda vm: vm.spec.memory_mb),
    "config.hardware.device": _if_readable(devices),
    "runtime": _runtime,
    "runtime.powerState": lambda vm: vim.VirtualMachine.PowerState(vm.power),
    "runtime.connectionState": lambda vm: vim.VirtualMachine.ConnectionState(vm.spec.connection),
    "runtime.host": lambda vm: vm.host.ref,
    "runtime.consolidationNeeded": lambda _: False,
    "guest": _guest,
    "guest.ipAddress": _ip_address,
    "guest.hostName": lambda vm: (vm.spec.host_name or None) if _tools_running(vm) else None,
    "guest.toolsRunningStatus": _tools_running_status,
    "guest.toolsStatus": lambda vm: vim.vm.GuestInfo.ToolsStatus(_tools_status(vm)),
    "summary": _summary,
    "summary.storage.committed": lambda vm: VmomiSupport.long(_committed_bytes(vm)),
    "summary.config.numCpu": lambda vm: vm.spec.cpu_count,
    "summary.config.memorySizeMB": lambda vm: vm.spec.memory_mb,
    "summary.config.template": lambda vm: vm.spec.template,
    "storage": _storage,
    "layoutEx": _layout,
    "snapshot": _snapshot_info,
    "capability": _capability,
    "customValue": _custom_values,
    "datastore": lambda vm: array(vim.Datastore, [store.ref for store in vm.datastores]),
    "network": lambda vm: array(vim.Network, [network.ref for network in vm.connected]),
    "resourcePool": lambda vm: None if vm.spec.template else vm.host.cluster.pool.ref,
    "guestHeartbeatStatus": lambda vm: vim.ManagedEntity.Status(_heartbeat(vm)),
    "recentTask": lambda vm: array(vim.Task, [vm.running_task.ref] if vm.running_task else []),
    "overallStatus": lambda _: vim.ManagedEntity.Status("green"),
    "rootSnapshot": lambda vm: array(vim.vm.Snapshot, [root.ref for root in vm.snapshots]),
}

SNAPSHOT_PROPERTIES: PropertyTable = {
    "vm": lambda snapshot: snapshot.vm.ref,
    "config": lambda snapshot: _config(snapshot.vm),
    "childSnapshot": lambda snapshot: array(vim.vm.Snapshot, [child.ref for child in snapshot.children]),
}

register(VirtualMachine.kind, VM_PROPERTIES)
register(Snapshot.kind, SNAPSHOT_PROPERTIES)
