"""fstab and crypttab: only the device column changes, and what is unknown cannot stop the boot."""

from fakes.guest_files import TextFiles

from v2s_tui.adapters.guest.boot.command_line import edit_command_line
from v2s_tui.adapters.guest.boot.conversion import converted_guid
from v2s_tui.adapters.guest.linux.device_names import DeviceNames, array_uuids
from v2s_tui.adapters.guest.linux.mount_tables import edit_crypttab, edit_fstab, parse_fstab
from v2s_tui.domain.guest.facts import GuestFilesystem, MdArray

FILESYSTEMS = (
    GuestFilesystem("/dev/sda1", "ext4", "root-uuid", "system", 0, 1),
    GuestFilesystem("/dev/sda5", "swap", "swap-uuid", "", 0, 5),
    GuestFilesystem("/dev/sdb1", "xfs", "home-uuid", "", 1, 1),
    GuestFilesystem("/dev/vg0/my-var", "xfs", "var-uuid"),
    GuestFilesystem("/dev/sdc", "xfs", "data-uuid", "", 2, 0),
)
NOW = [{1: "1234abcd-01", 5: "1234abcd-05", 6: "1234abcd-06"}, {1: "9999abcd-01"}, {}]
LATER = [{number: str(converted_guid(0x1234ABCD, number)) for number in NOW[0]}, {}, {}]
NAMES = DeviceNames(FILESYSTEMS, partition_uuids=NOW, later_uuids=LATER)

FSTAB = """# /etc/fstab: static file system information.
/dev/sda1\t/\text4\terrors=remount-ro\t0\t1
PARTUUID=1234ABCD-05  none  swap  sw  0 0
PARTUUID=9999abcd-01 /home xfs defaults 0 2
/dev/sdc /data xfs defaults 0 2
/dev/mapper/vg0-my--var /var xfs defaults 0 2
UUID=HOME-uuid /data ext4 defaults 0 2
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
        "PARTUUID=9999abcd-01 /home xfs defaults 0 2",
        "UUID=data-uuid /data xfs defaults 0 2",
        "/dev/mapper/vg0-my--var /var xfs defaults 0 2",
        "UUID=HOME-uuid /data ext4 defaults 0 2",
        "/dev/sdd1 /mnt/gone ext4 defaults,nofail 0 2",
        "/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0",
        "nas:/export /srv nfs _netdev 0 0",
        "UUID=ABCD-1234 /boot/efi vfat umask=0077,nofail,x-systemd.device-timeout=5 0 1",
    ]
    assert unresolved == ("/dev/sdd1",)


LEFT_BEHIND = """UUID=not-here /data ext4 defaults 0 2
LABEL=backup /backup xfs defaults,noatime 0 2
/dev/mapper/vg9-logs /var/log/app xfs defaults 0 0
/dev/vg9/swap none swap sw 0 0
/dev/sdx1 /old ext3
UUID=not-here /manual ext4 noauto 0 0
LABEL=iscsi /san ext4 _netdev 0 0
LABEL=system /again ext4 defaults 0 0
UUID=var-uuid /var xfs defaults 0 0
/dev/mapper/vg0-my--var /var xfs defaults 0 0
tmpfs /tmp tmpfs size=1G 0 0
"""


def test_what_stays_at_vmware_cannot_stop_the_boot_whatever_its_name() -> None:
    """The plan may skip a disk: an RDM, an independent one, a database that goes another way."""
    after, unresolved = edit_fstab(LEFT_BEHIND, NAMES.stable)
    changed = [line for line in after.splitlines() if line not in LEFT_BEHIND.splitlines()]
    assert changed == [
        "UUID=not-here /data ext4 defaults,nofail 0 2",
        "LABEL=backup /backup xfs defaults,noatime,nofail 0 2",
        "/dev/mapper/vg9-logs /var/log/app xfs defaults,nofail 0 0",
        "/dev/vg9/swap none swap sw,nofail 0 0",
        "/dev/sdx1 /old ext3 defaults,nofail",
    ]
    assert unresolved == (
        "UUID=not-here",
        "LABEL=backup",
        "/dev/mapper/vg9-logs",
        "/dev/vg9/swap",
        "/dev/sdx1",
    )
    assert edit_fstab(after, NAMES.stable)[0] == after


def test_what_luks_opens_is_left_alone() -> None:
    assert edit_fstab("UUID=inside /data ext4 defaults 0 2\n", NAMES.stable, encrypted=True)[1] == ()


def test_editing_fstab_twice_changes_nothing_more() -> None:
    once, _ = edit_fstab(FSTAB, NAMES.stable, esp_uuid="ABCD-1234")
    assert edit_fstab(once, NAMES.stable, esp_uuid="EEEE-0000")[0] == once


def test_the_root_is_known_even_by_a_name_that_is_not() -> None:
    after, unresolved = edit_fstab(
        "/dev/disk/by-id/wwn-0x5-part9 / ext4 defaults 0 1\n", NAMES.stable, root="UUID=r"
    )
    assert (after, unresolved) == ("UUID=r / ext4 defaults 0 1\n", ())


def test_a_partition_uuid_that_the_conversion_changes_is_followed() -> None:
    """Only the boot disk's table becomes a GPT; other disks keep their PARTUUIDs."""
    assert NAMES.stable("PARTUUID=1234abcd-01") == "UUID=root-uuid"
    assert NAMES.stable("/dev/disk/by-partuuid/1234abcd-05") == "UUID=swap-uuid"
    assert NAMES.stable("PARTUUID=9999abcd-01") == "PARTUUID=9999abcd-01"
    assert NAMES.stable("/dev/disk/by-partuuid/9999abcd-01") == "/dev/disk/by-partuuid/9999abcd-01"
    assert NAMES.stable("PARTUUID=ffff0000-01") is None


