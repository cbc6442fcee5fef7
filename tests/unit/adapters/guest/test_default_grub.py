"""/etc/default/grub stays a file that the shell can read, however it was written."""

import pytest

from v2s_tui.adapters.guest.boot.grub_config import edit_default_grub

SERIAL = "console=tty0 console=ttyS0,115200n8"


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
    assert edit_command_line(before, lambda name: name, root="UUID=root") == after


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
    once = edit_command_line(" ".join(words), lambda name: name, root="UUID=root")
    assert edit_command_line(once, lambda name: name, root="UUID=root") == once


@given(WORDS)
def test_no_argument_of_the_site_is_lost(words: list[str]) -> None:
    after = words_of(edit_command_line(" ".join(words), lambda name: name, root="UUID=root"))
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
    after = edit_grub_config(GRUB_CONFIG, lambda name: name, root="UUID=root", to_efi=True)
    assert f"\tlinux /vmlinuz-3.10.0 root={ROOT} ro crashkernel=auto rhgb quiet $extra {SERIAL}\n" in after
    assert "\tinitrd /initramfs-3.10.0.img\n" in after
    assert f"        linux   /vmlinuz-0-rescue root={ROOT} ro single {SERIAL}\n" in after
    assert "set root='hd0,gpt1'" in after
    assert "\tlinux16 /boot/memtest86+.bin\n" in after
    assert edit_grub_config(after, lambda name: name, root="UUID=root", to_efi=True) == after


def test_grub_config_of_a_uefi_guest_keeps_its_commands() -> None:
    text = "\tlinuxefi /vmlinuz root=/dev/sda1\n\tinitrdefi /initrd\n"
    assert edit_grub_config(text, lambda name: name, root="UUID=root", to_efi=False) == (
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
    after = edit_default_grub(before, lambda name: name, root="UUID=root")
    assert after == (
        "GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT='quiet splash'\n"
        f'GRUB_CMDLINE_LINUX="root={ROOT} audit=0 {SERIAL}"\n'
    )
    assert edit_default_grub(after, lambda name: name, root="UUID=root") == after


def test_default_grub_does_not_bring_the_old_root_back() -> None:
    """grub-mkconfig would name the root by its device, or by a PARTUUID that the conversion changed."""
    before = 'GRUB_CMDLINE_LINUX="quiet"\nGRUB_DISABLE_LINUX_UUID=true\nGRUB_FORCE_PARTUUID=1234-01\n'
    after = edit_default_grub(before, lambda name: name, root="UUID=root")
    assert after.splitlines()[1:] == [
        "# by v2s: GRUB_DISABLE_LINUX_UUID=true", "# by v2s: GRUB_FORCE_PARTUUID=1234-01",
    ]  # fmt: skip
    assert edit_default_grub(after, lambda name: name, root="UUID=root") == after


def test_snippets_of_default_grub_are_edited_but_not_extended() -> None:
    forced = "GRUB_FORCE_PARTUUID=9c3e-kept"
    assert edit_default_grub(forced, lambda name: name, root=ROOT, snippet=True) == forced
    text = 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX root=PARTUUID=1234-01"\n'
    after = edit_default_grub(text, lambda name: name, root="UUID=root", snippet=True)
    assert after == f'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX root={ROOT}"\n'


def test_options_in_a_variable_of_grub_config() -> None:
    text = (
        'if [ -z "${kernelopts}" ]; then\n  set kernelopts="root=PARTUUID=1234-01 ro resume=/dev/sda5 "\nfi\n'
    )
    after = edit_grub_config(text, lambda name: name, root="UUID=root", to_efi=True)
    assert f'  set kernelopts="root={ROOT} ro {SERIAL}"\n' in after
    assert edit_grub_config(after, lambda name: name, root="UUID=root", to_efi=True) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            'GRUB_CMDLINE_LINUX="quiet"  # agreed with ops',
            f'GRUB_CMDLINE_LINUX="quiet {SERIAL}"  # agreed with ops',
        ),
        ("GRUB_CMDLINE_LINUX=quiet", f'GRUB_CMDLINE_LINUX="quiet {SERIAL}"'),
        (
            'GRUB_CMDLINE_LINUX="dyndbg=\\"file a.c +p\\" ro"',
            f'GRUB_CMDLINE_LINUX="dyndbg=\\"file a.c +p\\" ro {SERIAL}"',
        ),
        (
            'GRUB_CMDLINE_LINUX="quiet \\\n  audit=0"',
            f'GRUB_CMDLINE_LINUX="quiet \\\n  audit=0"\nGRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX {SERIAL}"',
        ),
        (
            'GRUB_CMDLINE_LINUX="quiet"" audit=0"',
            f'GRUB_CMDLINE_LINUX="quiet"" audit=0"\nGRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX {SERIAL}"',
        ),
    ],
    ids=["comment", "bare", "escaped", "continued", "two-pieces"],
)
def test_default_grub_can_still_be_read_by_the_shell(before: str, after: str) -> None:
    """Broken, it would stop every update-grub from then on."""
    assert edit_default_grub(before + "\n", lambda name: name, root="UUID=root") == after + "\n"
    assert edit_default_grub(after + "\n", lambda name: name, root="UUID=root") == after + "\n"
