"""A small guest as a raw disk: real kernel, real GRUB, real boot; 30 MB, built in a second without root.

It is shaped like a VM at VMware: pvscsi and vmxnet3 in its initramfs, /dev/sda1 in fstab and on the kernel
line, ens192 pinned by MAC, VMware's tools. Nothing in it fits Scaleway until it is adapted.
"""

import hashlib
import stat
import struct
import uuid
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from v2s_tui.lab.disks.partitions import (
    GPT_ESP,
    GPT_LINUX,
    MBR_LINUX,
    MIB,
    SECTOR,
    Partition,
    write_gpt,
    write_mbr,
)
from v2s_tui.lab.guests.contents import fill_root
from v2s_tui.lab.guests.packages import DEFAULT_CACHE, GuestParts, guest_parts, run
from v2s_tui.lab.guests.shapes import SHAPES, GuestIdentity, GuestShape

MINIMUM_BYTES = 160 * MIB
_MINIMUM_OF_KIND = {"ext4": MINIMUM_BYTES, "btrfs": 320 * MIB, "xfs": 400 * MIB}
_BOOT_BYTES = 64 * MIB
_ESP_BYTES = 40 * MIB
_MBR_EXTENDED = 0x05
_GRUB_MODULES = (
    "biosdisk", "part_msdos", "part_gpt", "ext2", "btrfs", "xfs", "normal", "linux", "configfile", "search",
    "search_fs_uuid", "minicmd", "test", "echo",
)  # fmt: skip
_GRUB_EFI_MODULES = (
    "part_msdos", "part_gpt", "ext2", "fat", "btrfs", "normal", "linux", "configfile", "search",
    "search_fs_uuid", "test", "echo", "all_video",
)  # fmt: skip
_NAMESPACE = uuid.UUID("4b2e8f52-2f6a-4a63-8a2a-0f5f0f1d7a11")


