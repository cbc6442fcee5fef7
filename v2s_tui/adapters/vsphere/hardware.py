"""Disks and NICs from a VM's virtual devices.

Device keys mean nothing by themselves (simulators number otherwise): a disk's place is its controller's bus
and its unit number, found through controllerKey.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from v2s_tui.adapters.vsphere.places import Places
from v2s_tui.adapters.vsphere.values import (
    Parts,
    Value,
    decoded_name,
    flag_of,
    items_of,
    kind_of,
    many,
    moref_of,
    number_of,
    parts_of,
    text_of,
)
from v2s_tui.domain.source.vm import Disk, DiskBacking, Nic

_ETHERNET = {
    "VirtualVmxnet3": "vmxnet3",
    "VirtualVmxnet2": "vmxnet2",
    "VirtualVmxnet": "vmxnet",
    "VirtualVmxnet3Vrdma": "vmxnet3vrdma",
    "VirtualE1000": "e1000",
    "VirtualE1000e": "e1000e",
    "VirtualPCNet32": "pcnet32",
    "VirtualSriovEthernetCard": "sriov",
}
_CONTROLLERS = {
    "ParaVirtualSCSIController": "pvscsi",
    "VirtualLsiLogicController": "lsilogic",
    "VirtualLsiLogicSASController": "lsisas1068",
    "VirtualBusLogicController": "buslogic",
    "VirtualIDEController": "ide",
    "VirtualAHCIController": "sata",
    "VirtualNVMEController": "nvme",
}
_AFTER_SCSI = {"nvme": 1, "sata": 2, "ide": 3}
_PASSTHROUGH = ("VirtualPCIPassthrough", "VirtualSriovEthernetCard", "VirtualSCSIPassthrough")
_FLAT = ("VirtualDiskFlatVer1BackingInfo", "VirtualDiskFlatVer2BackingInfo")
_SPARSE = (
    "VirtualDiskSparseVer1BackingInfo",
    "VirtualDiskSparseVer2BackingInfo",
    "VirtualDiskSeSparseBackingInfo",
)
_RDM = ("VirtualDiskRawDiskMappingVer1BackingInfo", "VirtualDiskPartitionedRawDiskVer2BackingInfo")


@dataclass(frozen=True, slots=True)
class Hardware:
    """disks: as read_disks orders them. encrypted: one of them is (a TPM encrypts the VM's home only)."""

    disks: tuple[Disk, ...] = ()
    nics: tuple[Nic, ...] = ()
    has_tpm: bool = False
    passthrough_devices: int = 0
    usb_devices: int = 0
    encrypted: bool | None = None


def read_hardware(devices: Value | None, guest_nics: Value | None, places: Places) -> Hardware:
    """The hardware of `config.hardware.device` (and `guest.net` for addresses)."""
    found = [parts_of(item) for item in items_of(devices)]
    kinds = [kind_of(device) for device in found]
    return Hardware(
        disks=read_disks(found, places),
        nics=tuple(_nics(found, _addresses(guest_nics), places)),
        has_tpm="VirtualTPM" in kinds,
        passthrough_devices=sum(kinds.count(kind) for kind in _PASSTHROUGH),
        usb_devices=kinds.count("VirtualUSB"),
        encrypted=any("keyId" in parts_of(device.get("backing")) for device in found) if found else None,
    )


def read_disks(devices: Iterable[Parts], places: Places | None = None) -> tuple[Disk, ...]:
    """The virtual disks among the devices: SCSI, NVMe, SATA, IDE, each by bus and unit.

    places: for datastore names; without it they are taken from the disks' paths.
    """
    by_key = {text_of(device.get("key")): device for device in devices}
    disks = [
        _disk(device, by_key, places or Places())
        for device in by_key.values()
        if kind_of(device) == "VirtualDisk"
    ]
    return tuple(sorted(disks, key=_place))


def _place(disk: Disk) -> tuple[int, int, int]:
    """SCSI controllers of all types share one numbering of buses."""
    return _AFTER_SCSI.get(disk.controller, 0), disk.controller_bus, disk.unit_number


def controller_type(disk_controller: str) -> str:
    """vSphere's type name for Disk.controller: `pvscsi` -> ParaVirtualSCSIController."""
    return next((kind for kind, name in _CONTROLLERS.items() if name == disk_controller), disk_controller)


def _disk(device: Parts, by_key: dict[str, Parts], places: Places) -> Disk:
    backing = parts_of(device.get("backing"))
    path = text_of(backing.get("fileName"))
    controller = by_key.get(text_of(device.get("controllerKey")), {})
    controller_kind = kind_of(controller)
    thin = backing.get("thinProvisioned")
    return Disk(
        key=number_of(device.get("key")),
        label=_label(device),
        capacity_bytes=number_of(device.get("capacityInBytes"))
        or 1024 * number_of(device.get("capacityInKB")),
        datastore=places.name(moref_of(backing.get("datastore"))) or _datastore_of(path),
        path=path,
        thin=flag_of(thin),
        backing=_backing(device, backing),
        mode=text_of(backing.get("diskMode")) or "persistent",
        shared=_is_shared(backing, controller),
        controller=_CONTROLLERS.get(controller_kind, controller_kind),
        controller_bus=number_of(controller.get("busNumber")),
        unit_number=number_of(device.get("unitNumber")),
    )


def _datastore_of(path: str) -> str:
    """`ds1` of `[ds1] vm/vm.vmdk`; only a guess where names have brackets themselves."""
    return decoded_name(path[1:].partition("] ")[0]) if path.startswith("[") else ""


def _label(device: Parts) -> str:
    return text_of(parts_of(device.get("deviceInfo")).get("label")) or f"device {text_of(device.get('key'))}"


def _backing(device: Parts, backing: Parts) -> DiskBacking:
    kind = kind_of(device.get("backing"))
    if kind in _FLAT:
        return DiskBacking.FLAT
    if kind in _SPARSE:
        return DiskBacking.SPARSE
    if kind in _RDM:
        virtual = text_of(backing.get("compatibilityMode")) == "virtualMode"
        return DiskBacking.RDM_VIRTUAL if virtual else DiskBacking.RDM_PHYSICAL
    return DiskBacking.OTHER


def _is_shared(backing: Parts, controller: Parts) -> bool:
    """Multi-writer on the disk, or a SCSI bus shared with other VMs."""
    return text_of(backing.get("sharing")) == "sharingMultiWriter" or text_of(
        controller.get("sharedBus")
    ) in (
        "virtualSharing",
        "physicalSharing",
    )


def _addresses(guest_nics: Value | None) -> dict[str, tuple[str, ...]]:
    """Device key -> addresses VMware Tools reported (deviceConfigId names the device)."""
    found: dict[str, tuple[str, ...]] = {}
    for nic in items_of(guest_nics):
        parts = parts_of(nic)
        key = text_of(parts.get("deviceConfigId"))
        found[key] = tuple(text_of(address) for address in many(parts.get("ipAddress")))
    return found


def _nics(devices: Iterable[Parts], addresses: dict[str, tuple[str, ...]], places: Places) -> Iterable[Nic]:
    for device in devices:
        adapter = _ETHERNET.get(kind_of(device))
        if adapter is None:
            continue
        yield Nic(
            key=number_of(device.get("key")),
            label=_label(device),
            mac_address=text_of(device.get("macAddress")).lower(),
            port_group=_port_group(parts_of(device.get("backing")), places),
            adapter=adapter,
            connected=flag_of(parts_of(device.get("connectable")).get("connected")),
            ip_addresses=addresses.get(text_of(device.get("key")), ()),
        )


def _port_group(backing: Parts, places: Places) -> str:
    """Standard port groups by reference or name, distributed ones by their key, opaque (NSX) by id."""
    key = text_of(parts_of(backing.get("port")).get("portgroupKey"))
    if key:
        return places.port_groups.get(key) or places.name(key) or key
    return (
        places.name(moref_of(backing.get("network")))
        or decoded_name(text_of(backing.get("deviceName")))
        or text_of(backing.get("opaqueNetworkId"))
    )
