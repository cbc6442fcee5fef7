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
