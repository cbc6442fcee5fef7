"""Inspection of a Linux guest, item by item, over file systems in memory."""

import gzip
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from fakes.guest_files import TextFiles

from v2s_tui.adapters.guest.adapt import AdaptRequest, plan_changes
from v2s_tui.adapters.guest.initramfs.cpio import write_archive
from v2s_tui.adapters.guest.inspection import DiskFacts, Inspection, NoSystemFound, inspect_linux
from v2s_tui.adapters.guest.session import GuestSession
from v2s_tui.domain.errors import ToolError, V2sError
from v2s_tui.domain.guest.facts import GuestFilesystem, MdArray, PartitionTable
from v2s_tui.domain.guest.refusals import GuestRefused

MIB = 1024**2
Files = dict[str, str | bytes]
ELF = b"\x7fELF\x02" + bytes(13) + b"\x3e\0"
ROOT = GuestFilesystem("/dev/sda2", "ext4", "root-uuid", disk_index=0, partition=2)
BOOT = GuestFilesystem("/dev/sda1", "ext4", "boot-uuid", disk_index=0, partition=1)
ESP = GuestFilesystem("/dev/sda3", "vfat", "AB-12", disk_index=0, partition=3)
DISK = DiskFacts(PartitionTable.MBR, {1: "0000abcd-01", 2: "0000abcd-02"}, has_esp=False, size_bytes=1 << 30)
GRUB = "menuentry 'Debian' {\n\tlinux /vmlinuz-6.1 root=/dev/sda2 ro\n\tinitrd /initrd.img-6.1\n}\n"
INITRAMFS = gzip.compress(
    write_archive({"scripts/functions": b"", "lib/modules/6.1/kernel/drivers/scsi/sd_mod.ko": b"\x7fELF"})
)
DRIVERS = ("virtio_pci", "virtio_scsi", "virtio_blk", "virtio_net", "sd_mod")
SYSTEM: Files = {
    "/etc/os-release": 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12"\n',
    "/etc/fstab": "/dev/sda2 / ext4 defaults 0 1\n/dev/sda1 /boot ext4 defaults 0 2\n",
    "/bin/sh": ELF,
    "/boot/.mountpoint": "",
    "/lib/modules/6.1/modules.dep": "".join(f"kernel/{name}.ko:\n" for name in DRIVERS),
    **{f"/lib/modules/6.1/kernel/{name}.ko": b"\x7fELF" for name in DRIVERS},
    "/etc/network/interfaces": "auto ens192\niface ens192 inet dhcp\n",
    "/lib/systemd/system/open-vm-tools.service": "",
    "/etc/cloud/cloud.cfg": "",
    "/etc/selinux/config": "SELINUX=permissive\n",
}
KERNELS: Files = {"/vmlinuz-6.1": b"", "/initrd.img-6.1": INITRAMFS, "/grub/grub.cfg": GRUB}


class Volumes(TextFiles):
    """A session over volumes in memory: device -> files; what is mounted is seen below its mount point."""

    def __init__(self, volumes: dict[GuestFilesystem, Files], *, free_bytes: int = 100 * MIB) -> None:
        super().__init__({})
        self.volumes, self.free = volumes, free_bytes

    def filesystems(self) -> tuple[tuple[GuestFilesystem, ...], tuple[str, ...]]:
        return tuple(self.volumes), ("md",) if any(each.array for each in self.volumes) else ()

    def mount(self, device: str, mountpoint: str, *, subvolume: str = "") -> None:
        files = next(files for each, files in self.volumes.items() if each.device == device)
        below = f"/{subvolume}" if subvolume else ""
        chosen = {path.removeprefix(below): text for path, text in files.items() if path.startswith(below)}
        if subvolume and not chosen:
            raise ToolError("no such subvolume", command="", exit_code=1, stderr_tail="")
        self.files |= {f"{mountpoint.rstrip('/')}{path}": text for path, text in chosen.items()}

    def unmount_all(self) -> None:
        self.files = {}

    def subvolumes(self) -> tuple[tuple[str, ...], str]:
        return (), ""

    def free_bytes(self, path: str) -> int:
        return self.free if self.is_folder(path) or path == "/" else 0

    def head(self, path: str, length: int) -> bytes:
        return (self.read_bytes(path) or b"")[:length]

    def size_bytes(self, path: str) -> int:
        return len(self.read_bytes(path) or b"")

    def download(self, path: str, target: Path, *, limit_bytes: int) -> bool:
        return target.write_bytes(self.read_bytes(path) or b"") <= limit_bytes


