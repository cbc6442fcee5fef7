"""What inspection found in a guest: plain data, kept with the VM, read by planners and reports."""

from dataclasses import dataclass
from enum import StrEnum


class PartitionTable(StrEnum):
    """Kind of the boot disk's partition table. NONE: the disk has none. HYBRID: a GPT with a used MBR."""

    MBR = "mbr"
    GPT = "gpt"
    HYBRID = "hybrid"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class MdArray:
    """A RAID array of Linux' md. uuid: as mdadm writes it, `8 hex:8 hex:...`. level: `raid1`.

    name: `host:0` or `0`, from the members ("" in metadata 0.90). The kernel's name is not here: the
    appliance calls an array md127 that the guest calls md0.
    """

    uuid: str
    level: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class GuestFilesystem:
    """A file system, swap area or container as the appliance sees it.

    device: appliance name such as /dev/sda1, /dev/vg0/root or btrfsvol:/dev/sda2/@. kind: `ext4`, `xfs`,
    `btrfs`, `vfat`, `swap`, `crypto_LUKS`, `LVM2_member`... disk_index/partition: where it lies (partition 0:
    on the whole disk; -1/0: on neither, as an LVM volume). array: the array that it is the content of.
    """

    device: str
    kind: str
    uuid: str = ""
    label: str = ""
    disk_index: int = -1
    partition: int = 0
    array: MdArray | None = None


@dataclass(frozen=True, slots=True)
class GuestMount:
    """A file system in its place. subvolume: path of a btrfs subvolume from the top level ("" none)."""

    mountpoint: str
    filesystem: GuestFilesystem
    subvolume: str = ""


@dataclass(frozen=True, slots=True)
class KernelFacts:
    """A kernel that can be booted. Paths are the guest's own.

    missing_virtio: drivers that neither the kernel nor its initramfs has. unavailable_virtio: those of them
    that the guest has no module for either, so nothing can add them.
    """

    version: str
    image_path: str
    initramfs_path: str
    initramfs_kind: str = ""
    missing_virtio: tuple[str, ...] = ()
    unavailable_virtio: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BootEntry:
    """What the guest would boot, found in its own configuration. Paths are as GRUB sees them: from the root
    of the file system that holds them.
    """

    title: str
    kernel: str
    initramfs: tuple[str, ...]
    command_line: str


@dataclass(frozen=True, slots=True)
class BootFacts:
    """How the guest boots. boot_uuid: UUID of the file system with kernels and configuration.

    config_path: grub.cfg as GRUB sees it ("" none). bls: the configuration is Boot Loader Specification
    entries, which a generic GRUB cannot follow. default_entry: what it boots (None: not understood).
    """

    firmware: str
    boot_uuid: str
    boot_kind: str
    config_path: str
    bls: bool
    default_entry: BootEntry | None
    esp_uuid: str = ""
    own_loader: bool = False


@dataclass(frozen=True, slots=True)
class GuestFacts:
    """A Linux guest. network: configuration systems found, in order of authority. selinux: `enforcing`,
    `permissive`, `disabled` or "". layers: `lvm`, `luks`, `md`, `btrfs` where present.
    """

    os_id: str
    os_version: str
    os_name: str
    architecture: str
    partition_table: PartitionTable
    mounts: tuple[GuestMount, ...]
    boot: BootFacts
    kernels: tuple[KernelFacts, ...]
    network: tuple[str, ...] = ()
    vmware_tools: tuple[str, ...] = ()
    cloud_init: bool = False
    selinux: str = ""
    layers: tuple[str, ...] = ()
    free_root_bytes: int = 0
    free_boot_bytes: int = 0

    @property
    def root(self) -> GuestMount:
        """Where the guest's / is."""
        return next(mount for mount in self.mounts if mount.mountpoint == "/")
