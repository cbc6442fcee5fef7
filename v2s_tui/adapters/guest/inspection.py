"""Finds out what a disk holds: the system's root, its mounts, how it boots, which kernels and drivers it
has.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from v2s_tui.adapters.guest.block import BlockDevice
from v2s_tui.adapters.guest.boot import gpt, mbr
from v2s_tui.adapters.guest.boot.conversion import converted_guid, table_kind
from v2s_tui.adapters.guest.initramfs.audit import InitramfsFacts, audit_in_guest
from v2s_tui.adapters.guest.initramfs.drivers import drivers_lacking
from v2s_tui.adapters.guest.linux.boot_facts import (
    boot_entries,
    config_files,
    grub_path,
    holding_mount,
    uses_bls,
)
from v2s_tui.adapters.guest.linux.cloud_init import has_cloud_init
from v2s_tui.adapters.guest.linux.device_names import DeviceNames, array_uuids
from v2s_tui.adapters.guest.linux.mount_tables import FstabEntry, parse_fstab
from v2s_tui.adapters.guest.linux.network.plan import network_systems
from v2s_tui.adapters.guest.linux.selinux import selinux_mode
from v2s_tui.adapters.guest.linux.vmware import installed_tools
from v2s_tui.adapters.guest.session import GuestSession
from v2s_tui.domain.errors import ToolError, V2sError
from v2s_tui.domain.guest.facts import (
    BootFacts,
    GuestFacts,
    GuestFilesystem,
    GuestMount,
    KernelFacts,
    PartitionTable,
)
from v2s_tui.domain.guest.refusals import ENCRYPTED_ROOT, GuestRefused

_ROOT_KINDS = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "jfs", "reiserfs", "f2fs"})
_MOUNT_KINDS = _ROOT_KINDS | {"vfat"}
_BTRFS_ROOTS = ("@", "root", "@rootfs", "@/.snapshots/1/snapshot")
_KERNEL_HEAD_BYTES = 64 * 1024
_MACHINES = {(2, 62): "x86_64", (1, 3): "i386", (2, 183): "aarch64", (2, 21): "ppc64le"}
_INITRAMFS_NAMES = ("initrd.img-{}", "initramfs-{}.img", "initrd-{}", "initramfs-{}", "initrd-{}.img")


class NoSystemFound(V2sError):
    """No root file system of an operating system that is known was found on the disks."""


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """What the raw bytes of a disk say. partition_uuids: by partition number, lower case.

    later_uuids: what they will be when the MBR has become a GPT; empty where they stay.
    """

    table: PartitionTable
    partition_uuids: dict[int, str]
    has_esp: bool
    size_bytes: int
    later_uuids: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Inspection:
    """A guest that was found and is mounted in the session. names: to look up its devices."""

    facts: GuestFacts
    names: DeviceNames
    audits: dict[str, InitramfsFacts | None]


def read_disk(device: BlockDevice, *, converts: bool = False) -> DiskFacts:
    """Partition table of one disk. converts: an MBR will become a GPT. Raises PartitionTableDamaged."""
    kind = table_kind(device)
    if kind is PartitionTable.GPT and (table := gpt.read_gpt(device)):
        uuids = {each.number: str(each.guid) for each in table.partitions}
        return DiskFacts(kind, uuids, table.esp is not None, device.size_bytes)
    old = mbr.read_mbr(device) if kind is PartitionTable.MBR else None
    partitions, disk_id = (old.partitions, old.disk_id) if old else ((), 0)
    uuids = {each.number: f"{disk_id:08x}-{each.number:02x}" for each in partitions}
    later = {each.number: str(converted_guid(disk_id, each.number)) for each in partitions if converts}
    has_esp = any(each.type_id == mbr.ESP_TYPE for each in partitions)
    return DiskFacts(kind, uuids, has_esp, device.size_bytes, later)


def inspect_linux(
    session: GuestSession, disks: Sequence[DiskFacts], scratch: Path, *, places: Sequence[int] = ()
) -> Inspection:
    """Mount the guest in the session and say what it is. places: of the disks at the source (DeviceNames).

    Raises NoSystemFound, GuestRefused (encrypted).
    """
    filesystems, layers = session.filesystems()
    root = _mount_root(session, filesystems)
    names = DeviceNames(
        filesystems,
        partition_uuids=[each.partition_uuids for each in disks],
        later_uuids=[each.later_uuids for each in disks],
        arrays=array_uuids(session),
        places=places,
    )
    mounts = (root, *_mount_others(session, names, root))
    audits: dict[str, InitramfsFacts | None] = {}
    kernels = _kernels(session, scratch, audits)
    release = _os_release(session)
    facts = GuestFacts(
        os_id=release.get("ID", ""),
        os_version=release.get("VERSION_ID", ""),
        os_name=release.get("PRETTY_NAME", release.get("NAME", "")),
        architecture=_architecture(session),
        partition_table=disks[0].table,
        mounts=mounts,
        boot=_boot(session, mounts, filesystems, disks),
        kernels=kernels,
        network=network_systems(session),
        vmware_tools=installed_tools(session),
        cloud_init=has_cloud_init(session),
        selinux=selinux_mode(session),
        layers=layers,
        free_root_bytes=session.free_bytes("/"),
        free_boot_bytes=session.free_bytes("/boot"),
    )
    return Inspection(facts, names, audits)


def _mount_root(session: GuestSession, filesystems: Sequence[GuestFilesystem]) -> GuestMount:
    problems: list[str] = []
    for filesystem in filesystems:
        if filesystem.kind not in _ROOT_KINDS:
            continue
        for subvolume in ("", *(_BTRFS_ROOTS if filesystem.kind == "btrfs" else ())):
            found = _try_root(session, filesystem, subvolume, problems)
            if found is not None:
                return found
    kinds = ", ".join(sorted({each.kind for each in filesystems})) or "none"
    if any(each.kind == "crypto_LUKS" for each in filesystems):
        raise GuestRefused((ENCRYPTED_ROOT,))
    raise NoSystemFound(
        f"no Linux system was found on the disks (file systems: {kinds})",
        hint="; ".join(problems[:3]) or "is this the boot disk?",
    )


def _try_root(
    session: GuestSession, filesystem: GuestFilesystem, subvolume: str, problems: list[str]
) -> GuestMount | None:
    """Mounted at / and left so when it is a root; otherwise unmounted again."""
    try:
        session.mount(filesystem.device, "/", subvolume=subvolume)
    except ToolError as error:
        if not subvolume:
            problems.append(error.title)
        return None
    if session.is_file("/etc/fstab") and (
        session.is_file("/etc/os-release") or session.glob("/etc/*-release")
    ):
        default = session.subvolumes()[1] if filesystem.kind == "btrfs" and not subvolume else subvolume
        return GuestMount("/", filesystem, default)
    session.unmount_all()
    return None


def _mount_others(session: GuestSession, names: DeviceNames, root: GuestMount) -> list[GuestMount]:
    """What fstab mounts elsewhere and is on these disks, outer mount points first."""
    entries = [each for each in parse_fstab(session.read_text("/etc/fstab") or "") if _is_local(each)]
    mounts = []
    for entry in sorted(entries, key=lambda each: each.mountpoint.count("/")):
        filesystem = names.find(entry.source)
        if (
            filesystem is None
            or filesystem.kind not in _MOUNT_KINDS
            or not _is_place(session, entry.mountpoint)
        ):
            continue
        subvolume = next(
            (
                option.removeprefix("subvol=").lstrip("/")
                for option in entry.options
                if option.startswith("subvol=")
            ),
            "",
        )
        if (filesystem.device, subvolume) == (root.filesystem.device, root.subvolume):
            continue
        session.mount(filesystem.device, entry.mountpoint, subvolume=subvolume)
        mounts.append(GuestMount(entry.mountpoint, filesystem, subvolume))
    return mounts


def _is_place(session: GuestSession, mountpoint: str) -> bool:
    """A folder of the guest; a link would be followed by the appliance's own mount, out of the guest."""
    return session.is_folder(mountpoint) and session.link_target(mountpoint) is None