def test_a_partition_without_a_uuid_of_its_content_gets_the_one_of_the_new_table() -> None:
    """Swap with a random key at each boot holds nothing that could be found again."""
    new = f"PARTUUID={LATER[0][6]}"
    before = "swap PARTUUID=1234abcd-06 /dev/urandom swap\nswap2 /dev/sda6 /dev/urandom swap\n"
    after = edit_crypttab(before, NAMES.stable)
    assert after == f"swap {new} /dev/urandom swap\nswap2 {new} /dev/urandom swap\n"
    assert edit_crypttab(after, NAMES.stable) == after
    converted = DeviceNames(FILESYSTEMS, partition_uuids=[LATER[0], *NOW[1:]])
    assert edit_crypttab(after, converted.stable) == after, "nor once the disk has its GPT"


def test_a_kept_table_keeps_its_uuids() -> None:
    kept = DeviceNames(FILESYSTEMS, partition_uuids=NOW)
    fstab = "PARTUUID=1234abcd-01 / ext4 defaults 0 1\n"
    assert edit_fstab(fstab, kept.stable) == (fstab, ())


def test_a_disk_that_stays_leaves_its_letter() -> None:
    """sdb stays at VMware: the second disk that moved is sdc, and is not mounted in the place of sdb."""
    names = DeviceNames(FILESYSTEMS[:3], partition_uuids=[{1: "a"}, {1: "b"}], places=(0, 2))
    fstab = "/dev/sda1 / ext4 defaults 0 1\n/dev/sdb1 /backup xfs defaults 0 2\n"
    fstab += "/dev/sdc1 /home xfs defaults 0 2\n"
    after, unresolved = edit_fstab(fstab, names.stable)
    assert unresolved == ("/dev/sdb1",)
    assert after.splitlines()[1:] == [
        "/dev/sdb1 /backup xfs defaults,nofail 0 2",
        "UUID=home-uuid /home xfs defaults 0 2",
    ]
    volume = GuestFilesystem("/dev/vg0/var", "xfs", "var-uuid")
    assert DeviceNames((volume,), partition_uuids=[{}], places=(0,)).stable("/dev/sdb") is None
    one_left = DeviceNames(FILESYSTEMS[:1], partition_uuids=[{1: "a"}], places=(1,))
    assert one_left.stable("/dev/disk/by-id/scsi-36000c29-part1") is None


MD0 = GuestFilesystem("/dev/md127", "ext4", "boot-uuid", array=MdArray("aa:bb:cc:dd", "raid1", "guest:0"))
MD1 = GuestFilesystem("/dev/md126", "xfs", "md1-uuid", array=MdArray("11:22:33:44", "raid1", "guest:root"))


def test_arrays_are_followed_though_the_appliance_calls_them_otherwise() -> None:
    named = DeviceNames((MD0, MD1), partition_uuids=[])
    assert named.find("/dev/md0") is MD0
    assert named.find("/dev/md/0") is MD0
    assert named.find("/dev/md/root") is MD1
    assert named.find("/dev/md/guest:root") is MD1
    assert named.find("/dev/md9") is None
    fstab = "/dev/md0 /boot ext4 defaults 0 2\n/dev/md/root / xfs defaults 0 1\n/dev/md9 /x xfs noauto 0 0\n"
    after, unresolved = edit_fstab(fstab, named.stable)
    assert after.startswith("UUID=boot-uuid /boot ext4 defaults 0 2\nUUID=md1-uuid / xfs")
    assert unresolved == ("/dev/md9",)
    assert edit_command_line("root=/dev/md/root ro", named.stable, serial=False) == "root=UUID=md1-uuid ro"


def test_mdadm_conf_decides_what_an_array_is_called() -> None:
    conf = "# mdadm.conf\nHOMEHOST <system>\nARRAY /dev/md0 level=raid1 num-devices=2 UUID=11:22:33:44\n"
    conf += "ARRAY /dev/md/boot  metadata=1.2 UUID=AA:BB:CC:DD name=guest:0\n#ARRAY /dev/md5 UUID=1\n"
    arrays = array_uuids(TextFiles({"/etc/mdadm/mdadm.conf": conf}))
    assert arrays == {"/dev/md0": "11:22:33:44", "/dev/md/boot": "aa:bb:cc:dd"}
    names = DeviceNames((MD0, MD1), partition_uuids=[], arrays=arrays)
    assert names.find("/dev/md0") is MD1
    assert names.find("/dev/md/boot") is MD0


def test_the_only_array_is_known_by_any_name() -> None:
    assert DeviceNames((MD1,), partition_uuids=[]).find("/dev/md127") is MD1


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
    single = DeviceNames(FILESYSTEMS[:2], partition_uuids=NOW[:1])
    assert single.find("/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0-part5") is FILESYSTEMS[1]
