"""The whole plan of a Linux guest, by family of distributions: complete, and empty when it is run again."""

from dataclasses import replace

import pytest
from fakes.guest_files import TextFiles

from v2s_tui.adapters.guest.boot.bls import format_grubenv
from v2s_tui.adapters.guest.boot.conversion import converted_guid
from v2s_tui.adapters.guest.linux.boot_facts import boot_entries, grub_path, uses_bls
from v2s_tui.adapters.guest.linux.debconf import edit_debconf
from v2s_tui.adapters.guest.linux.device_names import DeviceNames
from v2s_tui.adapters.guest.linux.planner import plan_linux
from v2s_tui.adapters.guest.linux.selinux import selinux_mode
from v2s_tui.domain.guest.changes import ChangeKind, ChangePlan
from v2s_tui.domain.guest.facts import (
    BootFacts,
    GuestFacts,
    GuestFilesystem,
    GuestMount,
    KernelFacts,
    PartitionTable,
)
from v2s_tui.domain.guest.network import NicMode, NicPlan

ROOT = GuestFilesystem("/dev/sda2", "ext4", "root-uuid", "", 0, 2)
BOOT = GuestFilesystem("/dev/sda1", "ext4", "boot-uuid", "", 0, 1)
NAMES = DeviceNames((ROOT, BOOT), partition_uuids=[{}])
FACTS = GuestFacts(
    os_id="x",
    os_version="",
    os_name="",
    architecture="x86_64",
    partition_table=PartitionTable.MBR,
    mounts=(GuestMount("/", ROOT), GuestMount("/boot", BOOT)),
    boot=BootFacts("bios", "boot-uuid", "ext4", "/grub/grub.cfg", bls=False, default_entry=None),
    kernels=(KernelFacts("6", "/boot/vmlinuz-6", "/boot/initrd-6"),),
)
FSTAB = "/dev/sda2 / ext4 defaults 0 1\n/dev/sda1 /boot ext4 defaults 0 2\n"
GRUB = "menuentry 'Linux' {\n\tlinux /vmlinuz-6 root=/dev/sda2 ro quiet\n\tinitrd /initrd-6\n}\n"

KERNEL_OPTIONS = "root=/dev/sda2 ro crashkernel=auto"
DHCP = NicPlan()
Files = dict[str, str | bytes]

DEBIAN: Files = {
    "/etc/fstab": FSTAB,
    "/etc/default/grub": 'GRUB_CMDLINE_LINUX="audit=0"\n',
    "/boot/grub/grub.cfg": GRUB,
    "/etc/initramfs-tools/modules": "# modules\n",
    "/etc/initramfs-tools/conf.d/resume": "RESUME=/dev/sda5\n",
    "/etc/network/interfaces": "auto ens192\niface ens192 inet static\n    address 10.0.0.2/24\n",
    "/sbin/dhclient": b"",
    "/etc/udev/rules.d/70-persistent-net.rules": "x\n",
    "/lib/systemd/system/open-vm-tools.service": "",
    "/etc/rc2.d/S01open-vm-tools": "-> ../init.d/open-vm-tools",
}
UBUNTU: Files = {
    "/etc/fstab": FSTAB,
    "/etc/default/grub": 'GRUB_CMDLINE_LINUX_DEFAULT="quiet splash"\nGRUB_CMDLINE_LINUX=""\n',
    "/boot/grub/grub.cfg": GRUB,
    "/etc/netplan/00-installer-config.yaml": "network:\n  version: 2\n"
    "  ethernets:\n    ens160: {addresses: [10.0.0.2/24]}\n",
    "/etc/cloud/cloud.cfg": "datasource_list: [NoCloud]\n",
    "/etc/initramfs-tools/modules": "",
}
ROCKY: Files = {
    "/etc/fstab": FSTAB,
    "/etc/default/grub": 'GRUB_CMDLINE_LINUX="crashkernel=auto resume=/dev/sda3 rhgb quiet"\n',
    "/boot/grub2/grub.cfg": "insmod blscfg\nblscfg\n",
    "/boot/grub2/grubenv": format_grubenv({"saved_entry": "m-6", "kernelopts": KERNEL_OPTIONS}),
    "/boot/loader/entries/m-6.conf": "title Rocky\nversion 6\nlinux /vmlinuz-6\ninitrd /initrd-6\n"
    "options $kernelopts\n",
    "/boot/loader/entries/m-5.conf": "title Rocky\nversion 5\nlinux /vmlinuz-5\ninitrd /initrd-5\n"
    "options root=/dev/sda2 ro\n",
    "/etc/kernel/cmdline": "root=/dev/sda2 ro\n",
    "/etc/NetworkManager/system-connections/ens192.nmconnection": "[connection]\ntype=ethernet\n"
    "interface-name=ens192\n\n"
    "[ipv4]\nmethod=manual\naddress1=10.0.0.2/24\n",
    "/etc/dracut.conf.d/x.conf": "",
    "/etc/selinux/config": "SELINUX=enforcing\n",
    "/usr/lib/systemd/system/vmtoolsd.service": "",
}
SLES: Files = {
    "/etc/fstab": FSTAB,
    "/etc/default/grub": 'GRUB_CMDLINE_LINUX=""\n',
    "/boot/grub2/grub.cfg": GRUB,
    "/etc/sysconfig/network/ifcfg-eth0": "BOOTPROTO='static'\nIPADDR='10.0.0.2/24'\n",
    "/etc/sysconfig/network/routes": "default 10.0.0.1 - -\n",
    "/etc/dracut.conf.d/x.conf": "",
}
FAMILIES = {"debian": DEBIAN, "ubuntu": UBUNTU, "rocky": ROCKY, "sles": SLES}


