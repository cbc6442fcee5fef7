"""Folders that become a small guest's file systems, and its initramfs."""

import gzip
import os
import shutil
from pathlib import Path

from v2s_tui.lab.guests.configuration import configuration
from v2s_tui.lab.guests.init_scripts import (
    INITRAMFS_INIT,
    NETWORK_NAMES,
    NETWORK_START,
    POWER_BUTTON,
    SYSTEM_INIT,
    UDHCPC_SCRIPT,
    WEB_SERVICE,
)
from v2s_tui.lab.guests.packages import GuestParts, run
from v2s_tui.lab.guests.shapes import GuestIdentity, GuestShape

_SOURCE_DRIVERS = ("vmw_pvscsi", "sd_mod")
_TARGET_DRIVERS = ("virtio_pci", "virtio_scsi", "virtio_blk", "virtio_net")
_SYSTEM_MODULES = (
    *_SOURCE_DRIVERS,
    *_TARGET_DRIVERS,
    "vmxnet3",
    "evdev",
    "button",
    "btrfs",
    "xfs",
    "virtio-rng",
)
_FOLDERS = (
    "proc",
    "sys",
    "dev",
    "run",
    "root",
    "tmp",
    "var/log",
    "var/run",
    "boot/efi",
    "mnt",
    "bin",
    "sbin",
)


def fill_root(folder: Path, shape: GuestShape, identity: GuestIdentity, parts: GuestParts) -> None:
    """Everything of the guest, /boot included."""
    for name in _FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    busybox = parts.busybox / "bin/busybox"
    shutil.copy2(busybox, folder / "bin/busybox")
    # Not the fresh copy: a process that another thread forks while it is written keeps it open for writing
    # until its own exec, and the kernel runs no such file (ETXTBSY).
    for applet in run([str(busybox), "--list"]).split():
        if applet != "busybox":
            os.symlink("/bin/busybox", folder / "bin" / applet)
    for path, content in configuration(shape, identity, parts.kernel_version).items():
        _put(folder / path, content)
    for path, text in _programs(shape).items():
        _put(folder / path, text.encode(), executable=True)
    _copy_modules(folder, parts)
    shutil.copy(parts.kernel_image, folder / f"boot/vmlinuz-{parts.kernel_version}")
    _put(folder / f"boot/initrd.img-{parts.kernel_version}", initramfs(shape, folder, parts))
    if shape.network == "wicked":
        _pin_name(folder, identity, "eth0")


def _pin_name(folder: Path, identity: GuestIdentity, name: str) -> None:
    rule = f'SUBSYSTEM=="net", ATTR{{address}}=="{identity.mac}", NAME="{name}"\n'
    _put(folder / "etc/udev/rules.d/70-persistent-net.rules", rule.encode())


def _programs(shape: GuestShape) -> dict[str, str]:
    return {
        "sbin/init": SYSTEM_INIT,
        "etc/init.d/network-names": NETWORK_NAMES,
        "etc/init.d/network": NETWORK_START[shape.network],
        "etc/init.d/web": WEB_SERVICE,
        "etc/init.d/vmtoolsd": "#!/bin/sh\n",
        "etc/udhcpc.script": UDHCPC_SCRIPT,
        "etc/udhcpc/default.script": UDHCPC_SCRIPT,
        "etc/acpi/PWRF/00000080": POWER_BUTTON,
    }


def _put(path: Path, content: bytes, *, executable: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o755 if executable else 0o644)


def _copy_modules(folder: Path, parts: GuestParts) -> None:
    """The modules the system may need, with what they depend on, indexed by depmod."""
    for path in _with_dependencies(parts, _SYSTEM_MODULES):
        target = folder / "lib/modules" / parts.kernel_version / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(parts.modules / path, target)
    for name in ("modules.builtin", "modules.order", "modules.builtin.modinfo"):
        shutil.copy(parts.modules / name, folder / "lib/modules" / parts.kernel_version / name)
    run(["depmod", "-b", str(folder), parts.kernel_version])


def _with_dependencies(parts: GuestParts, names: tuple[str, ...]) -> list[str]:
    wanted = {name.replace("-", "_") for name in names}
    paths: list[str] = []
    for line in (parts.modules / "modules.dep").read_text().splitlines():
        path, _, needs = line.partition(":")
        if path.rsplit("/", 1)[-1].removesuffix(".ko").replace("-", "_") in wanted:
            paths += [path, *needs.split()]
    return sorted(set(paths))


def initramfs(shape: GuestShape, root: Path, parts: GuestParts) -> bytes:
    """A gzipped newc archive as the guest's own tools would lay it out."""
    drivers = _SOURCE_DRIVERS + (_TARGET_DRIVERS if shape.virtio else ())
    drivers += (shape.root_kind,) if shape.root_kind != "ext4" else ()
    base = "usr/lib/modules" if shape.initramfs == "dracut" else "lib/modules"
    system_modules = root / "lib/modules" / parts.kernel_version
    files: dict[str, tuple[int, bytes]] = {
        "init": (0o100755, INITRAMFS_INIT.encode()),
        "bin/busybox": (0o100755, (root / "bin/busybox").read_bytes()),
    }
    for path in (*_with_dependencies(parts, drivers), "modules.dep", "modules.alias", "modules.builtin"):
        files[f"{base}/{parts.kernel_version}/{path}"] = (0o100644, (system_modules / path).read_bytes())
    listed = "".join(f"{name}\n" for name in drivers).encode()
    if shape.initramfs == "dracut":
        files["lib"] = (0o120777, b"usr/lib")
        files["usr/lib/dracut/hooks/README"] = (0o100644, b"dracut\n")
        files["etc/modules-load.d/site.conf"] = (0o100644, listed)
    else:
        files["conf/modules"] = (0o100644, listed)
        files["scripts/functions"] = (0o100644, b"# initramfs-tools\n")
    return gzip.compress(newc_archive(files), 6, mtime=0)


def newc_archive(files: dict[str, tuple[int, bytes]]) -> bytes:
    """A newc cpio archive of files by name with (mode, content); folders are added."""
    folders = {"/".join(name.split("/")[:depth]) for name in files for depth in range(1, name.count("/") + 1)}
    members = {**{name: (0o040755, b"") for name in folders if name not in files}, **files}
    pieces = [_member(number, name, *members[name]) for number, name in enumerate(sorted(members), start=1)]
    return b"".join([*pieces, _member(0, "TRAILER!!!", 0, b"")])


def _member(number: int, name: str, mode: int, content: bytes) -> bytes:
    encoded = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + encoded
    return head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4)
