r"""systemd's own mount and swap units of the administrator: text in, text out.

A mount unit is named after its mount point and keeps its name. A swap unit is named after its device, and
systemd refuses one that is not, so it gets a new file and new links. Source: systemd.mount(5),
systemd.swap(5), systemd.unit(5) on escaping (`-` in a path becomes `\x2d`).
"""

import re

from v2s_tui.adapters.guest.boot.command_line import StableName, is_unstable
from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.domain.guest.changes import Change, ChangeKind

_FOLDER = "/etc/systemd/system"
_WHAT = re.compile(r"^(?P<key>\s*What\s*=\s*)(?P<device>\S+)(?P<rest>\s*)$", re.MULTILINE)
_TAGS = {"UUID": "/dev/disk/by-uuid/", "PARTUUID": "/dev/disk/by-partuuid/"}
_MOUNT_REASON = "mount by UUID: device names may differ at the target"
_SWAP_REASON = "swap by UUID: device names may differ at the target"


def edit_mount_unit(text: str, stable_name: StableName) -> str:
    """A unit or a drop-in whose What= names a device that is known."""

    def followed(match: re.Match[str]) -> str:
        device = match["device"]
        stable = stable_name(device) if is_unstable(device) else None
        return f"{match['key']}{_as_path(stable or device)}{match['rest']}" if stable else match[0]

    return _WHAT.sub(followed, text)


def _as_path(stable: str) -> str:
    """`UUID=...` as a path: only then systemd waits for the device."""
    tag, _, value = stable.partition("=")
    return f"{_TAGS[tag]}{value}" if tag in _TAGS else stable


def unit_name(path: str, kind: str) -> str:
    """Name of the unit for an absolute path, escaped as `systemd-escape --path` does it."""
    plain = path.strip("/").encode("utf-8", "surrogateescape")
    return "".join(_escaped(byte) for byte in plain) + f".{kind}"


def _escaped(byte: int) -> str:
    letter = chr(byte)
    if letter == "/":
        return "-"
    return letter if byte < 128 and (letter.isalnum() or letter in ":_.") else f"\\x{byte:02x}"


def plan_mount_units(view: GuestView, stable_name: StableName) -> tuple[Change, ...]:
    """Every mount unit, drop-in and swap unit under /etc that names a device of the old machine."""
    changes: list[Change] = []
    for path in (*view.glob(f"{_FOLDER}/*.mount"), *view.glob(f"{_FOLDER}/*.mount.d/*.conf")):
        text = view.read_text(path) or ""
        if (new := edit_mount_unit(text, stable_name)) != text:
            changes.append(_write(path, new, _MOUNT_REASON))
    for path in view.glob(f"{_FOLDER}/*.swap"):
        text = view.read_text(path) or ""
        if (new := edit_mount_unit(text, stable_name)) != text:
            changes += _renamed(view, path, new)
    return tuple(changes)


def _write(path: str, text: str, reason: str) -> Change:
    return Change(ChangeKind.WRITE, path, reason, content=text.encode("utf-8", "surrogateescape"))


def _renamed(view: GuestView, old: str, text: str) -> list[Change]:
    """The unit under its new name, and what started the old one starts the new one."""
    match = _WHAT.search(text)
    name = unit_name(match["device"], "swap") if match else old.rsplit("/", 1)[-1]
    new = f"{_FOLDER}/{name}"
    changes = [_write(new, text, _SWAP_REASON), Change(ChangeKind.REMOVE, old, _SWAP_REASON)]
    for link in (*view.glob(f"{_FOLDER}/*.wants/*.swap"), *view.glob(f"{_FOLDER}/*.requires/*.swap")):
        folder, _, linked = link.rpartition("/")
        if linked == old.rsplit("/", 1)[-1]:
            changes.append(Change(ChangeKind.REMOVE, link, _SWAP_REASON))
            changes.append(Change(ChangeKind.LINK, f"{folder}/{name}", _SWAP_REASON, target=new))
    return changes