def identity_of(name: str) -> GuestIdentity:
    """Numbers that depend on the guest's name only."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    return GuestIdentity(
        host_name="".join(letter if letter.isalnum() else "-" for letter in name.lower())[:60] or "guest",
        root_uuid=str(uuid.uuid5(_NAMESPACE, f"{name}:root")),
        boot_uuid=str(uuid.uuid5(_NAMESPACE, f"{name}:boot")),
        esp_id=f"{digest[:4]}-{digest[4:8]}".upper(),
        mac=f"00:50:56:{digest[8:10]}:{digest[10:12]}:{digest[12:14]}",
    )


def build_micro_guest(
    target: Path,
    *,
    variant: str,
    virtual_size_bytes: int = 0,
    cache: Path = DEFAULT_CACHE,
    name: str = "",
) -> None:
    """Write a bootable raw disk to target (sparse).

    variant: a name in SHAPES. virtual_size_bytes: 0 for the least that does; the last partition goes to the
    end. cache: where unpacked packages are kept. name: of the guest; ids and host name depend on it (default:
    the file's name). Raises ValueError, PackageMissing, RuntimeError (a tool failed).
    """
    shape = SHAPES.get(variant)
    if shape is None:
        raise ValueError(f"no guest variant {variant!r}: {', '.join(SHAPES)}")
    minimum = _MINIMUM_OF_KIND[shape.root_kind]
    size_bytes = virtual_size_bytes or minimum
    if size_bytes < minimum:
        raise ValueError(f"a {variant} guest needs {minimum} bytes")
    parts, identity = guest_parts(cache), identity_of(name or target.stem)
    with target.open("wb") as disk:
        disk.truncate(size_bytes)
    with TemporaryDirectory(dir=target.parent, prefix="guest-") as scratch:
        root = Path(scratch, "root")
        root.mkdir()
        fill_root(root, shape, identity, parts)
        layout = _layout(shape, size_bytes)
        _write_table(target, shape, layout, identity)
        _write_file_systems(target, shape, layout, identity, root)
        if shape.firmware == "uefi":
            _write_esp(target, layout["esp"], identity, Path(scratch))
        else:
            write_bios_grub(target, shape, parts, Path(scratch))


def _layout(shape: GuestShape, size_bytes: int) -> dict[str, Partition]:
    """Partitions by role, in the order of the table; all but the last have a fixed size."""
    start, layout = MIB, {}
    if shape.firmware == "uefi":
        layout["esp"] = Partition(start, _ESP_BYTES, gpt_type=GPT_ESP, name="EFI System Partition")
        start += _ESP_BYTES
    if shape.boot_partition:
        layout["boot"] = Partition(start, _BOOT_BYTES, MBR_LINUX, GPT_LINUX, name="boot", bootable=True)
        start += _BOOT_BYTES
    start += MIB if shape.logical else 0
    end = size_bytes // MIB * MIB - (MIB if shape.firmware == "uefi" else 0)
    layout["root"] = Partition(
        start, end - start, MBR_LINUX, GPT_LINUX, "root", bootable="boot" not in layout
    )
    return layout


def _write_table(
    target: Path, shape: GuestShape, layout: dict[str, Partition], identity: GuestIdentity
) -> None:
    disk_id = uuid.uuid5(_NAMESPACE, f"{identity.host_name}:disk")
    with target.open("r+b") as disk:
        if shape.firmware == "uefi":
            write_gpt(disk, list(layout.values()), disk_bytes=target.stat().st_size, disk_id=disk_id)
        elif shape.logical:
            root = layout["root"]
            container = Partition(root.start_bytes - MIB, root.size_bytes + MIB, _MBR_EXTENDED)
            write_mbr(disk, [layout["boot"], container], disk_id=disk_id.int & 0xFFFFFFFF)
            disk.seek(container.start_bytes + 446)
            disk.write(
                struct.pack(
                    "<B3sB3sII", 0, b"\xfe\xff\xff", MBR_LINUX, b"\xfe\xff\xff", MIB // SECTOR, root.sectors
                )
            )
            disk.seek(container.start_bytes + 510)
            disk.write(b"\x55\xaa")
        else:
            write_mbr(disk, list(layout.values()), disk_id=disk_id.int & 0xFFFFFFFF)


def _write_file_systems(
    target: Path, shape: GuestShape, layout: dict[str, Partition], identity: GuestIdentity, root: Path
) -> None:
    if "boot" in layout:
        boot = root.parent / "boot"
        (root / "boot").rename(boot)
        (root / "boot").mkdir()
        (boot / "efi").rmdir()
        write_ext4(target, layout["boot"], boot, identity.boot_uuid, "boot")
    if shape.root_kind == "ext4":
        write_ext4(target, layout["root"], root, identity.root_uuid, "root")
        return
    image = root.parent / "root.img"
    with image.open("wb") as file:
        file.truncate(layout["root"].size_bytes)
    make = make_btrfs if shape.root_kind == "btrfs" else make_xfs
    make(image, root, identity.root_uuid)
    copy_image(image, target, layout["root"])


def write_ext4(target: Path, place: Partition, folder: Path, volume_id: str, label: str) -> None:
    """An ext4 in its partition, filled with a folder."""
    options = f"offset={place.start_bytes},root_owner=0:0,lazy_itable_init=1"
    flags = ["-q", "-F", "-t", "ext4", "-J", "size=4", "-U", volume_id, "-L", label, "-E", options]
    run(["mke2fs", *flags, "-d", str(folder), str(target), f"{place.size_bytes // 1024}k"])


def make_btrfs(image: Path, folder: Path, volume_id: str) -> None:
    """A btrfs in a file of its size, filled with a folder."""
    run(["mkfs.btrfs", "-q", "-U", volume_id, "-L", "root", "--rootdir", str(folder), str(image)])


def make_xfs(image: Path, folder: Path, volume_id: str) -> None:
    """mkfs.xfs fills a new file system from a prototype file (see its manual)."""
    prototype = folder.parent / "prototype"
    prototype.write_text("\n".join(["/dev/null", "0 0", "d--755 0 0", *_prototype(folder), "$", ""]))
    run(["mkfs.xfs", "-q", "-m", f"uuid={volume_id}", "-L", "root", "-p", str(prototype), str(image)])


def _prototype(folder: Path) -> Iterator[str]:
    for path in sorted(folder.iterdir()):
        mode = f"{stat.S_IMODE(path.lstat().st_mode):03o}"
        if path.is_symlink():
            yield f"{path.name} l--777 0 0 {path.readlink()}"
        elif path.is_dir():
            yield f"{path.name} d--{mode} 0 0"
            yield from _prototype(path)
            yield "$"
        else:
            yield f"{path.name} ---{mode} 0 0 {path}"


def copy_image(image: Path, target: Path, place: Partition) -> None:
    """Put a file system into its partition, leaving holes."""
    with image.open("rb") as source, target.open("r+b") as disk:
        for position in range(0, place.size_bytes, MIB):
            chunk = source.read(MIB)
            if chunk.strip(b"\0"):
                disk.seek(place.start_bytes + position)
                disk.write(chunk)


def write_bios_grub(target: Path, shape: GuestShape, parts: GuestParts, scratch: Path) -> None:
    """GRUB's boot.img in sector 0 and its core image in the gap before the first partition."""
    modules = parts.grub_bios / "usr/lib/grub/i386-pc"
    core = scratch / "core.img"
    prefix = "(hd0,msdos1)/grub" if shape.boot_partition else "(hd0,msdos1)/boot/grub"
    run(["grub-mkimage", "-O", "i386-pc", "-d", str(modules), "-p", prefix, "-o", str(core), *_GRUB_MODULES])
    boot = bytearray((modules / "boot.img").read_bytes()[:440])
    boot[0x66:0x68] = (
        b"\x90\x90"  # without the check that jumps back to a floppy (grub-install does the same)
    )
    with target.open("r+b") as disk:
        disk.write(boot)
        disk.seek(SECTOR)
        disk.write(core.read_bytes())


def _write_esp(target: Path, place: Partition, identity: GuestIdentity, scratch: Path) -> None:
    """As Debian leaves it: the loader under EFI/debian, known to the source's NVRAM only."""
    loader, config = scratch / "grubx64.efi", scratch / "grub.cfg"
    modules = ["-d", "/usr/lib/grub/x86_64-efi", "-p", "/EFI/debian"]
    run(["grub-mkimage", "-O", "x86_64-efi", *modules, "-o", str(loader), *_GRUB_EFI_MODULES])
    config.write_text(
        f"search.fs_uuid {identity.root_uuid} root\n"
        "set prefix=($root)/boot/grub\n"
        "configfile $prefix/grub.cfg\n"
    )
    image = f"{target}@@{place.start_bytes}"
    serial = identity.esp_id.replace("-", "")
    geometry = ["-T", str(place.sectors), "-h", "255", "-s", "63", "-H", str(place.first_sector)]
    run(["mformat", "-i", image, "-F", "-N", serial, *geometry, "::"])
    run(["mmd", "-i", image, "::/EFI", "::/EFI/debian"])
    run(["mcopy", "-i", image, str(loader), str(config), "::/EFI/debian"])
