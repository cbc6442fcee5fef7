"""GRUB's own drivers on real volume groups: a volume may lie on several disks."""

import os
import subprocess
from pathlib import Path

import pytest

from v2s_tui.adapters.guest.boot.grub_image import grub_can_read

MIB = 1024**2
EXTENT = 4 * MIB

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="volume groups are made on loop devices")


def run(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def volume_on(disks: list[Path], image: Path) -> None:
    """vg0-root over all disks: seven extents on the first, the rest on the second. No device mapper."""
    for disk in disks:
        with disk.open("wb") as file:
            file.truncate(32 * MIB)
    devices = [run("losetup", "-f", "--show", str(disk)).strip() for disk in disks]
    try:
        only = ",".join(f'"a|^{device}$|"' for device in devices)
        settings = 'devices{obtain_device_list_from_udev=0 external_device_info_source="none" '
        settings += f'use_devicesfile=0 filter=[{only},"r|.*|"]}} activation{{udev_sync=0}}'
        common = ["-q", "--driverloaded", "n", "--config", settings]
        for device in devices:
            run("pvcreate", *common, device)
        run("vgcreate", "-An", *common, "vg0", *devices)
        run("lvcreate", "-An", *common, "-an", "-Zn", "-Wn", "-l", "10", "-n", "root", "vg0")
    finally:
        for device in devices:
            run("losetup", "-d", device)
    content = image.read_bytes()
    for disk, piece in zip(disks, (content[: 7 * EXTENT], content[7 * EXTENT :]), strict=True):
        with disk.open("r+b") as file:
            file.seek(MIB)
            file.write(piece)


def test_a_root_volume_on_two_disks_can_be_read(tmp_path: Path) -> None:
    tree, image = tmp_path / "tree", tmp_path / "root.img"
    (tree / "boot").mkdir(parents=True)
    (tree / "boot" / "vmlinuz").write_bytes(os.urandom(20 * MIB))
    run("mke2fs", "-q", "-t", "ext4", "-d", str(tree), str(image), "40M")
    disks = [tmp_path / "a.img", tmp_path / "b.img"]
    volume_on(disks, image)
    assert grub_can_read(disks, "lvm/vg0-root", "/boot/vmlinuz")
    assert not grub_can_read(disks[:1], "lvm/vg0-root", "/boot/vmlinuz"), "half of it is on the other"
    assert not grub_can_read(disks, "lvm/vg0-root", "/boot/missing")
