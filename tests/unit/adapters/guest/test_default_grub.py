"""/etc/default/grub stays a file that the shell can read, however it was written."""

import pytest

from v2s_tui.adapters.guest.boot.grub_config import edit_default_grub

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
