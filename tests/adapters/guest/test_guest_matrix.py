"""Every shape of Linux guest: adapted, given its ESP, and booted at the target with its network."""

import os
import subprocess
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from guest_rehearsals import (
    BOOT_SECONDS,
    MIB,
    REQUEST,
    adapt_and_again,
    describe,
    overlay_of,
    rehearse,
)

from v2s_tui.adapters.guest.adapt import adapt_in, adapt_linux, read_disks
from v2s_tui.adapters.guest.appliance import ApplianceSettings
from v2s_tui.adapters.guest.plan_guest import plan_guest
from v2s_tui.adapters.guest.session import GuestSession
from v2s_tui.adapters.guest.uefi import ensure_uefi, grub_device
from v2s_tui.adapters.qemu.rehearsal import rehearse_boot
from v2s_tui.domain.guest.evidence import EvidenceLevel
from v2s_tui.domain.guest.facts import PartitionTable
from v2s_tui.domain.guest.refusals import ENCRYPTED_ROOT
from v2s_tui.lab.disks.partitions import MBR_LINUX, Partition, write_mbr
from v2s_tui.lab.guests.layered import build_layered_guest

pytestmark = [pytest.mark.timeout(1500), pytest.mark.slow_guest]  # most of it may be waiting for the machine

SHAPES = ("uefi", "separate-boot", "netplan", "networkmanager", "bls", "networkd", "wicked", "btrfs", "xfs")
LAYERS = {
    "lvm": ("lvm",),
    "rhel": ("lvm",),
    "btrfs-debian": ("btrfs",),
    "btrfs-suse": ("btrfs",),
}
SUSE = ("wicked", "btrfs-suse")
"""SLES leaves NICs the kernel's names, so that theirs is eth0 at the target too."""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="LVM and btrfs are made on loop devices")


def new_layered(variant: str, cache: Path, folder: Path) -> Path:
    """A guest on LVM and the like, on an overlay with room for an ESP."""
    build_layered_guest(folder / "guest.raw", variant=variant, cache=cache)
    return overlay_of(folder / "guest.raw", folder / "overlay.qcow2", base_format="raw", extra_bytes=80 * MIB)


def check_boot(variant: str, disk: Path) -> None:
    """Every level but that of a kernel that was told to be quiet."""
    result = rehearse(disk)
    print(variant, describe(result))
    assert result.passed, describe(result)
    levels = {each.level for each in result.observations}
    assert set(EvidenceLevel) - {EvidenceLevel.NONE, EvidenceLevel.KERNEL} <= levels
    name = "eth0" if variant in SUSE else "ens2"
    assert f"{name} has 10.0.2." in result.serial_tail


def test_an_array_is_followed_by_its_content(
    guest_cache: Path, tmp_path: Path, appliance: ApplianceSettings
) -> None:
    """The guest calls its root /dev/md0, the appliance md127, and GRUB reads the mirror from one disk."""
    disk = new_layered("raid1", guest_cache, tmp_path)
    adapted = adapt_and_again(disk, appliance)
    root = adapted.facts.root.filesystem
    assert f"root=UUID={root.uuid} " in adapted.entries[0].command_line
    assert grub_device(adapted.facts, PartitionTable.GPT).startswith("mduuid/")
    check_boot("raid1", disk)


@pytest.mark.parametrize("variant", SHAPES)
def test_every_shape_boots_after_adaptation(
    variant: str, new_guest: Callable[[str], Path], appliance: ApplianceSettings
) -> None:
    disk = new_guest(variant)
    adapt_and_again(disk, appliance)
    check_boot(variant, disk)


@needs_root
@pytest.mark.parametrize("variant", LAYERS)
def test_every_layer_below_the_root_boots_after_adaptation(
    variant: str, guest_cache: Path, tmp_path: Path, appliance: ApplianceSettings
) -> None:
    disk = new_layered(variant, guest_cache, tmp_path)
    adapted = adapt_and_again(disk, appliance)
    assert adapted.facts.layers == LAYERS[variant]
    check_boot(variant, disk)


def test_an_encrypted_system_is_refused_by_name(
    guest_cache: Path, tmp_path: Path, appliance: ApplianceSettings
) -> None:
    disk = new_layered("luks", guest_cache, tmp_path)
    before = disk.read_bytes()
    plan = plan_guest([disk], REQUEST, appliance, scratch=tmp_path, cancelled=threading.Event())
    assert plan.refusals == (ENCRYPTED_ROOT,)
    assert disk.read_bytes() == before


def test_the_mbr_can_be_kept(new_guest: Callable[[str], Path], appliance: ApplianceSettings) -> None:
    disk = new_guest("bios")
    request = replace(REQUEST, keep_mbr=True)
    adapted = adapt_linux([disk], request, appliance, scratch=disk.parent, cancelled=threading.Event())
    assert not ensure_uefi([disk], adapted, request, scratch=disk.parent).converted
    result = rehearse(disk, required=EvidenceLevel.USERSPACE)
    assert result.passed, describe(result)


def test_a_second_disk_is_mounted_by_uuid(
    new_guest: Callable[[str], Path], appliance: ApplianceSettings, tmp_path: Path
) -> None:
    """/home lies on a second disk that fstab calls /dev/sdb1; without it the guest would not come up."""
    system = new_guest("bios")
    home = tmp_path / "home.raw"
    uuid = "0b0e5f6a-3c1d-4f0e-9a51-2d2c6f1b7a11"
    with home.open("w+b") as file:
        file.truncate(64 * MIB)
        write_mbr(file, [Partition(MIB, 63 * MIB, MBR_LINUX)], disk_id=9)
    options = f"offset={MIB}"
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-U", uuid, "-E", options, home, "63m"], check=True)
    data = overlay_of(home, tmp_path / "home.qcow2", base_format="raw")
    fstab = tmp_path / "fstab"
    fstab.write_text("/dev/sda1 / ext4 defaults 0 1\n/dev/sdb1 /home ext4 defaults 0 2\n")
    commands = f"mkdir /home\nrm /etc/fstab\nwrite {fstab} /etc/fstab\n"
    image = f"{system.parent}/guest.raw?offset={MIB}"
    subprocess.run(["debugfs", "-w", "-f", "-", image], input=commands, text=True, check=True)
    facts = read_disks([system, data], REQUEST, disk_format="qcow2")
    with GuestSession([system, data], appliance, cancelled=threading.Event()) as session:
        adapted = adapt_in(session, facts, REQUEST, scratch=tmp_path)
        assert f"UUID={uuid} /home ext4" in (session.read_text("/etc/fstab") or "")
    assert [mount.mountpoint for mount in adapted.facts.mounts] == ["/", "/home"]
    ensure_uefi([system, data], adapted, REQUEST, scratch=tmp_path)
    result = rehearse_boot(
        [system, data],
        required=EvidenceLevel.USERSPACE,
        timeout_seconds=BOOT_SECONDS,
        folder=tmp_path,
        cancelled=threading.Event(),
    )
    assert result.passed, describe(result)