def facts_of(view: TextFiles) -> GuestFacts:
    return replace(FACTS, boot=replace(FACTS.boot, bls=uses_bls(view)))


def plan_of(files: Files, nic: NicPlan = DHCP) -> ChangePlan:
    view = TextFiles(files)
    return plan_linux(view, facts_of(view), NAMES.stable, nics=(nic,), esp_uuid="ABCD-1234")


def applied(files: Files, plan: ChangePlan) -> Files:
    after = dict(files)
    for change in plan.changes:
        if change.kind is ChangeKind.REMOVE:
            del after[change.path]
        elif change.kind is ChangeKind.LINK:
            after[change.path] = f"-> {change.target}"
        else:
            after[change.path] = change.content
    return after


def by_partition_uuid(files: Files) -> Files:
    """The same guest, installed with PARTUUIDs: diskid-NN, as a disk with an MBR has them."""
    as_text = {path: text.decode() if isinstance(text, bytes) else text for path, text in files.items()}
    return {
        path: text.replace("/dev/sda2", "PARTUUID=0000abcd-02").replace("/dev/sda1", "PARTUUID=0000abcd-01")
        for path, text in as_text.items()
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_partition_uuids_are_followed_in_every_form(family: str) -> None:
    """fstab, grub.cfg, entry files, grubenv, /etc/default/grub, /etc/kernel/cmdline, mount units."""
    files = by_partition_uuid(FAMILIES[family])
    files["/etc/crypttab"] = "swap PARTUUID=0000abcd-03 /dev/urandom swap\n"
    files["/etc/systemd/system/srv.mount"] = "[Mount]\nWhat=/dev/disk/by-partuuid/0000abcd-01\nWhere=/srv\n"
    files["/etc/default/grub.d/site.cfg"] = 'GRUB_CMDLINE_LINUX_DEFAULT="root=PARTUUID=0000abcd-02"\n'
    now = {number: f"0000abcd-0{number}" for number in (1, 2, 3)}
    later = {number: str(converted_guid(0xABCD, number)) for number in now}
    names = DeviceNames((ROOT, BOOT), partition_uuids=[now], later_uuids=[later])
    view = TextFiles(files)
    plan = plan_linux(view, facts_of(view), names.stable, nics=(DHCP,), esp_uuid="ABCD-1234")
    after = applied(files, plan)
    text = "".join(each if isinstance(each, str) else each.decode() for each in after.values())
    assert "0000abcd" not in text
    assert f"swap PARTUUID={later[3]} /dev/urandom" in text
    assert "UUID=root-uuid / ext4" in text
    assert "What=/dev/disk/by-uuid/boot-uuid\n" in text


@pytest.mark.parametrize("mode", list(NicMode))
@pytest.mark.parametrize("family", FAMILIES)
def test_a_second_plan_is_empty(family: str, mode: NicMode) -> None:
    nic = NicPlan(mode, addresses=("10.9.0.5/24",) if mode is NicMode.STATIC else ())
    once = applied(FAMILIES[family], plan_of(FAMILIES[family], nic))
    again = plan_of(once, nic)
    assert again.changes == ()


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_of_the_old_machine_is_left(family: str) -> None:
    after = applied(FAMILIES[family], plan_of(FAMILIES[family]))
    for path, content in after.items():
        text = content if isinstance(content, str) else content.decode("utf-8", "replace")
        assert "/dev/sda" not in text, path
        assert "ens192" not in text.replace("ens192.nm", ""), path
        assert "resume=" not in text, path


@pytest.mark.parametrize("family", FAMILIES)
def test_every_change_has_a_reason_and_a_path_of_its_own(family: str) -> None:
    changes = plan_of(FAMILIES[family]).changes
    assert all(change.reason for change in changes)
    assert len({change.path for change in changes}) == len(changes)


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("SELINUX=enforcing\nSELINUXTYPE=targeted\n", "enforcing"),
        ("# SELINUX=disabled\n  SELINUX=Permissive\n", "permissive"),
        ("SELINUX=disabled\n", "disabled"),
        ("SELINUXTYPE=targeted\n", ""),
    ],
)
def test_selinux_needs_no_relabel_in_any_mode(text: str, mode: str) -> None:
    """New files take the label of their folder when they are made, so a relabel would only cost a reboot."""
    files: Files = {**ROCKY, "/etc/selinux/config": text}
    assert selinux_mode(TextFiles(files)) == mode
    assert plan_of(files) == plan_of(ROCKY)
    assert "/.autorelabel" not in {change.path for change in plan_of(files).changes}


