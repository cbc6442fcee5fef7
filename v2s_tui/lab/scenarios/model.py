"""What a scenario is made of: facts about a small world of VMs, immutable once loaded.

The vCenter server turns them into vSphere objects; the disk builder turns `DiskSpec.content` into a raw file.
"""

from dataclasses import dataclass, field
from pathlib import Path

BOOTABLE = "bootable-"
"""Content kinds that begin so are guests that boot: the rest is a shape of lab/guests."""


@dataclass(frozen=True, slots=True)
class DiskSpec:
    """A virtual disk and the raw file behind it.

    content: kind of content, see disks/build.py. payload_bytes: about how much the guest's files take, None
    for the kind's own default. mode: vSphere's diskMode. backing: flat | rdm-virtual | rdm-physical.
    raw_path: where the raw file is, or will be once it is needed. seed: what its content is drawn from.
    """

    label: str
    size_bytes: int
    content: str
    raw_path: Path
    seed: str
    payload_bytes: int | None = None
    datastore: str = "datastore1"
    thin: bool = True
    mode: str = "persistent"
    backing: str = "flat"
    controller: str = "pvscsi"
    bus: int = 0
    unit: int = 0
    sharing: bool = False


@dataclass(frozen=True, slots=True)
class NicSpec:
    """A network card. network: name of its port group. ip_addresses: as VMware Tools report them."""

    mac_address: str
    network: str
    adapter: str = "vmxnet3"
    ip_addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VmSpec:
    """A VM as it is when the lab starts.

    folder: inventory path, `/DC1/Production/Windows`. power: poweredOn | poweredOff | suspended.
    connection: connected | disconnected | orphaned | inaccessible. tools: guestToolsRunning |
    guestToolsNotRunning | toolsNotInstalled. snapshots: names, each below the one before.
    readable: False when vCenter has no configuration for it. denied: properties the account may not read.
    strange_values: property paths with a value of a type that only a newer API knows.
    """

    name: str
    folder: str
    host: str
    instance_uuid: str
    bios_uuid: str
    guest_id: str = "debian12_64Guest"
    guest_full_name: str = "Debian GNU/Linux 12 (64-bit)"
    firmware: str = "bios"
    secure_boot: bool = False
    power: str = "poweredOn"
    connection: str = "connected"
    cpu_count: int = 2
    memory_mb: int = 2048
    disks: tuple[DiskSpec, ...] = ()
    nics: tuple[NicSpec, ...] = ()
    tags: tuple[str, ...] = ()
    custom_attributes: dict[str, str] = field(default_factory=dict, hash=False)
    snapshots: tuple[str, ...] = ()
    tools: str = "guestToolsRunning"
    host_name: str = ""
    annotation: str = ""
    template: bool = False
    readable: bool = True
    change_tracking: bool = False
    denied: tuple[str, ...] = ()
    strange_values: dict[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class HostSpec:
    """An ESXi host. nfc_host: host its lease URLs name, with or without port; "" for the lab's own address of
    that host, "*" as a host that does not know its name answers."""

    name: str
    cluster: str
    datacenter: str
    nfc_host: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole source side. disks_at_start: make every raw file before serving, not at its first use.

    tag_category: the category all tags of the scenario's VMs belong to.
    """

    name: str
    folder: Path
    hosts: tuple[HostSpec, ...]
    datastores: tuple[str, ...]
    networks: tuple[str, ...]
    vms: tuple[VmSpec, ...]
    disks_at_start: bool = True
    tag_category: str = "lab"

    def vm(self, name: str) -> VmSpec:
        """The first VM of that name. Raises KeyError where there is none."""
        for vm in self.vms:
            if vm.name == name:
                return vm
        raise KeyError(name)
