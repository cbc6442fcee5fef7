"""The virtual hardware of a VM: controllers, disks and network cards with the keys real VMs have."""

from typing import Any

from pyVmomi import vim

from v2s_tui.lab.scenarios.model import DiskSpec, NicSpec
from v2s_tui.lab.vcenter.inventory import VirtualMachine
from v2s_tui.lab.vcenter.rendering import array

_device = vim.vm.device
_CONTROLLERS: dict[str, tuple[Any, int, str]] = {
    # kind -> class, first device key, its name in lease keys
    "pvscsi": (_device.ParaVirtualSCSIController, 1000, "ParaVirtualSCSIController"),
    "lsilogic": (_device.VirtualLsiLogicController, 1000, "VirtualLsiLogicController"),
    "lsisas": (_device.VirtualLsiLogicSASController, 1000, "VirtualLsiLogicSASController"),
    "ide": (_device.VirtualIDEController, 200, "VirtualIDEController"),
    "sata": (_device.VirtualAHCIController, 15000, "VirtualAHCIController"),
    "nvme": (_device.VirtualNVMEController, 31000, "VirtualNVMEController"),
}
_ADAPTERS = {
    "vmxnet3": _device.VirtualVmxnet3,
    "e1000": _device.VirtualE1000,
    "e1000e": _device.VirtualE1000e,
}
_FIRST_DISK_KEY = 2000
_FIRST_NIC_KEY = 4000


def devices(vm: VirtualMachine) -> Any:
    """All devices, controllers first, as `config.hardware.device` lists them."""
    spec = vm.spec
    pairs = dict.fromkeys((disk.controller, disk.bus) for disk in spec.disks)
    found = [_controller(kind, bus) for kind, bus in pairs]
    found += [_disk(vm, disk, number) for number, disk in enumerate(spec.disks)]
    found += [_nic(vm, nic, number) for number, nic in enumerate(spec.nics)]
    return array(_device.VirtualDevice, found)


def disk_path(vm: VirtualMachine, number: int) -> str:
    """`[datastore] folder/file.vmdk` of the VM's disk, counted from 0; a snapshot's link has a number."""
    folder = vm.disk_folder()
    ending = f"_{number}" if number else ""
    link = f"-{vm.snapshots_made:06d}" if vm.snapshots else ""
    return f"[{vm.spec.disks[number].datastore}] {folder}/{folder}{ending}{link}.vmdk"


def lease_key(vm: VirtualMachine, disk: DiskSpec) -> str:
    """The key an export lease gives the disk, `/vm-1001/ParaVirtualSCSIController0:1`."""
    return f"/{vm.moid}/{_CONTROLLERS[disk.controller][2]}{disk.bus}:{disk.unit}"


def disk_key(number: int) -> int:
    """Device key of the VM's disk, counted from 0."""
    return _FIRST_DISK_KEY + number


def _controller(kind: str, bus: int) -> Any:
    cls, first_key, name = _CONTROLLERS[kind]
    controller = cls(key=first_key + bus, busNumber=bus)
    controller.deviceInfo = vim.Description(label=f"{name} {bus}", summary=name)
    if isinstance(controller, _device.VirtualSCSIController):
        controller.sharedBus = _device.VirtualSCSIController.Sharing.noSharing
        controller.scsiCtlrUnitNumber = 7
    return controller


def _disk(vm: VirtualMachine, disk: DiskSpec, number: int) -> Any:
    first_key = _CONTROLLERS[disk.controller][1]
    return _device.VirtualDisk(
        key=disk_key(number),
        controllerKey=first_key + disk.bus,
        unitNumber=disk.unit,
        deviceInfo=vim.Description(label=disk.label, summary=f"{disk.size_bytes // 1024:,} KB"),
        backing=_backing(vm, disk, number),
        capacityInKB=disk.size_bytes // 1024,
        capacityInBytes=disk.size_bytes,
    )


def _backing(vm: VirtualMachine, disk: DiskSpec, number: int) -> Any:
    path = disk_path(vm, number)
    datastore = next((store.ref for store in vm.datastores if store.name == disk.datastore), None)
    sharing = "sharingMultiWriter" if disk.sharing else "sharingNone"
    if disk.backing.startswith("rdm"):
        return _device.VirtualDisk.RawDiskMappingVer1BackingInfo(
            fileName=path,
            datastore=datastore,
            lunUuid="02000000006006016000000000",
            deviceName="vml.02000000006006016000000000",
            compatibilityMode="physicalMode" if disk.backing == "rdm-physical" else "virtualMode",
            diskMode=disk.mode,
        )
    return _device.VirtualDisk.FlatVer2BackingInfo(
        fileName=path,
        datastore=datastore,
        diskMode=disk.mode,
        thinProvisioned=disk.thin,
        eagerlyScrub=False,
        writeThrough=False,
        split=False,
        sharing=sharing,
        uuid=f"6000C29{vm.moid[3:]:0>6}{number}-{vm.spec.instance_uuid[:8]}",
        contentId="fffffffe",
    )


def _nic(vm: VirtualMachine, nic: NicSpec, number: int) -> Any:
    network = vm.networks.get(nic.network)
    backing = _device.VirtualEthernetCard.NetworkBackingInfo(
        deviceName=nic.network, network=network.ref if network else None
    )
    return _ADAPTERS[nic.adapter](
        key=_FIRST_NIC_KEY + number,
        controllerKey=100,
        unitNumber=7 + number,
        deviceInfo=vim.Description(label=f"Network adapter {number + 1}", summary=nic.network),
        backing=backing,
        connectable=_device.VirtualDevice.ConnectInfo(
            startConnected=True, allowGuestControl=True, connected=vm.power == "poweredOn"
        ),
        macAddress=nic.mac_address,
        addressType="assigned",
    )


def nic_key(number: int) -> int:
    """Device key of the VM's network card, counted from 0."""
    return _FIRST_NIC_KEY + number