def inspected(
    folder: Path, volumes: dict[GuestFilesystem, Files], disks: Sequence[DiskFacts] = (DISK,)
) -> Inspection:
    return inspect_linux(cast("GuestSession", Volumes(volumes)), disks, folder)


def test_every_item_of_a_plain_guest(tmp_path: Path) -> None:
    facts = inspected(tmp_path, {BOOT: KERNELS, ROOT: SYSTEM}).facts
    assert (facts.os_id, facts.os_version, facts.os_name) == ("debian", "12", "Debian GNU/Linux 12")
    assert (facts.architecture, facts.partition_table) == ("x86_64", PartitionTable.MBR)
    assert [(each.mountpoint, each.filesystem) for each in facts.mounts] == [("/", ROOT), ("/boot", BOOT)]
    assert (facts.boot.firmware, facts.boot.boot_uuid, facts.boot.boot_kind) == ("bios", "boot-uuid", "ext4")
    assert (facts.boot.config_path, facts.boot.bls, facts.boot.esp_uuid) == ("/grub/grub.cfg", False, "")
    assert facts.boot.default_entry is not None
    (kernel,) = facts.kernels
    assert (kernel.version, kernel.initramfs_path) == ("6.1", "/boot/initrd.img-6.1")
    assert kernel.initramfs_kind == "initramfs-tools, gzip"
    assert kernel.missing_virtio == ("virtio_pci", "virtio_scsi", "virtio_blk", "virtio_net")
    assert (facts.network, facts.vmware_tools) == (("ifupdown",), ("open-vm-tools.service",))
    assert (facts.cloud_init, facts.selinux) == (True, "permissive")
    assert (facts.free_root_bytes, facts.free_boot_bytes) == (100 * MIB, 100 * MIB)


@pytest.mark.parametrize(
    "source", ["/dev/sda1", "UUID=boot-uuid", "PARTUUID=0000abcd-01", "/dev/disk/by-id/wwn-0x6-part1"]
)
def test_a_separate_boot_is_found_by_every_name(tmp_path: Path, source: str) -> None:
    system = {**SYSTEM, "/etc/fstab": f"/dev/sda2 / ext4 defaults 0 1\n{source} /boot ext4 defaults 0 2\n"}
    facts = inspected(tmp_path, {BOOT: KERNELS, ROOT: system}).facts
    assert [kernel.version for kernel in facts.kernels] == ["6.1"]


def test_a_boot_on_md_is_found_though_the_appliance_calls_the_array_otherwise(tmp_path: Path) -> None:
    member = GuestFilesystem("/dev/sda1", "linux_raid_member", "m", disk_index=0, partition=1)
    boot = GuestFilesystem("/dev/md127", "ext4", "boot-uuid", array=MdArray("a:b:c:d", "raid1", "x:7"))
    other = GuestFilesystem("/dev/md126", "xfs", "data-uuid", array=MdArray("1:2:3:4", "raid1", "x:8"))
    system = {
        **SYSTEM,
        "/etc/fstab": "/dev/sda2 / ext4 defaults 0 1\n/dev/md0 /boot ext4 defaults 0 2\n",
        "/etc/mdadm/mdadm.conf": "ARRAY /dev/md0 UUID=a:b:c:d\nARRAY /dev/md1 UUID=1:2:3:4\n",
    }
    found = inspected(tmp_path, {member: {}, other: {}, boot: KERNELS, ROOT: system})
    assert [kernel.version for kernel in found.facts.kernels] == ["6.1"]
    assert found.facts.layers == ("md",)
    assert found.names.stable("/dev/md0") == "UUID=boot-uuid"


