"""Debian's answer to "where shall GRUB be installed": nowhere, once the disk boots by UEFI.

Otherwise the next update of the package grub-pc would try to write to a disk that has no place for it any
more, and fail. Source: debconf's config.dat (debconf-devel(7)) and grub-pc's templates.
"""

import re

from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.domain.guest.changes import Change, ChangeKind

DATABASE = "/var/cache/debconf/config.dat"
_DEVICES, _EMPTY = "grub-pc/install_devices", "grub-pc/install_devices_empty"
_MAX_BYTES = 16 * 1024**2


def edit_debconf(text: str) -> str:
    """The database with no device for GRUB and the consent to that; unchanged where grub-pc never asked."""
    stanzas = text.split("\n\n")
    names = [_name(stanza) for stanza in stanzas]
    if _DEVICES not in names:
        return text
    edited = [_answered(stanza, _answer(name)) for stanza, name in zip(stanzas, names, strict=True)]
    if _EMPTY not in names:
        place = names.index(_DEVICES) + 1
        added = f"Name: {_EMPTY}\nTemplate: {_EMPTY}\nValue: true\nOwners: grub-pc\nFlags: seen"
        edited.insert(place, added)
    return "\n\n".join(edited)


def _name(stanza: str) -> str:
    match = re.search(r"^Name: (\S+)$", stanza, re.MULTILINE)
    return match[1] if match else ""


def _answer(name: str) -> str | None:
    return {_DEVICES: "", _EMPTY: "true"}.get(name)


def _answered(stanza: str, answer: str | None) -> str:
    if answer is None:
        return stanza
    value = f"Value: {answer}".rstrip() if answer else "Value: "
    if re.search(r"^Value:", stanza, re.MULTILINE):
        return re.sub(r"^Value:.*$", value, stanza, count=1, flags=re.MULTILINE)
    return re.sub(r"^(Template: .*)$", rf"\1\n{value}", stanza, count=1, flags=re.MULTILINE)


def plan_debconf(view: GuestView) -> tuple[Change, ...]:
    """One edit of the database, where there is one."""
    content = view.read_bytes(DATABASE, limit_bytes=_MAX_BYTES)
    text = content.decode("utf-8", "surrogateescape") if content else ""
    new = edit_debconf(text)
    if new == text:
        return ()
    reason = "updates of grub-pc must not write to a disk that boots by UEFI"
    return (
        Change(
            ChangeKind.WRITE, DATABASE, reason, content=new.encode("utf-8", "surrogateescape"), mode=0o600
        ),
    )
