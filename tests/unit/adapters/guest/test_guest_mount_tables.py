"""fstab and crypttab: only the device column changes, and what is unknown cannot stop the boot."""

from v2s_tui.adapters.guest.linux.device_names import DeviceNames
from v2s_tui.adapters.guest.linux.mount_tables import edit_crypttab, edit_fstab, parse_fstab
from v2s_tui.domain.guest.facts import GuestFilesystem

FILESYSTEMS = (
    GuestFilesystem("/dev/sda1", "ext4", "root-uuid", "system", 0, 1, "1234abcd-01"),
    GuestFilesystem("/dev/sda5", "swap", "swap-uuid", "", 0, 5, "1234abcd-05"),
    GuestFilesystem("/dev/sdb1", "xfs", "home-uuid", "", 1, 1, "9999abcd-01"),
    GuestFilesystem("/dev/vg0/my-var", "xfs", "var-uuid"),
)
NAMES = DeviceNames(FILESYSTEMS, disks=2)

FSTAB = """# /etc/fstab: static file system information.
/dev/sda1\t/\text4\terrors=remount-ro\t0\t1
/dev/sda5  none  swap  sw  0 0
PARTUUID=9999abcd-01 /home xfs defaults 0 2
/dev/mapper/vg0-my--var /var xfs defaults 0 2
UUID=keep-me /data ext4 defaults 0 2
/dev/sdd1 /mnt/gone ext4 defaults 0 2
/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0
nas:/export /srv nfs _netdev 0 0
"""


def test_fstab_by_uuid() -> None:
    after, unresolved = edit_fstab(FSTAB, NAMES.stable, esp_uuid="ABCD-1234")
    assert after.splitlines() == [
        "# /etc/fstab: static file system information.",
        "UUID=root-uuid\t/\text4\terrors=remount-ro\t0\t1",
        "UUID=swap-uuid  none  swap  sw  0 0",
        "UUID=home-uuid /home xfs defaults 0 2",
        "/dev/mapper/vg0-my--var /var xfs defaults 0 2",
        "UUID=keep-me /data ext4 defaults 0 2",
        "/dev/sdd1 /mnt/gone ext4 defaults,nofail 0 2",
        "/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0",
        "nas:/export /srv nfs _netdev 0 0",
        "UUID=ABCD-1234 /boot/efi vfat umask=0077,nofail,x-systemd.device-timeout=5 0 1",
    ]
    assert unresolved == ("/dev/sdd1",)


def test_editing_fstab_twice_changes_nothing_more() -> None:
    once, _ = edit_fstab(FSTAB, NAMES.stable, esp_uuid="ABCD-1234")
    assert edit_fstab(once, NAMES.stable, esp_uuid="EEEE-0000")[0] == once


def test_the_root_is_known_even_by_a_name_that_is_not() -> None:
    after, unresolved = edit_fstab(
        "/dev/disk/by-id/wwn-0x5-part9 / ext4 defaults 0 1\n", NAMES.stable, root="UUID=r"
    )
    assert (after, unresolved) == ("UUID=r / ext4 defaults 0 1\n", ())


def test_crypttab() -> None:
    before = "# name device key\nhome /dev/sdb1 none luks\nswap UUID=x /dev/urandom swap\n"
    assert edit_crypttab(before, NAMES.stable) == (
        "# name device key\nhome UUID=home-uuid none luks\nswap UUID=x /dev/urandom swap\n"
    )


def test_parsing_resolves_escapes_and_passes_over_broken_lines() -> None:
    entries = parse_fstab('LABEL="disk" /x ext4\n\nbroken\n/dev/sda1 /with\\040space ext4 ro,noauto 0 0\n')
    assert [(each.source, each.mountpoint, each.options) for each in entries] == [
        ("LABEL=disk", "/x", ()),
        ("/dev/sda1", "/with space", ("ro", "noauto")),
    ]


def test_device_names() -> None:
    find = NAMES.find
    assert find("/dev/sdb1") is FILESYSTEMS[2]
    assert find("/dev/disk/by-partuuid/1234ABCD-05") is FILESYSTEMS[1]
    assert find("LABEL=system") is FILESYSTEMS[0]
    assert find("/dev/mapper/vg0-my--var") is FILESYSTEMS[3]
    assert find("/dev/vg0/my-var") is FILESYSTEMS[3]
    assert find("/dev/sdaa1") is None
    assert find("/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:1:0-part1") is None, "two disks have it"
    assert find("/dev/disk/by-id/scsi-36000c29e1f-part5") is FILESYSTEMS[1], "one disk has it"
    single = DeviceNames(FILESYSTEMS[:2], disks=1)
    assert single.find("/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0-part5") is FILESYSTEMS[1]
