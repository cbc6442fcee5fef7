"""/etc/fstab and /etc/crypttab: text in, text out. Only the device of a line ever changes, and whether the
boot waits for it."""

import re
from dataclasses import dataclass

from v2s_tui.adapters.guest.boot.command_line import StableName, is_unstable

_FSTAB_FIELDS = re.compile(r"^(\s*)(\S+)(\s+)(\S+)(\s+)(\S+)(.*)$")
_CRYPTTAB_FIELDS = re.compile(r"^(\s*\S+\s+)(\S+)(.*)$")
_BY_CONTENT = re.compile(
    r"(UUID|LABEL)=.+|/dev/disk/by-(uuid|label)/.+|/dev/mapper/.+|/dev/(?!disk/|md/)[^/]+/[^/]+"
)
"""Names that survive the move, if what they name does move: LVM's among them, but none that LUKS opens."""
_OPTIONAL = frozenset({"nofail", "noauto", "_netdev"})
ESP_MOUNTPOINT = "/boot/efi"


@dataclass(frozen=True, slots=True)
class FstabEntry:
    """One line of fstab. source as written: a device, `UUID=...`, `LABEL=...`."""

    source: str
    mountpoint: str
    kind: str
    options: tuple[str, ...]


def parse_fstab(text: str) -> tuple[FstabEntry, ...]:
    """Entries in order; comments and broken lines are left out. Octal escapes are resolved."""
    entries = []
    for line in text.splitlines():
        fields = [] if line.lstrip().startswith("#") else line.split()
        if len(fields) >= 3:
            options = tuple(fields[3].split(",")) if len(fields) > 3 else ()
            entries.append(FstabEntry(_plain(fields[0]), _plain(fields[1]), fields[2], options))
    return tuple(entries)


def _plain(field: str) -> str:
    resolved = re.sub(r"\\(\d{3})", lambda match: chr(int(match[1], 8)), field)
    return re.sub(r'^(UUID|LABEL|PARTUUID|PARTLABEL)="(.*)"$', r"\1=\2", resolved)


def edit_fstab(
    text: str, stable_name: StableName, *, root: str = "", esp_uuid: str = "", encrypted: bool = False
) -> tuple[str, tuple[str, ...]]:
    """The table with names that survive the move, and the device names that could not be resolved.

    An entry whose device is not among the migrated disks gets `nofail`, so that it cannot stop the boot.
    CD-ROM and floppy lines are left alone. root: `UUID=...` of what is known to be mounted at /. With
    esp_uuid the ESP is added as /boot/efi unless it is there. encrypted: the guest opens volumes that cannot
    be seen from outside, so a UUID that is not found may still be there.
    """
    lines, unresolved = [], []
    for line in text.splitlines():
        match = None if line.lstrip().startswith("#") else _FSTAB_FIELDS.match(line)
        if match is not None and not encrypted and _stays_behind(line, stable_name):
            unresolved.append(_plain(match[2]))
            lines.append(_with_nofail(line))
            continue
        if match is None or not is_unstable(_plain(match[2])):
            lines.append(line)
            continue
        stable = stable_name(_plain(match[2])) or (root if match[4] == "/" else "")
        if stable:
            lines.append(f"{match[1]}{stable}{match[3]}{match[4]}{match[5]}{match[6]}{match[7]}")
        else:
            unresolved.append(_plain(match[2]))
            lines.append(_with_nofail(line))
    if esp_uuid and not any(entry.mountpoint == ESP_MOUNTPOINT for entry in parse_fstab(text)):
        lines.append(
            f"UUID={esp_uuid} {ESP_MOUNTPOINT} vfat umask=0077,nofail,x-systemd.device-timeout=5 0 1"
        )
    return "\n".join(lines) + "\n", tuple(unresolved)


def _stays_behind(line: str, stable_name: StableName) -> bool:
    """An entry that the boot would wait for in vain: its name is a good one, but of no migrated disk."""
    entry = parse_fstab(line)[0]
    if entry.mountpoint in {"/", ESP_MOUNTPOINT} or _OPTIONAL & set(entry.options):
        return False
    return bool(_BY_CONTENT.fullmatch(entry.source)) and stable_name(entry.source) is None


def _with_nofail(line: str) -> str:
    fields = re.split(r"(\s+)", line.strip())
    values = fields[::2]
    if len(values) == 3:  # the options may be left out
        return f"{line.rstrip()} defaults,nofail"
    if not {"nofail", "noauto"} & set(values[3].split(",")):
        fields[6] = f"{values[3]},nofail"
    return "".join(fields)


def opens_volumes(crypttab: str) -> bool:
    """Whether the table has an entry at all."""
    return any(line.strip() and not line.lstrip().startswith("#") for line in crypttab.splitlines())


def edit_crypttab(text: str, stable_name: StableName) -> str:
    """The table with its device column resolved where it can be."""
    lines = []
    for line in text.splitlines():
        match = None if line.lstrip().startswith("#") else _CRYPTTAB_FIELDS.match(line)
        stable = stable_name(_plain(match[2])) if match and is_unstable(_plain(match[2])) else None
        lines.append(f"{match[1]}{stable}{match[3]}" if match and stable else line)
    return "\n".join(lines) + "\n" if lines else text