def _is_local(entry: FstabEntry) -> bool:
    return (
        entry.mountpoint.startswith("/")
        and entry.mountpoint != "/"
        and ".." not in entry.mountpoint.split("/")
    )


def _os_release(session: GuestSession) -> dict[str, str]:
    text = session.read_text("/etc/os-release") or session.read_text("/usr/lib/os-release") or ""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip().strip("\"'")[:200] for key, _, value in pairs}


def _architecture(session: GuestSession) -> str:
    """From the ELF header of a program that every system has (System V ABI: class byte 4, machine at 18)."""
    for path in ("/bin/sh", "/bin/bash", "/bin/busybox", "/usr/bin/env", "/sbin/init"):
        header = session.head(path, 20)
        if len(header) == 20 and header[:4] == b"\x7fELF":
            return _MACHINES.get((header[4], int.from_bytes(header[18:20], "little")), "unknown")
    return ""


def _kernels(
    session: GuestSession, scratch: Path, audits: dict[str, InitramfsFacts | None]
) -> tuple[KernelFacts, ...]:
    """Kernels in /boot, newest first, each with what its initramfs lacks."""
    images = [path for path in session.glob("/boot/vmlinuz-*") if "rescue" not in path]
    found = sorted(images, key=_version_key, reverse=True)
    return tuple(_kernel(session, path, scratch, audits) for path in found)


