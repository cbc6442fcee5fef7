"""Shell-like files of KEY=value lines (ifcfg), edited without loss."""

import re

from v2s_tui.adapters.guest.linux.view import GuestView

_BACKUP = re.compile(
    r"(~|\.(bak|old|orig|rej|save|swp|rpm(new|orig|save)|augnew|YaST2save|scpmbackup|template))$"
)
_ASSIGNMENT = re.compile(r"^\s*(?P<key>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.*)$")


def is_backup(path: str) -> bool:
    """Files that neither the network services nor NetworkManager read as an interface."""
    return _BACKUP.search(path) is not None


def ifcfg_files(view: GuestView, folder: str) -> dict[str, str]:
    """Text of each interface's file by its path, but for the loopback's."""
    paths = (path for path in view.glob(f"{folder}/ifcfg-*") if not path.endswith("/ifcfg-lo"))
    return {path: view.read_text(path) or "" for path in paths if not is_backup(path)}


def get_value(text: str, key: str) -> str:
    """Last value of a key without its quotes; "" when it is not set."""
    values = [
        match["value"]
        for line in text.splitlines()
        if (match := _ASSIGNMENT.match(line)) and match["key"] == key
    ]
    return values[-1].split("#")[0].strip().strip("\"'") if values else ""


def edit_assignments(text: str, *, drop: tuple[str, ...] = (), put: dict[str, str]) -> str:
    """Drop keys that match a regular expression as a whole, then set keys in place or at the end.

    A value that is set already stays as it is written, quotes and all.
    """
    left = dict(put)
    lines = []
    for line in text.splitlines():
        match = _ASSIGNMENT.match(line)
        if match and match["key"] in left:
            value = left.pop(match["key"])
            lines.append(
                line if match["value"].strip().strip("\"'") == value else f"{match['key']}={_quoted(value)}"
            )
        elif match and (match["key"] in put or any(re.fullmatch(each, match["key"]) for each in drop)):
            continue
        else:
            lines.append(line)
    lines += [f"{key}={_quoted(value)}" for key, value in left.items()]
    return "\n".join(lines) + "\n"


def _quoted(value: str) -> str:
    return (
        value
        if re.fullmatch(r"[A-Za-z0-9_.:/,-]*", value)
        else '"' + re.sub(r'([\\"$`])', r"\\\1", value) + '"'
    )
