"""How a Linux guest boots: its boot loader's configuration, read with the paths that GRUB sees."""

from dataclasses import replace

from v2s_tui.adapters.guest.boot.bls import BlsEntry, boot_entry, ordered_entries, parse_bls, parse_grubenv
from v2s_tui.adapters.guest.boot.grub_config import (
    grub_entries,
    kernel_options_variable,
    legacy_entries,
    uses_blscfg,
)
from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.domain.guest.facts import BootEntry, GuestMount

CONFIG_PATHS = ("/boot/grub2/grub.cfg", "/boot/grub/grub.cfg")
LEGACY_PATHS = ("/boot/grub/grub.conf", "/boot/grub/menu.lst")
ENTRY_FOLDER = "/boot/loader/entries"
_ENVIRONMENTS = ("/boot/grub2/grubenv", "/boot/grub/grubenv")
_EFI_CONFIGS = "/boot/efi/EFI/*/grub.cfg"
_MAX_ENTRIES = 4


def config_files(view: GuestView) -> tuple[str, ...]:
    """Every grub.cfg of the guest that lists kernels or says blscfg."""
    found = [path for path in CONFIG_PATHS if view.is_file(path)]
    texts = {path: view.read_text(path) or "" for path in (*found, *view.glob(_EFI_CONFIGS))}
    return tuple(path for path, text in texts.items() if grub_entries(text) or uses_blscfg(text))


def bls_files(view: GuestView) -> tuple[str, ...]:
    """Boot Loader Specification entries."""
    return view.glob(f"{ENTRY_FOLDER}/*.conf")


def environment_file(view: GuestView) -> str | None:
    """The grubenv that GRUB reads; a link (as on RHEL 8 with UEFI) is followed."""
    return next((path for path in _ENVIRONMENTS if view.is_file(path)), None)


def uses_bls(view: GuestView) -> bool:
    """True when the menu comes from entry files rather than from grub.cfg."""
    return any(uses_blscfg(view.read_text(path) or "") for path in config_files(view)) and bool(
        bls_files(view)
    )


def boot_entries(view: GuestView, mounts: tuple[GuestMount, ...] = ()) -> tuple[BootEntry, ...]:
    """What the guest would boot, its default first, at most a few. Paths are as a plain GRUB sees them.
    Entries of kernels that were deleted are left out.

    SUSE's GRUB starts its paths at a btrfs' default subvolume, a plain GRUB at the top level; there the links
    to the newest kernel come first, so that the entry follows updates.
    """
    found = _bls_entries(view) if uses_bls(view) else _config_entries(view)
    subvolume = holding_mount(mounts, "/boot").subvolume if mounts else ""
    entries = tuple(entry for entry in found if _has_kernel(view, entry, subvolume)) or found
    if subvolume and entries and not starts_at_top_level(entries[0], subvolume):
        entries = (*_newest_link(view, entries[0]), *entries)
        entries = tuple(_below(entry, subvolume) for entry in entries)
    return entries[:_MAX_ENTRIES]


def _has_kernel(view: GuestView, entry: BootEntry, subvolume: str) -> bool:
    """Its path begins at the root, at a /boot of its own, or at the top level of a btrfs."""
    inside = entry.kernel.removeprefix(f"/{subvolume}") if subvolume else entry.kernel
    return view.is_file(inside) or view.is_file(f"/boot{inside}")


def starts_at_top_level(entry: BootEntry, subvolume: str) -> bool:
    """Whether an entry's paths lead from the top level of its btrfs."""
    return entry.kernel.startswith(f"/{subvolume}/")


def _newest_link(view: GuestView, entry: BootEntry) -> tuple[BootEntry, ...]:
    if view.link_target("/boot/vmlinuz") is None or view.link_target("/boot/initrd") is None:
        return ()
    return (replace(entry, title="Newest kernel", kernel="/boot/vmlinuz", initramfs=("/boot/initrd",)),)


def _below(entry: BootEntry, subvolume: str) -> BootEntry:
    images = tuple(f"/{subvolume}{path}" for path in entry.initramfs)
    return replace(entry, kernel=f"/{subvolume}{entry.kernel}", initramfs=images)


def _config_entries(view: GuestView) -> tuple[BootEntry, ...]:
    for path in config_files(view):
        entries = grub_entries(view.read_text(path) or "")
        if entries:
            return entries
    legacy = next((path for path in LEGACY_PATHS if view.is_file(path)), "")
    return legacy_entries(view.read_text(legacy) or "") if legacy else ()


def _bls_entries(view: GuestView) -> tuple[BootEntry, ...]:
    parsed = [parse_bls(path.rsplit("/", 1)[-1], view.read_text(path) or "") for path in bls_files(view)]
    entries: tuple[BlsEntry, ...] = tuple(entry for entry in parsed if entry is not None)
    path = environment_file(view)
    variables = parse_grubenv(view.read_bytes(path) or b"") if path else {}
    if "kernelopts" not in variables:
        texts = (view.read_text(each) or "" for each in config_files(view))
        variables["kernelopts"] = next(
            (value for text in texts if (value := kernel_options_variable(text))), ""
        )
    ordered = ordered_entries(entries, variables.get("saved_entry", ""))
    return tuple(boot_entry(entry, variables) for entry in ordered)


def holding_mount(mounts: tuple[GuestMount, ...], path: str) -> GuestMount:
    """The mounted file system that holds a path of the guest."""
    fitting = [
        each
        for each in mounts
        if path == each.mountpoint or path.startswith(each.mountpoint.rstrip("/") + "/")
    ]
    return max(fitting, key=lambda each: len(each.mountpoint))


def grub_path(mounts: tuple[GuestMount, ...], path: str) -> str:
    """A path of the guest as GRUB sees it: from the root of its file system, a btrfs from its top level."""
    mount = holding_mount(mounts, path)
    inside = path.removeprefix(mount.mountpoint.rstrip("/"))
    return f"/{mount.subvolume}{inside}" if mount.subvolume else inside