def test_a_data_file_system_on_a_whole_disk_is_found(tmp_path: Path) -> None:
    data = GuestFilesystem("/dev/sdb", "xfs", "data-uuid", disk_index=1, partition=0)
    fstab = f"{SYSTEM['/etc/fstab']!s}/dev/sdb /srv xfs defaults 0 2\n"
    system = {**SYSTEM, "/etc/fstab": fstab, "/srv/.mountpoint": ""}
    whole = DiskFacts(PartitionTable.NONE, {}, has_esp=False, size_bytes=1 << 30)
    found = inspected(tmp_path, {BOOT: KERNELS, ROOT: system, data: {}}, (DISK, whole))
    assert [each.mountpoint for each in found.facts.mounts] == ["/", "/boot", "/srv"]
    assert found.names.stable("/dev/sdb") == "UUID=data-uuid"


def test_a_uefi_guest_names_its_esp(tmp_path: Path) -> None:
    gpt = DiskFacts(PartitionTable.GPT, {}, has_esp=True, size_bytes=1 << 30)
    facts = inspected(tmp_path, {BOOT: KERNELS, ROOT: SYSTEM, ESP: {}}, (gpt,)).facts
    assert (facts.boot.firmware, facts.boot.esp_uuid, facts.boot.own_loader) == ("uefi", "AB-12", False)


def test_a_root_in_a_subvolume_of_btrfs(tmp_path: Path) -> None:
    root = replace(ROOT, kind="btrfs")
    inside = {f"/@rootfs{path}": text for path, text in SYSTEM.items()}
    facts = inspected(tmp_path, {BOOT: KERNELS, root: inside}).facts
    assert (facts.root.subvolume, facts.root.filesystem) == ("@rootfs", root)


def test_an_encrypted_root_is_refused_and_an_empty_disk_is_no_system(tmp_path: Path) -> None:
    luks = GuestFilesystem("/dev/sda2", "crypto_LUKS", "l", disk_index=0, partition=2)
    with pytest.raises(GuestRefused, match="LUKS"):
        inspected(tmp_path, {BOOT: KERNELS, luks: {}})
    with pytest.raises(NoSystemFound, match="file systems: ext4"):
        inspected(tmp_path, {BOOT: KERNELS})


def test_an_initramfs_that_cannot_be_read_stops_everything(tmp_path: Path) -> None:
    with pytest.raises(V2sError, match=r"initrd\.img-6\.1 cannot be read"):
        inspected(tmp_path, {BOOT: {**KERNELS, "/initrd.img-6.1": b"\x07" * 600}, ROOT: SYSTEM})


@pytest.mark.parametrize(("free_bytes", "refused"), [(MIB, True), (9 * MIB, False)])
def test_a_full_guest_is_refused_before_anything_is_written(
    tmp_path: Path, free_bytes: int, refused: bool
) -> None:
    session = cast("GuestSession", Volumes({BOOT: KERNELS, ROOT: SYSTEM}, free_bytes=free_bytes))
    inspection = inspect_linux(session, (DISK,), tmp_path)
    if not refused:
        plan, _ = plan_changes(session, inspection, AdaptRequest())
        assert any(change.path == "/boot/initrd.img-6.1" for change in plan.changes)
        return
    with pytest.raises(GuestRefused) as error:
        plan_changes(session, inspection, AdaptRequest())
    assert [each.code for each in error.value.refusals] == ["no-space", "no-space"]
    assert "/boot has only 1 MiB free" in error.value.title
