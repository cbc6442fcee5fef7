"""What a console shows of a boot, and the machine's command line."""

from pathlib import Path

import pytest

from v2s_tui.adapters.qemu.acceleration import acceleration
from v2s_tui.adapters.qemu.console import console_text, failure_in, menu_waits, signs_in, tail_of
from v2s_tui.adapters.qemu.firmware import Firmware
from v2s_tui.adapters.qemu.profiles import Wiring, find_profile, machine_argv
from v2s_tui.domain.errors import InputError
from v2s_tui.domain.guest.evidence import EvidenceLevel

GOOD = (
    b'\x1b[2J\x1b[01;01HBdsDxe: starting Boot0001 "UEFI SCW sbs"\r\n\x1b[0m\x1b[37m'
    b"[    0.000000] Linux version 6.1.0-26-amd64 (debian-kernel)\r\n"
    b"\r\nDebian GNU/Linux 12 web-01 ttyS0\r\n\r\nweb-01 login: "
)


def test_levels_are_read_off_the_console() -> None:
    found = signs_in(console_text(GOOD))
    assert set(found) == {EvidenceLevel.FIRMWARE, EvidenceLevel.KERNEL, EvidenceLevel.USERSPACE}
    assert found[EvidenceLevel.USERSPACE] == "web-01 login:"
    assert failure_in(console_text(GOOD)) == ""


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        (b"\r\nShell> ", "opened its shell"),
        (b"BdsDxe: No bootable option or device was found.", "nothing to boot"),
        (b"error: no such device.\r\ngrub rescue> ", "GRUB cannot read"),
        (b"\r\ngrub> ", "waits at its prompt"),
        (b"Failed to boot both default and fallback entries.", "none of its entries"),
        (b"ALERT!  /dev/sda1 does not exist.  Dropping to a shell!", "the root device is not there"),
        (b"dracut-initqueue[289]: Warning: /dev/mapper/rl-root does not exist", "dracut did not find"),
        (b"[ 1.2] Kernel panic - not syncing: VFS: Unable to mount root fs", "panicked"),
        (b"You are in emergency mode. After logging in", "emergency mode"),
        (b"Please enter passphrase for disk sda3_crypt", "cannot be proven"),
    ],
)
def test_signs_of_failure(text: bytes, meaning: str) -> None:
    assert meaning in failure_in(console_text(text))


def test_a_login_in_the_middle_of_a_line_is_no_prompt() -> None:
    assert EvidenceLevel.USERSPACE not in signs_in("systemd-logind[1]: New login: session 1")


def test_control_characters_never_reach_an_operators_screen() -> None:
    text = console_text(b"\x1b]0;title\x07\x1b[31mred\x1b[0m\x00\x9b31m\xff ok")
    assert "\x1b" not in text
    assert "\x9b" not in text
    assert text.endswith("ok")


def test_the_tail_is_the_last_lines_that_say_something() -> None:
    assert tail_of("a\n\n\nb\n  \nc\n", lines=2) == "b\nc"


def test_the_target_machine() -> None:
    wiring = Wiring(7, 8, 2222, Path("/w/serial.log"), Path("/w/vars.fd"))
    firmware = Firmware(Path("/f/code.fd"), Path("/f/vars.fd"))
    argv = machine_argv(
        find_profile("scaleway"),
        [Path("/d/a,b.qcow2"), Path("/d/c.qcow2")],
        wiring=wiring,
        firmware=firmware,
        acceleration="tcg",
        disk_format="qcow2",
        memory_mib=4096,
    )
    text = " ".join(argv)
    assert "-m 4096 " in text
    assert "restrict=on" in text
    assert "id=disk0,if=none,format=qcow2,snapshot=on,cache=unsafe,file=/d/a,,b.qcow2" in argv
    assert "scsi-hd,bus=scsi0.0,scsi-id=2,vendor=SCW,product=sbs,serial=volume-1,drive=disk1" in argv
    assert any(word.startswith("virtio-net-pci") and "addr=0x2" in word for word in argv)
    assert "if=pflash,format=raw,readonly=on,file=/f/code.fd" in argv
    assert "kvm:tcg" not in text


def test_an_unknown_profile_is_named() -> None:
    with pytest.raises(InputError, match="scaleway"):
        find_profile("aws")


def test_the_operator_may_decide_about_kvm() -> None:
    assert acceleration(environment={"V2S_ACCELERATION": "tcg"}) == "tcg"
    assert acceleration(environment={"V2S_ACCELERATION": "kvm"}) == "kvm"
    with pytest.raises(InputError):
        acceleration(environment={"V2S_ACCELERATION": "xen"})


def test_a_menu_that_counts_down_is_told_from_one_that_is_over() -> None:
    waiting = "*Debian GNU/Linux\nThe highlighted entry will be executed automatically in 5s.  "
    assert menu_waits(waiting)
    assert not menu_waits(f"{waiting}\nBooting `Debian GNU/Linux'\n")
    assert not menu_waits("Welcome to GRUB!")
