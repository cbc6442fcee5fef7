"""Lasting configuration that puts the virtio drivers into every initramfs the guest will build later."""

from v2s_tui.adapters.guest.initramfs.drivers import NEEDED_MODULES
from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.domain.guest.changes import Change, ChangeKind

_DRACUT_FILE = "/etc/dracut.conf.d/90-v2s-virtio.conf"
_INITRAMFS_TOOLS_FILE = "/etc/initramfs-tools/modules"
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


def plan_initramfs_config(view: GuestView) -> tuple[Change, ...]:
    """For initramfs-tools and dracut, whichever the guest has."""
    changes = []
    text = view.read_text(_INITRAMFS_TOOLS_FILE)
    if text is not None and (new := edit_initramfs_tools_modules(text)) != text:
        changes.append(
            Change(
                ChangeKind.WRITE,
                _INITRAMFS_TOOLS_FILE,
                _REASON,
                content=new.encode("utf-8", "surrogateescape"),
            )
        )
    if view.is_folder("/etc/dracut.conf.d") and view.read_text(_DRACUT_FILE) != dracut_drop_in():
        changes.append(Change(ChangeKind.WRITE, _DRACUT_FILE, _REASON, content=dracut_drop_in().encode()))
    return tuple(changes)
