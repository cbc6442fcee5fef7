"""The grub.cfg on the ESP: a jump to the guest's own configuration, and a static entry should that fail."""

import re

from v2s_tui.adapters.guest.boot.command_line import StableName, edit_command_line
from v2s_tui.domain.guest.facts import BootEntry, BootFacts

MARK = "# Written by v2s: generic GRUB on the removable path."
_SAFE_PATH = re.compile(r"[A-Za-z0-9/@._+:=~-]+")


def esp_grub_config(
    boot: BootFacts, entries: tuple[BootEntry, ...], stable_name: StableName, *, root: str, jump: bool
) -> str:
    """Text of EFI/BOOT/grub.cfg.

    jump: whether a generic GRUB can follow the guest's own configuration; then it is the first entry and the
    static ones are the fallback. entries: at least one when jump is False. root: `UUID=...` of the root file
    system, for entries whose own root= does not survive.
    """
    menu = [_jump(boot)] if jump and boot.config_path else []
    menu += [_static(entry, stable_name, root) for entry in entries if _is_plain(entry)]
    return "\n".join(
        [
            MARK,
            "set default=0",
            "set fallback=1" if len(menu) > 1 else "set fallback=0",
            "set timeout=1",
            f"search --no-floppy --fs-uuid --set=root {boot.boot_uuid}",
            *menu,
            "",
        ]
    )


def _jump(boot: BootFacts) -> str:
    folder = boot.config_path.rsplit("/", 1)[0]
    return "\n".join(
        [
            'menuentry "Boot menu of this system" {',
            f"    search --no-floppy --fs-uuid --set=root {boot.boot_uuid}",
            f"    set prefix=($root){folder}",
            f"    configfile ($root){boot.config_path}",
            "}",
        ]
    )


def _static(entry: BootEntry, stable_name: StableName, root: str) -> str:
    arguments = edit_command_line(entry.command_line, stable_name, root=root)
    return "\n".join(
        [
            f'menuentry "{_title(entry.title)} (static entry by v2s)" {{',
            f"    linux ($root){entry.kernel} {_argument_words(arguments)}",
            *(
                [f"    initrd {' '.join(f'($root){path}' for path in entry.initramfs)}"]
                if entry.initramfs
                else []
            ),
            "}",
        ]
    )


def _is_plain(entry: BootEntry) -> bool:
    """Paths come from the guest: one that GRUB's shell would read as anything but a path is left out."""
    return all(_SAFE_PATH.fullmatch(path) for path in (entry.kernel, *entry.initramfs))


def _title(text: str) -> str:
    return re.sub(r"[^\w .,()/+-]", "", text)[:60] or "Linux"


def _argument_words(arguments: str) -> str:
    """Characters that mean something to GRUB's shell are escaped, so that the kernel gets them as they
    are.
    """
    return re.sub(r"([;&|<>{}\\$])", r"\\\1", arguments)