def test_a_guest_without_selinux_has_no_mode() -> None:
    assert selinux_mode(TextFiles(SLES)) == ""


def test_entry_files_are_followed_through_grubenv() -> None:
    view = TextFiles(applied(ROCKY, plan_of(ROCKY)))
    first, second = boot_entries(view)
    assert first.command_line == "root=UUID=root-uuid ro crashkernel=auto console=tty0 console=ttyS0,115200n8"
    assert second.command_line == "root=UUID=root-uuid ro console=tty0 console=ttyS0,115200n8"


def test_an_entry_whose_kernel_was_deleted_is_not_the_one_to_boot() -> None:
    """Its kernel was removed by hand; the menu on the ESP must not begin with it."""
    rows = ((6, "BOOT/vmlinuz-6"), (5, "BOOT/vmlinuz-5"))
    text = "".join(
        f"menuentry 'Linux {number}' {{\n\tlinux {path} root=/dev/sda2 ro\n\tinitrd /initrd-{number}\n}}\n"
        for number, path in rows
    )
    for folder in ("", "/boot"):  # a /boot of its own, and one on the root file system
        files: Files = {"/boot/grub/grub.cfg": text.replace("BOOT", folder), "/boot/vmlinuz-5": b"kernel"}
        assert [entry.title for entry in boot_entries(TextFiles(files))] == ["Linux 5"]
    deleted_all: Files = {"/boot/grub/grub.cfg": text.replace("BOOT", "/elsewhere")}
    assert len(boot_entries(TextFiles(deleted_all))) == 2


def test_the_copy_of_an_old_grubs_menu_is_not_passed_over_in_silence() -> None:
    files: Files = {
        "/etc/fstab": FSTAB,
        "/boot/grub/grub.conf": "title Old\nkernel /vmlinuz-2 ro\ninitrd /initrd-2\n",
    }
    facts = replace(FACTS, boot=replace(FACTS.boot, config_path=""))
    plan = plan_linux(TextFiles(files), facts, NAMES.stable, nics=(), esp_uuid="ABCD-1234")
    assert any("kernel updates" in warning for warning in plan.warnings)
    assert not any("kernel updates" in warning for warning in plan_of(DEBIAN).warnings)


