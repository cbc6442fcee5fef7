"""The kernel command line: words in, words out. Only what ties the guest to its old machine is changed."""

import re
from collections.abc import Callable

SERIAL_CONSOLE = "console=ttyS0,115200n8"
_WORD = re.compile(r'(?:[^\s"]|"[^"]*(?:"|$))+')
_UNSTABLE = re.compile(
    r"/dev/([hsv]d[a-z]+\d*|xvd[a-z]+\d*|nvme\d+n\d+(p\d+)?|md\d+|md/.*)"
    r"|/dev/disk/by-(path|partuuid)/.*|/dev/disk/by-id/(?!dm-|md-|lvm-).*|PARTUUID=.*"
)

StableName = Callable[[str], str | None]
"""Turns a device name of the source (`/dev/sda1`, `PARTUUID=...`) into one that survives (`UUID=...`).

The name itself when it survives, None when nothing is known by it.
"""


def is_unstable(device: str) -> bool:
    """True for a name that may not survive the move: a kernel's name, a path or a partition's UUID.

    Names under /dev/disk/by-id that come from the content (LVM, md) survive, those of the hardware do not.
    """
    return _UNSTABLE.fullmatch(device) is not None


def words_of(command_line: str) -> list[str]:
    """Split at blanks outside double quotes."""
    return _WORD.findall(command_line)


def edit_command_line(
    command_line: str, stable_name: StableName, *, root: str = "", serial: bool = True
) -> str:
    """The same command line for the new machine.

    root=/dev/sdX becomes root=UUID=... (an unknown device becomes `root`, when given), and so does any other
    argument that names a device which is known (`mount.usr=`); resume is dropped, since a cloud does not
    hibernate; a serial console is added after the site's own consoles. Running it again changes nothing.
    """
    words: list[str] = []
    for word in words_of(command_line):
        key, _, value = word.partition("=")
        if key in {"resume", "resume_offset"}:
            continue
        fallback = root if key == "root" else ""
        words.append(f"{key}={_stable_device(value, stable_name, fallback)}" if value else word)
    if serial and not any(word.startswith("console=ttyS0") for word in words):
        words += [] if any(word == "console=tty0" for word in words) else ["console=tty0"]
        words.append(SERIAL_CONSOLE)
    return " ".join(words)


def _stable_device(value: str, stable_name: StableName, fallback: str) -> str:
    return (stable_name(value) or fallback or value) if is_unstable(value) else value


def without_variables(command_line: str) -> str:
    """Without words that only a boot loader's script can expand, such as $kernelopts or ${extra}."""
    return " ".join(word for word in words_of(command_line) if "$" not in word)
