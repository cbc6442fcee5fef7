"""/etc/default/grub stays a file that the shell can read; what cloud images do otherwise is undone."""

import pytest

from v2s_tui.adapters.guest.boot.grub_config import edit_default_grub, edit_grub_config

SERIAL = "console=tty0 console=ttyS0,115200n8"


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


CLOUD_IMAGE = """if [ "${initrdfail}" = 2 ]; then
   set initrdfail=
elif [ "${initrdfail}" = 1 ]; then
   set next_entry="${prev_entry}"
fi
menuentry 'Ubuntu' {
\tif [ "${initrdfail}" = 1 ]; then
\t  linux\t/boot/vmlinuz-4.15 root=PARTUUID=9c3e-kept ro
\t  initrd\t/boot/initrd.img-4.15
\telse
\t  linux\t/boot/vmlinuz-4.15 root=PARTUUID=9c3e-kept ro panic=-1
\tfi
\tinitrdfail
}
"""


def test_ubuntus_boot_without_initramfs_is_not_tried() -> None:
    """Its kernel has no virtio-scsi of its own: it would panic, here and at every boot at the target."""
    after = edit_grub_config(CLOUD_IMAGE, lambda name: name, root="UUID=root", to_efi=False)
    assert after == CLOUD_IMAGE.replace('\tif [ "${initrdfail}" = 1', '\tif [ "1" = 1').replace(
        "ro\n", f"ro {SERIAL}\n"
    ).replace("panic=-1", f"panic=-1 {SERIAL}")
    assert edit_grub_config(after, lambda name: name, root="UUID=root", to_efi=False) == after
    forced = edit_default_grub(
        "GRUB_FORCE_PARTUUID=9c3e-kept\n", lambda name: name, root="UUID=root", snippet=True
    )
    assert forced == "# by v2s: GRUB_FORCE_PARTUUID=9c3e-kept\n"
