"""A vSphere VM and its parts as v2s knows them: facts only, read once, never changed.

None means "vCenter did not say"; an empty tuple means "there are none".
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from v2s_tui.domain.source.guest_os import OsFamily, os_family
from v2s_tui.domain.units import GIB


class PowerState(StrEnum):
    """Power state with vSphere's own words, so that `state:poweredOn` means what it says."""

    ON = "poweredOn"
    OFF = "poweredOff"
    SUSPENDED = "suspended"
    UNKNOWN = "unknown"


class Firmware(StrEnum):
    """What starts the guest. Scaleway starts UEFI only."""

    BIOS = "bios"
    EFI = "efi"
    UNKNOWN = "unknown"


class DiskBacking(StrEnum):
    """How the virtual disk is stored. RDM disks are not files and cannot be exported over NFC."""

    FLAT = "flat"
    SPARSE = "sparse"
    RDM_VIRTUAL = "rdm-virtual"
    RDM_PHYSICAL = "rdm-physical"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Disk:
    """One virtual disk, in the order of its controller and unit.

    key: the device key in the VM's hardware (meaningful within this VM only). path: `[datastore]
    folder/file.vmdk`. mode: vSphere's diskMode (`persistent`, `independent_persistent`, ...). shared: other
    VMs may write to it.
    """

    key: int
    label: str
    capacity_bytes: int
    datastore: str = ""
    path: str = ""
    thin: bool | None = None
    backing: DiskBacking = DiskBacking.FLAT
    mode: str = "persistent"
    shared: bool = False
    controller: str = ""
    controller_bus: int = 0
    unit_number: int = 0

    @property
    def independent(self) -> bool:
        """Independent disks are left out of snapshots, so no consistent copy of them exists."""
        return self.mode.startswith("independent")


@dataclass(frozen=True, slots=True)
class Nic:
    """One virtual network adapter and the addresses VMware Tools reported on it."""

    key: int
    label: str
    mac_address: str
    port_group: str = ""
    adapter: str = ""
    connected: bool | None = None
    ip_addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GuestFilesystem:
    """A file system as VMware Tools reported it. mount: `/var` or `C:\\`."""

    mount: str
    capacity_bytes: int
    free_bytes: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A VMware snapshot that exists on the VM. depth counts from 1 at the root of the tree."""

    moref: str
    name: str
    created_at: datetime | None = None
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Vm:
    """A VM in the inventory. Identity is instance_uuid + moref; names may repeat in different folders.

    folder: normalised inventory path of its folder, `/DC1/Production` (the invisible `vm` folder left out).
    readable: False when vCenter gave no configuration for it; then only moref, name and folder are facts.
    """

    moref: str
    name: str
    instance_uuid: str = ""
    bios_uuid: str = ""
    folder: str = ""
    datacenter: str = ""
    cluster: str = ""
    host: str = ""
    resource_pool: str = ""
    power_state: PowerState = PowerState.UNKNOWN
    connection_state: str = "connected"
    cpu_count: int = 0
    memory_mb: int = 0
    guest_id: str = ""
    guest_full_name: str = ""
    firmware: Firmware = Firmware.UNKNOWN
    disks: tuple[Disk, ...] = ()
    nics: tuple[Nic, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    tags: tuple[str, ...] = ()
    custom_attributes: dict[str, str] = field(default_factory=dict, compare=False)
    tools_status: str = ""
    tools_version: str = ""
    guest_ip: str = ""
    host_name: str = ""
    annotation: str = ""
    committed_bytes: int | None = None
    consolidation_needed: bool | None = None
    change_tracking: bool | None = None
    secure_boot: bool | None = None
    has_tpm: bool = False
    passthrough_devices: int = 0
    hardware_version: str = ""
    readable: bool = True
    encrypted: bool | None = None
    usb_devices: int = 0
    guest_filesystems: tuple[GuestFilesystem, ...] = ()

    @property
    def path(self) -> str:
        """Full inventory path, `/DC1/Production/web-01`: names the VM where its name alone does not."""
        return f"{self.folder}/{self.name}"

    @property
    def is_vspheres_own(self) -> bool:
        """An agent of vSphere Cluster Services: vCenter (7.0 U1 and later) keeps up to three in each cluster,
        in the folder `vCLS`, and makes them anew when they go. Nobody's to move.
        """
        return self.name.startswith("vCLS") and self.folder.endswith("/vCLS")

    @property
    def os_family(self) -> OsFamily:
        """Family derived from guest id, else from the full name."""
        return os_family(self.guest_id, self.guest_full_name)

    @property
    def total_disk_bytes(self) -> int:
        """Provisioned size of all disks."""
        return sum(disk.capacity_bytes for disk in self.disks)

    @property
    def total_disk_gib(self) -> float:
        """Provisioned size of all disks in GiB, as VMware counts GB."""
        return self.total_disk_bytes / GIB

    @property
    def datastores(self) -> tuple[str, ...]:
        """Names of the datastores its disks lie on, in disk order, each once."""
        return tuple(dict.fromkeys(disk.datastore for disk in self.disks if disk.datastore))

    @property
    def port_groups(self) -> tuple[str, ...]:
        """Names of the port groups its NICs are connected to, in NIC order, each once."""
        return tuple(dict.fromkeys(nic.port_group for nic in self.nics if nic.port_group))
