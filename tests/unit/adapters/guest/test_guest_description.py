"""What inspection found, item by item, as `v2s guest plan` shows it; the disk's own steps; GRUB's names."""

from dataclasses import replace

import pytest

from v2s_tui.adapters.guest.adapt import AdaptRequest
from v2s_tui.adapters.guest.inspection import DiskFacts
from v2s_tui.adapters.guest.linux.description import describe_linux
from v2s_tui.adapters.guest.plan_guest import disk_steps
from v2s_tui.adapters.guest.uefi import grub_device
from v2s_tui.domain.guest.changes import Change, ChangeKind
from v2s_tui.domain.guest.facts import (
    BootEntry,
    BootFacts,
    GuestFacts,
    GuestFilesystem,
    GuestMount,
    KernelFacts,
    MdArray,
    PartitionTable,
)
from v2s_tui.domain.guest.plan import file_step

ROOT = GuestMount("/", GuestFilesystem("/dev/vg0/root", "btrfs", "root-uuid"), "@")
BOOT = GuestMount(
    "/boot", GuestFilesystem("/dev/md127", "ext4", "boot-uuid", array=MdArray("a1:b2:c3:d4", "raid1", "h:0"))
)
KERNEL = KernelFacts(
    "6.1.0", "/boot/vmlinuz-6.1.0", "/boot/initrd.img-6.1.0", "dracut, zstd", ("virtio_scsi",)
)
FACTS = GuestFacts(
    os_id="rocky",
    os_version="9.4",
    os_name="Rocky Linux 9.4",
    architecture="x86_64",
    partition_table=PartitionTable.MBR,
    mounts=(ROOT, BOOT),
    boot=BootFacts("bios", "boot-uuid", "ext4", "/grub2/grub.cfg", bls=True, default_entry=None),
    kernels=(KERNEL,),
    network=("NetworkManager", "ifcfg"),
    vmware_tools=("vmtoolsd.service",),
    cloud_init=True,
    selinux="enforcing",
    layers=("lvm", "md", "btrfs"),
    free_root_bytes=2 << 30,
    free_boot_bytes=300 << 20,
)


def test_everything_that_is_looked_for_is_shown() -> None:
    assert describe_linux(FACTS) == (
        ("system", "Rocky Linux 9.4, x86_64"),
        ("firmware", "BIOS, MBR, no EFI system partition"),
        ("mounts", "/ btrfs (/dev/vg0/root, subvolume @); /boot ext4 on md raid1 (/dev/md127)"),
        ("layers", "lvm, md, btrfs"),
        ("free space", "2.0 GiB in /, 300 MiB in /boot"),
        ("boot loader", "GRUB, entry files (BLS) on ext4"),
        ("kernel", "6.1.0: initramfs by dracut, zstd, lacks virtio_scsi"),
        ("network", "NetworkManager, ifcfg"),
        ("VMware tools", "vmtoolsd.service"),
        ("cloud-init", "installed"),
        ("SELinux", "enforcing"),
    )


def test_what_is_not_there_is_said_too() -> None:
    entry = BootEntry("Debian", "/boot/vmlinuz", (), "")
    boot = replace(
        FACTS.boot, firmware="uefi", esp_uuid="AB-12", bls=False, default_entry=entry, own_loader=True
    )
    bare = replace(
        FACTS, os_name="", partition_table=PartitionTable.GPT, mounts=(ROOT,), boot=boot, kernels=(),
        network=(), vmware_tools=(), cloud_init=False, selinux="", layers=(),
    )  # fmt: skip
    shown = dict(describe_linux(bare))
    assert shown["system"] == "rocky 9.4, x86_64"
    assert shown["firmware"] == "UEFI, GPT, EFI system partition AB-12"
    assert shown["boot loader"] == (
        "GRUB, /grub2/grub.cfg on ext4; boots Debian; its own loader on the removable path"
    )
    assert shown["kernel"] == "none in /boot"
    assert (shown["layers"], shown["SELinux"], shown["cloud-init"]) == ("none", "none", "none")
    assert shown["network"] == "no configuration found"


@pytest.mark.parametrize(
    ("table", "has_esp", "own", "keep_mbr", "actions"),
    [
        (PartitionTable.MBR, False, False, False, ["convert", "add", "write"]),
        (PartitionTable.MBR, False, False, True, ["add", "write"]),
        (PartitionTable.GPT, False, False, False, ["add", "write"]),
        (PartitionTable.GPT, True, False, False, ["write"]),
        (PartitionTable.GPT, True, True, False, []),
    ],
)
def test_the_disk_s_own_steps(
    table: PartitionTable, has_esp: bool, own: bool, keep_mbr: bool, actions: list[str]
) -> None:
    disk = DiskFacts(table, {}, has_esp, 1 << 30)
    steps = disk_steps(disk, AdaptRequest(keep_mbr=keep_mbr), own_loader=own)
    assert [step.action for step in steps] == actions
    assert all(step.reason and step.stage == "ensure_uefi" for step in steps)


def test_files_as_steps() -> None:
    link = Change(ChangeKind.LINK, "/etc/x", "because", target="/dev/null")
    added = Change(ChangeKind.APPEND, "/boot/initrd", "because", content=bytes(1234))
    assert file_step("adapt_guest", link).target == "/etc/x -> /dev/null"
    assert file_step("adapt_guest", added).target == "/boot/initrd (+1,234 bytes)"


@pytest.mark.parametrize(
    ("filesystem", "name"),
    [
        (GuestFilesystem("/dev/sda2", "ext4", disk_index=0, partition=2), "loop0,gpt2"),
        (GuestFilesystem("/dev/sdb1", "ext4", disk_index=1, partition=1), ""),
        (GuestFilesystem("/dev/vg-0/root", "xfs"), "lvm/vg--0-root"),
        (BOOT.filesystem, "mduuid/a1b2c3d4"),
        (replace(BOOT.filesystem, array=MdArray("a1:b2", "raid5")), ""),
    ],
)
def test_how_grub_calls_the_boot_file_system(filesystem: GuestFilesystem, name: str) -> None:
    """Only what GRUB's own reader can tell from the boot disk alone is asked of it."""
    facts = replace(FACTS, mounts=(ROOT, GuestMount("/boot", filesystem)))
    assert grub_device(facts, PartitionTable.GPT) == name
