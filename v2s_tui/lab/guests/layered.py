"""Small guests whose root lies on more than a partition: LVM, md RAID, btrfs subvolumes, LUKS.

As micro.py builds them, with real LVM, btrfs and cryptsetup of this host. LVM and btrfs need root, since they
work on a loop device. None of these disks is meant to boot at the source: they show what v2s makes of them.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from v2s_tui.lab.disks.partitions import MBR_LINUX, MIB, Partition, write_mbr
from v2s_tui.lab.guests.assembly import LVM, MD, add_assembly
from v2s_tui.lab.guests.configuration import root_device
from v2s_tui.lab.guests.contents import fill_root
from v2s_tui.lab.guests.md_member import write_md_member
from v2s_tui.lab.guests.micro import copy_image, identity_of, make_btrfs, make_xfs, write_ext4
from v2s_tui.lab.guests.packages import DEFAULT_CACHE, guest_parts, run
from v2s_tui.lab.guests.shapes import GuestIdentity, GuestShape

_MBR_LVM, _MBR_RAID = 0x8E, 0xFD
_BOOT_BYTES = {"ext4": 64 * MIB, "xfs": 320 * MIB}
_ROOT_BYTES = {"ext4": 192 * MIB, "btrfs": 320 * MIB, "xfs": 400 * MIB}
_GROUP, _VOLUME = "vg0", "root"
_SNAPSHOT = "@/.snapshots/1/snapshot"


@dataclass(frozen=True, slots=True)
class LayeredShape:
    """base: everything else. layer: below the root file system. device: the root's name in the guest.

    boot_kind: file system of a separate /boot ("" none). subvolume: where a btrfs has its root. relative: the
    loader's paths start there, as SUSE's do, and it is the default subvolume.
    """

    base: GuestShape
    layer: Literal["lvm", "md", "btrfs", "luks"]
    device: str
    boot_kind: str = ""
    subvolume: str = ""
    relative: bool = False


LAYERED_SHAPES: dict[str, LayeredShape] = {
    "lvm": LayeredShape(GuestShape(boot_partition=True), "lvm", "/dev/mapper/vg0-root", "ext4"),
    "rhel": LayeredShape(
        GuestShape(
            boot_partition=True, bls=True, initramfs="dracut", network="NetworkManager", root_kind="xfs"
        ),
        "lvm",
        "/dev/mapper/vg0-root",
        "xfs",
    ),
    "raid1": LayeredShape(GuestShape(network="netplan"), "md", "/dev/md0"),
    "btrfs-debian": LayeredShape(GuestShape(root_kind="btrfs"), "btrfs", "/dev/sda1", subvolume="@rootfs"),
    "btrfs-suse": LayeredShape(
        GuestShape(root_kind="btrfs", network="wicked"),
        "btrfs",
        "/dev/sda1",
        subvolume=_SNAPSHOT,
        relative=True,
    ),
    "luks": LayeredShape(GuestShape(boot_partition=True), "luks", "/dev/mapper/sda2_crypt", "ext4"),
}
"""Shapes by the name that `build_layered_guest` takes."""


def build_layered_guest(target: Path, *, variant: str, cache: Path = DEFAULT_CACHE) -> None:
    """Write a raw disk (sparse). Raises KeyError, PackageMissing, RuntimeError (a tool failed)."""
    shape = LAYERED_SHAPES[variant]
    parts, identity = guest_parts(cache), identity_of(variant)
    with TemporaryDirectory(dir=target.parent, prefix="guest-") as scratch:
        root = Path(scratch, "root")
        root.mkdir()
        fill_root(root, shape.base, identity, parts)
        _rename_root(root, shape)
        if shape.layer == "lvm":
            add_assembly(root, parts, LVM, configuration={})
        if shape.layer == "md":
            (root / "etc/mdadm").mkdir()
            (root / "etc/mdadm/mdadm.conf").write_text(_md_configuration(identity))
            add_assembly(root, parts, MD, configuration={"etc/mdadm.conf": _md_configuration(identity)})
        _write_disk(target, shape, identity, root)


def _array_id(identity: GuestIdentity) -> uuid.UUID:
    """Of the array; the file system on it has one of its own."""
    return uuid.uuid5(uuid.UUID(identity.root_uuid), "array")


def _md_configuration(identity: GuestIdentity) -> str:
    digits = _array_id(identity).hex
    words = ":".join(digits[start : start + 8] for start in range(0, 32, 8))
    return f"ARRAY /dev/md0 metadata=1.2 UUID={words}\n"


def _rename_root(root: Path, shape: LayeredShape) -> None:
    """The root's name in every file that mounts or boots it; paths and flags of a btrfs subvolume."""
    old, arguments = root_device(shape.base), shape.device
    if shape.subvolume and not shape.relative:
        arguments += f" rootflags=subvol={shape.subvolume}"
    files = ("etc/fstab", "etc/default/grub", "boot/grub/grub.cfg", "boot/grub2/grubenv")
    for path in (root / name for name in files if (root / name).exists()):
        text = path.read_text().replace(f"root={old}", f"root={arguments}").replace(old, shape.device)
        if path.name == "grub.cfg" and shape.subvolume and not shape.relative:
            text = text.replace(" /boot/", f" /{shape.subvolume}/boot/")
        if path.name == "fstab":
            text = _fstab(text, shape)
        path.write_text(text.rstrip("#").ljust(1024, "#") if path.name == "grubenv" else text)


