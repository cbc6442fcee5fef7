"""How a Linux guest boots: its boot loader's configuration, read with the paths that GRUB sees."""

from v2s_tui.adapters.guest.boot.bls import BlsEntry, boot_entry, ordered_entries, parse_bls, parse_grubenv
from v2s_tui.adapters.guest.boot.grub_config import grub_entries, kernel_options_variable, uses_blscfg
from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.domain.guest.facts import BootEntry, GuestMount

CONFIG_PATHS = ("/boot/grub2/grub.cfg", "/boot/grub/grub.cfg")
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


def boot_entries(view: GuestView) -> tuple[BootEntry, ...]:
    """What the guest would boot, its default first, at most a few."""
    if uses_bls(view):
        return _bls_entries(view)
    for path in config_files(view):
        entries = grub_entries(view.read_text(path) or "")
        if entries:
            return entries[:_MAX_ENTRIES]
    return ()


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
    return tuple(boot_entry(entry, variables) for entry in ordered[:_MAX_ENTRIES])


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