def _version_key(path: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.findall(r"\d+|[a-z]+", path)]


def _kernel(
    session: GuestSession, path: str, scratch: Path, audits: dict[str, InitramfsFacts | None]
) -> KernelFacts:
    name = path.removeprefix("/boot/vmlinuz-")
    places = [f"/boot/{form.format(name)}" for form in _INITRAMFS_NAMES]
    initramfs = next((place for place in places if session.is_file(place)), "")
    version = name
    if not session.is_folder(f"/lib/modules/{name}"):
        version = kernel_release(session.head(path, _KERNEL_HEAD_BYTES)) or name
    audit = audit_in_guest(session, initramfs, scratch) if initramfs else None
    audits[version] = audit
    missing, unavailable = drivers_lacking(session, version, audit)
    kind = f"{audit.kind}, {audit.compression}" if audit else ""
    return KernelFacts(version, path, initramfs, kind, missing, unavailable)


def kernel_release(head: bytes) -> str:
    """Release of a kernel image, as its modules' folder is named; "" when the header has none.

    For file names that do not say it (`vmlinuz-linux`). Source: the x86 boot protocol, field kernel_version.
    """
    if head[0x202:0x206] != b"HdrS":
        return ""
    start = int.from_bytes(head[0x20E:0x210], "little") + 0x200
    text = head[start : start + 256].split(b"\0")[0].decode("ascii", "replace").split(" ")[0]
    return text if re.fullmatch(r"[0-9][A-Za-z0-9._+~-]*", text) else ""


def _boot(
    session: GuestSession,
    mounts: tuple[GuestMount, ...],
    filesystems: Sequence[GuestFilesystem],
    disks: Sequence[DiskFacts],
) -> BootFacts:
    mount = holding_mount(mounts, "/boot")
    configs = [path for path in config_files(session) if not path.startswith("/boot/efi/")]
    entries = boot_entries(session)
    esp = next((each.filesystem.uuid for each in mounts if each.mountpoint in {"/boot/efi", "/efi"}), "")
    if not esp and disks[0].has_esp:
        esp = next((each.uuid for each in filesystems if each.kind == "vfat" and each.disk_index == 0), "")
    return BootFacts(
        firmware="uefi" if disks[0].has_esp else "bios",
        boot_uuid=mount.filesystem.uuid,
        boot_kind=mount.filesystem.kind,
        config_path=grub_path(mounts, configs[0]) if configs else "",
        bls=uses_bls(session),
        default_entry=entries[0] if entries else None,
        esp_uuid=esp,
        own_loader=bool(session.glob("/boot/efi/EFI/BOOT/[Bb][Oo][Oo][Tt][Xx]64.[Ee][Ff][Ii]")),
    )
