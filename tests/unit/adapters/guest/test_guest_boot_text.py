"""Kernel command lines, grub.cfg, /etc/default/grub, entry files, the menu on the ESP: text in, text out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from v2s_tui.adapters.guest.boot import bls
from v2s_tui.adapters.guest.boot.command_line import edit_command_line, is_unstable, words_of
from v2s_tui.adapters.guest.boot.esp_config import esp_grub_config
from v2s_tui.adapters.guest.boot.grub_config import (
    edit_default_grub,
    edit_grub_config,
    edit_legacy_config,
    grub_entries,
    legacy_entries,
    uses_blscfg,
)
from v2s_tui.domain.guest.facts import BootEntry, BootFacts

ROOT = "UUID=aaaa-root"
SERIAL = "console=tty0 console=ttyS0,115200n8"


def stable(name: str) -> str | None:
    return {"/dev/sda1": ROOT, "/dev/sda5": "UUID=bbbb-swap", "PARTUUID=1234-01": ROOT}.get(name)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("root=/dev/sda1 ro quiet", f"root={ROOT} ro quiet {SERIAL}"),
        ("root=PARTUUID=1234-01 ro", f"root={ROOT} ro {SERIAL}"),
        (
            "root=/dev/mapper/rl-root ro rd.lvm.lv=rl/root",
            f"root=/dev/mapper/rl-root ro rd.lvm.lv=rl/root {SERIAL}",
        ),
        (
            "root=UUID=x ro mount.usr=/dev/sda1 a=/dev/sdz9",
            f"root=UUID=x ro mount.usr={ROOT} a=/dev/sdz9 {SERIAL}",
        ),
        ("root=/dev/disk/by-partuuid/1234-01 resume=PARTUUID=1234-05", f"root={ROOT} {SERIAL}"),
        ("root=UUID=x resume=/dev/sda5 resume_offset=3", f"root=UUID=x {SERIAL}"),
        ("root=/dev/sdq9 ro", f"root={ROOT} ro {SERIAL}"),
        ("console=tty0 root=UUID=x", "console=tty0 root=UUID=x console=ttyS0,115200n8"),
        ("console=ttyS0,9600 root=UUID=x", "console=ttyS0,9600 root=UUID=x"),
        ('root=UUID=x dyndbg="file a.c +p" audit=0', f'root=UUID=x dyndbg="file a.c +p" audit=0 {SERIAL}'),
    ],
)
def test_command_line(before: str, after: str) -> None:
    assert edit_command_line(before, stable, root=ROOT) == after


WORDS = st.lists(
    st.sampled_from(
        [
            "ro",
            "quiet",
            "root=/dev/sda1",
            "resume=/dev/sda5",
            "console=tty0",
            "console=ttyS0",
            "audit=0",
            'a="b c"',
            "$x",
        ]
    ),
    max_size=8,
)


@given(WORDS)
def test_editing_twice_changes_nothing_more(words: list[str]) -> None:
    once = edit_command_line(" ".join(words), stable, root=ROOT)
    assert edit_command_line(once, stable, root=ROOT) == once


@given(WORDS)
def test_no_argument_of_the_site_is_lost(words: list[str]) -> None:
    after = words_of(edit_command_line(" ".join(words), stable, root=ROOT))
    kept = [word for word in words if not word.startswith(("root=", "resume="))]
    assert [word for word in after if word in kept][: len(kept)] == kept


@pytest.mark.parametrize(
    "name",
    [
        "/dev/sda1",
        "/dev/disk/by-id/wwn-1",
        "PARTUUID=x",
        "/dev/nvme0n1p2",
        "/dev/vdb",
        "/dev/md0",
        "/dev/md/root",
        "/dev/disk/by-partuuid/x",
        "/dev/disk/by-path/pci-1-part1",
    ],
)
def test_unstable_names(name: str) -> None:
    assert is_unstable(name)


@pytest.mark.parametrize(
    "name",
    [
        "UUID=x",
        "LABEL=y",
        "/dev/mapper/vg-root",
        "/dev/vg/root",
        "/dev/disk/by-uuid/x",
        "/dev/mdvg/root",
        "/dev/disk/by-id/dm-name-vg-root",
        "/dev/disk/by-id/md-uuid-1:2",
        "/dev/disk/by-label/x",
    ],
)
def test_names_that_survive(name: str) -> None:
    assert not is_unstable(name)


GRUB_CONFIG = """### BEGIN /etc/grub.d/10_linux ###
set default="0"
menuentry 'CentOS Linux (3.10.0-1160.el7.x86_64) 7 (Core)' --class centos {
\tload_video
\tset root='hd0,msdos1'
\tsearch --no-floppy --fs-uuid --set=root --hint='hd0,msdos1'  aaaa-root
\tlinux16 /vmlinuz-3.10.0 root=/dev/sda1 ro crashkernel=auto rhgb quiet $extra
\tinitrd16 /initramfs-3.10.0.img
}
submenu 'Advanced options' {
    menuentry "Rescue" {
        linux   /vmlinuz-0-rescue root=/dev/sda1 ro single
        initrd  /initramfs-0-rescue.img
    }
}
menuentry 'Memory test' {
\tlinux16 /boot/memtest86+.bin
}
"""


def test_grub_config_for_uefi() -> None:
    after = edit_grub_config(GRUB_CONFIG, stable, root=ROOT, to_efi=True)
    assert f"\tlinux /vmlinuz-3.10.0 root={ROOT} ro crashkernel=auto rhgb quiet $extra {SERIAL}\n" in after
    assert "\tinitrd /initramfs-3.10.0.img\n" in after
    assert f"        linux   /vmlinuz-0-rescue root={ROOT} ro single {SERIAL}\n" in after
    assert "set root='hd0,gpt1'" in after
    assert "\tlinux16 /boot/memtest86+.bin\n" in after
    assert edit_grub_config(after, stable, root=ROOT, to_efi=True) == after


def test_grub_config_of_a_uefi_guest_keeps_its_commands() -> None:
    text = "\tlinuxefi /vmlinuz root=/dev/sda1\n\tinitrdefi /initrd\n"
    assert edit_grub_config(text, stable, root=ROOT, to_efi=False) == (
        f"\tlinuxefi /vmlinuz root={ROOT} {SERIAL}\n\tinitrdefi /initrd\n"
    )


def test_entries_of_a_grub_config() -> None:
    first, second = grub_entries(GRUB_CONFIG)
    assert first == BootEntry(
        "CentOS Linux (3.10.0-1160.el7.x86_64) 7 (Core)",
        "/vmlinuz-3.10.0",
        ("/initramfs-3.10.0.img",),
        "root=/dev/sda1 ro crashkernel=auto rhgb quiet",
    )
    assert second.title == "Rescue"


def test_default_grub_keeps_site_arguments_and_quotes() -> None:
    before = "GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT='quiet splash'\n"
    before += 'GRUB_CMDLINE_LINUX="root=/dev/sda1 audit=0"\n'
    after = edit_default_grub(before, stable, root=ROOT)
    assert after == (
        "GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT='quiet splash'\n"
        f'GRUB_CMDLINE_LINUX="root={ROOT} audit=0 {SERIAL}"\n'
    )
    assert edit_default_grub(after, stable, root=ROOT) == after


def test_default_grub_does_not_bring_the_old_root_back() -> None:
    """grub-mkconfig would name the root by its device, or by a PARTUUID that the conversion changed."""
    before = 'GRUB_CMDLINE_LINUX="quiet"\nGRUB_DISABLE_LINUX_UUID=true\nGRUB_FORCE_PARTUUID=1234-01\n'
    after = edit_default_grub(before, stable, root=ROOT)
    assert after.splitlines()[1:] == [
        "# by v2s: GRUB_DISABLE_LINUX_UUID=true", "# by v2s: GRUB_FORCE_PARTUUID=1234-01",
    ]  # fmt: skip
    assert edit_default_grub(after, stable, root=ROOT) == after


def test_snippets_of_default_grub_are_edited_but_not_extended() -> None:
    timeout = "GRUB_TIMEOUT=1"
    assert edit_default_grub(timeout, stable, root=ROOT, snippet=True) == timeout
    text = 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX root=PARTUUID=1234-01"\n'
    after = edit_default_grub(text, stable, root=ROOT, snippet=True)
    assert after == f'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX root={ROOT}"\n'


def test_options_in_a_variable_of_grub_config() -> None:
    text = (
        'if [ -z "${kernelopts}" ]; then\n  set kernelopts="root=PARTUUID=1234-01 ro resume=/dev/sda5 "\nfi\n'
    )
    after = edit_grub_config(text, stable, root=ROOT, to_efi=True)
    assert f'  set kernelopts="root={ROOT} ro {SERIAL}"\n' in after
    assert edit_grub_config(after, stable, root=ROOT, to_efi=True) == after


def test_default_grub_without_the_key_gets_it() -> None:
    assert edit_default_grub("GRUB_TIMEOUT=1\n", stable, root=ROOT).endswith(
        f'GRUB_CMDLINE_LINUX="{SERIAL}"\n'
    )


ENTRY = """title Rocky Linux (5.14.0-427.el9.x86_64) 9.4
version 5.14.0-427.el9.x86_64
linux /vmlinuz-5.14.0-427.el9.x86_64
initrd /initramfs-5.14.0-427.el9.x86_64.img $tuned_initrd
options root=/dev/sda1 ro $tuned_params
grub_users $grub_users
"""


def test_bls_entry_is_read_and_edited() -> None:
    entry = bls.parse_bls("a-5.14.0-427.conf", ENTRY)
    assert entry is not None
    assert bls.boot_entry(entry, {}) == BootEntry(
        "Rocky Linux (5.14.0-427.el9.x86_64) 9.4",
        "/vmlinuz-5.14.0-427.el9.x86_64",
        ("/initramfs-5.14.0-427.el9.x86_64.img",),
        "root=/dev/sda1 ro",
    )
    assert (
        bls.edit_bls("options\troot=PARTUUID=1234-01", stable, root=ROOT)
        == f"options\troot={ROOT} {SERIAL}\n"
    )
    edited = bls.edit_bls(ENTRY, stable, root=ROOT)
    assert f"options root={ROOT} ro $tuned_params {SERIAL}\n" in edited
    assert bls.edit_bls(edited, stable, root=ROOT) == edited


def test_kernelopts_come_from_the_environment_and_stay_there() -> None:
    text = "title x\nlinux /v\noptions $kernelopts\n"
    entry = bls.parse_bls("x.conf", text)
    assert entry is not None
    assert bls.boot_entry(entry, {"kernelopts": "root=UUID=1 ro"}).command_line == "root=UUID=1 ro"
    assert bls.edit_bls(text, stable, root=ROOT) == text


def test_entries_are_ordered_by_default_then_version() -> None:
    def entry(name: str, version: str) -> bls.BlsEntry:
        return bls.BlsEntry(name, {"version": version, "linux": "/v"})

    entries = (
        entry("m-5.9.conf", "5.9"),
        entry("m-5.14.conf", "5.14"),
        entry("m-0-rescue.conf", "0-rescue-m"),
        entry("m-5.10.conf", "5.10"),
    )
    names = [each.file_name for each in bls.ordered_entries(entries, "")]
    assert names == ["m-5.14.conf", "m-5.10.conf", "m-5.9.conf", "m-0-rescue.conf"]
    assert bls.ordered_entries(entries, "m-5.9")[0].file_name == "m-5.9.conf"
    assert bls.ordered_entries(entries, "1")[0].file_name == "m-5.10.conf"


def test_grubenv_round_trip() -> None:
    block = bls.format_grubenv({"saved_entry": "x", "kernelopts": "root=UUID=1 a=b"})
    assert len(block) == 1024
    assert bls.parse_grubenv(block) == {"saved_entry": "x", "kernelopts": "root=UUID=1 a=b"}
    assert bls.parse_grubenv(b"garbage") == {}
    with pytest.raises(ValueError, match="fit"):
        bls.format_grubenv({"kernelopts": "x" * 1024})


BOOT = BootFacts("bios", "aaaa-root", "ext4", "/boot/grub/grub.cfg", bls=False, default_entry=None)
GOOD_ENTRY = BootEntry("Debian", "/boot/vmlinuz-6", ("/boot/initrd-6",), "root=UUID=x ro")


def test_the_menu_on_the_esp_jumps_first_and_falls_back() -> None:
    text = esp_grub_config(BOOT, (GOOD_ENTRY,), stable, root=ROOT, jump=True)
    assert text.index("configfile ($root)/boot/grub/grub.cfg") < text.index("static entry by v2s")
    assert "set fallback=1" in text
    assert f"linux ($root)/boot/vmlinuz-6 root=UUID=x ro {SERIAL}" in text


def test_a_guest_with_entry_files_gets_static_entries_only() -> None:
    text = esp_grub_config(BOOT, (GOOD_ENTRY,), stable, root=ROOT, jump=False)
    assert "configfile" not in text
    assert "set fallback=0" in text


def test_hostile_names_cannot_add_commands_to_the_menu() -> None:
    evil = (
        BootEntry('x" { }\nreboot\nmenuentry "y', "/boot/vmlinuz-6", (), "root=UUID=x ; reboot { }"),
        BootEntry("z", "/boot/vmlinuz; halt", (), ""),
    )
    text = esp_grub_config(BOOT, evil, stable, root=ROOT, jump=False)
    assert "\nreboot" not in text
    assert "halt" not in text
    assert r"\; reboot \{ \}" in text


LEGACY = """default=1
timeout=5
title CentOS (2.6.32-754.el6.x86_64)
\troot (hd0,0)
\tkernel /vmlinuz-2.6.32-754 ro root=/dev/sda1 rhgb quiet
\tinitrd /initramfs-2.6.32-754.img
title CentOS (2.6.32-696.el6.x86_64)
\troot (hd0,0)
\tkernel (hd0,0)/vmlinuz-2.6.32-696 ro root=/dev/sda1
\tinitrd (hd0,0)/initramfs-2.6.32-696.img
title Other
\tchainloader +1
"""


def test_old_grub_is_understood() -> None:
    first, second = legacy_entries(LEGACY)
    assert first == BootEntry(
        "CentOS (2.6.32-696.el6.x86_64)",
        "/vmlinuz-2.6.32-696",
        ("/initramfs-2.6.32-696.img",),
        "ro root=/dev/sda1",
    )
    assert second.kernel == "/vmlinuz-2.6.32-754"
    edited = edit_legacy_config(LEGACY, stable, root=ROOT)
    assert f"\tkernel /vmlinuz-2.6.32-754 ro root={ROOT} rhgb quiet {SERIAL}\n" in edited
    assert edit_legacy_config(edited, stable, root=ROOT) == edited


def test_blscfg_is_recognised() -> None:
    assert uses_blscfg("insmod blscfg\nblscfg\n")
    assert not uses_blscfg("# no blscfg here\n")