def _fstab(text: str, shape: LayeredShape) -> str:
    if shape.subvolume and not shape.relative:
        text = text.replace("btrfs defaults", f"btrfs defaults,subvol={shape.subvolume}")
    return text.replace("/boot ext4", f"/boot {shape.boot_kind}")


def _write_disk(target: Path, shape: LayeredShape, identity: GuestIdentity, root: Path) -> None:
    kind = {"lvm": _MBR_LVM, "md": _MBR_RAID}.get(shape.layer, MBR_LINUX)
    boot_bytes = _BOOT_BYTES[shape.boot_kind] if shape.boot_kind else 0
    place = Partition(MIB + boot_bytes, _ROOT_BYTES[shape.base.root_kind] + 8 * MIB, kind)
    boot = [Partition(MIB, boot_bytes, MBR_LINUX, bootable=True)] if boot_bytes else []
    with target.open("w+b") as disk:
        disk.truncate(place.start_bytes + place.size_bytes + MIB)
        write_mbr(disk, [*boot, place], disk_id=int(identity.esp_id.replace("-", ""), 16))
    if boot:
        folder = root.parent / "boot"
        (root / "boot").rename(folder)
        (root / "boot").mkdir()
        _write_boot(target, boot[0], folder, shape.boot_kind, identity)
    image = root.parent / "root.img"
    _make_root(image, shape, root, identity)
    copy_image(_container(image, shape, place, identity), target, place)


def _write_boot(target: Path, place: Partition, folder: Path, kind: str, identity: GuestIdentity) -> None:
    if kind == "ext4":
        write_ext4(target, place, folder, identity.boot_uuid, "boot")
        return
    image = folder.parent / "boot.img"
    _sparse(image, place.size_bytes)
    make_xfs(image, folder, identity.boot_uuid)
    copy_image(image, target, place)


def _make_root(image: Path, shape: LayeredShape, root: Path, identity: GuestIdentity) -> None:
    kind = shape.base.root_kind
    _sparse(image, _ROOT_BYTES[kind])
    if kind == "ext4":
        write_ext4(image, Partition(0, _ROOT_BYTES[kind]), root, identity.root_uuid, "root")
    elif kind == "xfs":
        make_xfs(image, root, identity.root_uuid)
    else:
        make_btrfs(image, root, identity.root_uuid)
        _move_into_subvolume(image, shape)


def _move_into_subvolume(image: Path, shape: LayeredShape) -> None:
    """The root's content goes into a subvolume; the top level keeps nothing else."""
    with TemporaryDirectory(dir=image.parent, prefix="mount-") as mounted:
        run(["mount", "-o", "loop", str(image), mounted])
        try:
            steps = list(Path(mounted).iterdir())
            run(["btrfs", "subvolume", "snapshot", mounted, f"{mounted}/.new"])
            run(["rm", "-rf", "--one-file-system", *map(str, steps)])
            place = Path(mounted, shape.subvolume)
            if len(place.relative_to(mounted).parts) > 1:
                run(["btrfs", "subvolume", "create", f"{mounted}/{shape.subvolume.split('/')[0]}"])
                place.parent.mkdir(parents=True)
            Path(mounted, ".new").rename(place)
            if shape.relative:
                run(["btrfs", "subvolume", "set-default", str(place)])
        finally:
            run(["umount", mounted])


def _container(image: Path, shape: LayeredShape, place: Partition, identity: GuestIdentity) -> Path:
    """What lies in the partition: the root file system in its layer."""
    if shape.layer == "btrfs":
        return image
    container = image.with_name("container.img")
    _sparse(container, place.size_bytes)
    if shape.layer == "md":
        write_md_member(container, image, str(_array_id(identity)))
    elif shape.layer == "lvm":
        _write_volume_group(container, image)
    else:
        # Only its header is needed: nobody opens it.
        run(["cryptsetup", "luksFormat", "-q", "--pbkdf", "pbkdf2", "--iter-time", "1",
             "--key-file", "/etc/hostname", str(container)])  # fmt: skip
    return container


def _write_volume_group(container: Path, image: Path) -> None:
    """One physical volume, one logical volume from its first extent. Device mapper is not needed for it."""
    with _loop_device(container) as device:
        settings = 'devices{obtain_device_list_from_udev=0 external_device_info_source="none" '
        settings += f'use_devicesfile=0 filter=["a|^{device}$|","r|.*|"]}} activation{{udev_sync=0}}'
        common = ["--driverloaded", "n", "--config", settings]
        run(["pvcreate", "-q", *common, device])
        run(["vgcreate", "-q", "-An", *common, _GROUP, device])
        extents = str(image.stat().st_size // (4 * MIB))
        run(["lvcreate", "-q", "-An", *common, "-an", "-Zn", "-Wn", "-l", extents, "-n", _VOLUME, _GROUP])
    copy_image(image, container, Partition(MIB, image.stat().st_size))


@contextmanager
def _loop_device(image: Path) -> Iterator[str]:
    device = run(["losetup", "-f", "--show", str(image)]).strip()
    try:
        yield device
    finally:
        run(["losetup", "-d", device])


def _sparse(path: Path, size_bytes: int) -> None:
    with path.open("wb") as file:
        os.truncate(file.fileno(), size_bytes)
