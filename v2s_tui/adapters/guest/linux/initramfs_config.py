"""Lasting configuration that puts the virtio drivers into every initramfs the guest will build later."""

import re
from collections.abc import Callable

from v2s_tui.adapters.guest.initramfs.drivers import NEEDED_MODULES
from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.domain.guest.changes import Change, ChangeKind

_DRACUT_FILE = "/etc/dracut.conf.d/90-v2s-virtio.conf"
_INITRAMFS_TOOLS_FILE = "/etc/initramfs-tools/modules"
_SUSE_FILE = "/etc/sysconfig/kernel"
_REASON = "later kernels must find their disk: virtio drivers in every new initramfs"


def edit_initramfs_tools_modules(text: str) -> str:
    """/etc/initramfs-tools/modules with the drivers that it lacks."""
    present = {line.split()[0] for line in text.splitlines() if line.strip() and not line.startswith("#")}
    lacking = [name for name in NEEDED_MODULES if name not in present]
    if not lacking:
        return text
    separator = "" if not text or text.endswith("\n") else "\n"
    return text + separator + "".join(f"{name}\n" for name in lacking)


def dracut_drop_in() -> str:
    """A dracut configuration file; dracut ignores names that are built into the kernel."""
    return f'# Written by v2s.\nadd_drivers+=" {" ".join(NEEDED_MODULES)} "\n'


def edit_initrd_modules(text: str) -> str:
    """/etc/sysconfig/kernel of a SUSE before dracut, with the drivers that INITRD_MODULES lacks."""

    def completed(match: re.Match[str]) -> str:
        present = match[1].split()
        return f'INITRD_MODULES="{" ".join(dict.fromkeys([*present, *NEEDED_MODULES]))}"'

    return re.sub(r'^INITRD_MODULES="([^"\n]*)"', completed, text, flags=re.MULTILINE)


def plan_initramfs_config(view: GuestView) -> tuple[Change, ...]:
    """For initramfs-tools, dracut and SUSE's mkinitrd, whichever the guest has."""
    changes = _edited(view, _INITRAMFS_TOOLS_FILE, edit_initramfs_tools_modules)
    if not view.is_folder("/etc/dracut.conf.d"):
        return (*changes, *_edited(view, _SUSE_FILE, edit_initrd_modules))
    if view.read_text(_DRACUT_FILE) != dracut_drop_in():
        changes += (Change(ChangeKind.WRITE, _DRACUT_FILE, _REASON, content=dracut_drop_in().encode()),)
    return changes


def _edited(view: GuestView, path: str, edit: Callable[[str], str]) -> tuple[Change, ...]:
    text = view.read_text(path)
    if text is None or (new := edit(text)) == text:
        return ()
    content = new.encode("utf-8", "surrogateescape")
    return (Change(ChangeKind.WRITE, path, _REASON, content=content),)