def test_a_guest_with_old_names_keeps_them() -> None:
    files: Files = {**SLES, "/etc/default/grub": 'GRUB_CMDLINE_LINUX="net.ifnames=0"\n'}
    paths = {change.path for change in plan_of(files).changes}
    assert "/etc/sysconfig/network/ifcfg-eth0" in paths
    assert "/etc/sysconfig/network/ifcfg-ens2" not in paths


SUBVOLUME = "@/.snapshots/1/snapshot"


def test_suse_on_btrfs_is_booted_from_the_top_level() -> None:
    """SUSE's own GRUB starts paths at the default subvolume; a plain GRUB cannot."""
    mounts = (GuestMount("/", replace(ROOT, kind="btrfs"), SUBVOLUME),)
    files: Files = {
        **SLES,
        "/boot/grub2/grub.cfg": GRUB.replace(" /vmlinuz", " /boot/vmlinuz").replace(
            " /initrd", " /boot/initrd"
        ),
        "/boot/vmlinuz": "-> vmlinuz-6",
        "/boot/initrd": "-> initrd-6",
    }
    newest, listed = boot_entries(TextFiles(files), mounts)
    assert newest.kernel == f"/{SUBVOLUME}/boot/vmlinuz"
    assert listed.kernel == f"/{SUBVOLUME}/boot/vmlinuz-6"
    assert listed.initramfs == (f"/{SUBVOLUME}/boot/initrd-6",)


def test_debian_on_btrfs_has_its_paths_from_the_top_level() -> None:
    mounts = (GuestMount("/", replace(ROOT, kind="btrfs"), "@"),)
    files: Files = {**DEBIAN, "/boot/grub/grub.cfg": GRUB.replace(" /", " /@/boot/")}
    assert boot_entries(TextFiles(files), mounts)[0].kernel == "/@/boot/vmlinuz-6"


DEBCONF = """Name: grub-pc/install_devices
Template: grub-pc/install_devices
Value: /dev/disk/by-id/scsi-36000c29
Owners: grub-pc
Flags: seen
Variables:
 CHOICES = /dev/sda (42949 MB)

Name: grub-pc/timeout
Template: grub-pc/timeout
Value: 5
Owners: grub-pc

"""


def test_grub_pc_is_told_to_leave_the_disk_alone() -> None:
    after = edit_debconf(DEBCONF)
    assert "Value: \nOwners: grub-pc\nFlags: seen\nVariables:" in after
    assert (
        "Name: grub-pc/install_devices_empty\nTemplate: grub-pc/install_devices_empty\nValue: true" in after
    )
    assert "Name: grub-pc/timeout\nTemplate: grub-pc/timeout\nValue: 5" in after
    assert edit_debconf(after) == after
    assert edit_debconf("Name: other/x\nValue: 1\n") == "Name: other/x\nValue: 1\n"
    files: Files = {**DEBIAN, "/var/cache/debconf/config.dat": DEBCONF}
    assert plan_of(applied(files, plan_of(files))).changes == ()


def test_lvm_forgets_the_disks_of_vmware() -> None:
    files: Files = {**ROCKY, "/etc/lvm/devices/system.devices": "IDTYPE=sys_wwid IDNAME=naa.6000c29\n"}
    changes = {change.path: change.kind for change in plan_of(files).changes}
    assert changes["/etc/lvm/devices/system.devices"] is ChangeKind.REMOVE


def test_grub_sees_paths_from_the_root_of_their_file_system() -> None:
    plain = (GuestMount("/", ROOT),)
    assert grub_path(plain, "/boot/grub/grub.cfg") == "/boot/grub/grub.cfg"
    assert grub_path(FACTS.mounts, "/boot/grub/grub.cfg") == "/grub/grub.cfg"
    assert grub_path((GuestMount("/", ROOT, "@"),), "/boot/grub/grub.cfg") == "/@/boot/grub/grub.cfg"
