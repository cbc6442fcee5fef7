"""Everything that must change in a Linux guest's files, decided from a read-only view; nothing is written
here.
"""

import re
from collections.abc import Callable

from v2s_tui.adapters.guest.boot.bls import edit_bls, format_grubenv, parse_grubenv
from v2s_tui.adapters.guest.boot.command_line import StableName, edit_command_line
from v2s_tui.adapters.guest.boot.grub_config import (
    edit_default_grub,
    edit_grub_config,
    edit_legacy_config,
)
from v2s_tui.adapters.guest.linux.boot_facts import (
    LEGACY_PATHS,
    bls_files,
    config_files,
    environment_file,
)
from v2s_tui.adapters.guest.linux.cloud_init import plan_cloud_init
from v2s_tui.adapters.guest.linux.debconf import plan_debconf
from v2s_tui.adapters.guest.linux.initramfs_config import plan_initramfs_config
from v2s_tui.adapters.guest.linux.kernel_hook import plan_kernel_hook
from v2s_tui.adapters.guest.linux.mount_tables import edit_crypttab, edit_fstab, opens_volumes
from v2s_tui.adapters.guest.linux.mount_units import plan_mount_units
from v2s_tui.adapters.guest.linux.network.interface_names import with_names
from v2s_tui.adapters.guest.linux.network.plan import plan_network
from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.adapters.guest.linux.vmware import plan_vmware_removal
from v2s_tui.domain.guest.changes import Change, ChangeKind, ChangePlan
from v2s_tui.domain.guest.facts import GuestFacts
from v2s_tui.domain.guest.network import NicPlan

_BOOT_REASON = "boot from names that survive the move; talk on the serial console"
_DEFAULT_GRUB, _DEFAULT_SNIPPETS = "/etc/default/grub", "/etc/default/grub.d/*.cfg"
_KERNEL_COMMAND_LINE = "/etc/kernel/cmdline"
_RESUME = "/etc/initramfs-tools/conf.d/resume"


def plan_linux(
    view: GuestView,
    facts: GuestFacts,
    stable_name: StableName,
    *,
    nics: tuple[NicPlan, ...],
    esp_uuid: str,
    remove_vmware_tools: bool = True,
) -> ChangePlan:
    """The whole change to the guest's files, except what is appended to its initramfs.

    esp_uuid: of the EFI system partition that the guest has or will have. An adapted guest gets an empty
    plan.
    """
    root = f"UUID={facts.root.filesystem.uuid}"
    to_efi = facts.boot.firmware == "bios"
    tables = _plan_tables(view, stable_name, root, esp_uuid)
    named = with_names(
        view,
        nics,
        command_line=_booted_with(view, facts),
        os_id=facts.os_id,
        os_version=facts.os_version,
    )
    network = plan_network(view, named)
    changes = (
        *tables.changes,
        *plan_mount_units(view, stable_name),
        *_plan_boot(view, stable_name, root, to_efi=to_efi),
        *plan_initramfs_config(view),
        *network.changes,
        *(plan_vmware_removal(view) if remove_vmware_tools else ()),
        *plan_cloud_init(view),
        *_plan_storage(view),
        *(plan_debconf(view) if to_efi else ()),
        *(plan_kernel_hook(view) if facts.boot.bls and not facts.boot.own_loader else ()),
    )
    warnings = (*tables.warnings, *_of_old_grub(view, facts), *network.warnings)
    return ChangePlan(merged_writes(changes), warnings)


def _of_old_grub(view: GuestView, facts: GuestFacts) -> tuple[str, ...]:
    """GRUB 0.97 knows no UEFI, and no GRUB 2 follows its menu: what is on the ESP is a copy of it."""
    if facts.boot.config_path or facts.boot.bls or not any(view.is_file(path) for path in LEGACY_PATHS):
        return ()
    return (
        "the boot menu on the EFI system partition is a copy of GRUB 0.97's and does not follow kernel "
        "updates: write a new kernel into /boot/efi/EFI/BOOT/grub.cfg before the old one is removed",
    )


def merged_writes(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """One change per path, the last one asked for, in the place of the first."""
    last = {change.path: change for change in changes}
    return tuple(last[path] for path in dict.fromkeys(change.path for change in changes))


def _plan_tables(view: GuestView, stable_name: StableName, root: str, esp_uuid: str) -> ChangePlan:
    changes, warnings = [], []
    fstab, crypttab = view.read_text("/etc/fstab"), view.read_text("/etc/crypttab")
    if fstab is not None:
        new, unresolved = edit_fstab(
            fstab, stable_name, root=root, esp_uuid=esp_uuid, encrypted=opens_volumes(crypttab or "")
        )
        changes += _written("/etc/fstab", fstab, new, "mount by UUID: device names may differ at the target")
        warnings += [
            f"{name} in /etc/fstab is on no migrated disk; the guest boots without it" for name in unresolved
        ]
    if crypttab is not None:
        new = edit_crypttab(crypttab, stable_name)
        changes += _written(
            "/etc/crypttab", crypttab, new, "open by UUID: device names may differ at the target"
        )
    resume = view.read_text(_RESUME)
    if resume and re.search(r"^RESUME=(?!none)", resume, re.MULTILINE):
        changes += _written(_RESUME, resume, "RESUME=none\n", "a cloud does not hibernate")
    return ChangePlan(tuple(changes), tuple(warnings))


def _plan_storage(view: GuestView) -> tuple[Change, ...]:
    """LVM's list of devices names the disks of VMware; without it LVM looks at every disk (lvmdevices(8))."""
    reason = "LVM would use the disks of VMware only, by their old ids"
    return tuple(Change(ChangeKind.REMOVE, path, reason) for path in view.glob("/etc/lvm/devices/*.devices"))


def _plan_boot(view: GuestView, stable_name: StableName, root: str, *, to_efi: bool) -> list[Change]:
    def grub(text: str) -> str:
        return edit_grub_config(text, stable_name, root=root, to_efi=to_efi)

    def entry(text: str) -> str:
        return edit_bls(text, stable_name, root=root)

    changes: list[Change] = []
    for path in config_files(view):
        changes += _edited(view, path, grub)
    for path in bls_files(view):
        changes += _edited(view, path, entry)
    for path in LEGACY_PATHS:
        if view.link_target(path) is None:
            changes += _edited(view, path, lambda text: edit_legacy_config(text, stable_name, root=root))
    changes += _edited(view, _DEFAULT_GRUB, lambda text: edit_default_grub(text, stable_name, root=root))
    for path in view.glob(_DEFAULT_SNIPPETS):
        changes += _edited(
            view, path, lambda text: edit_default_grub(text, stable_name, root=root, snippet=True)
        )
    changes += _edited(
        view, _KERNEL_COMMAND_LINE, lambda text: edit_command_line(text, stable_name, root=root) + "\n"
    )
    return changes + _plan_environment(view, stable_name, root)


def _plan_environment(view: GuestView, stable_name: StableName, root: str) -> list[Change]:
    """kernelopts in grubenv, where entry files take their options from it."""
    path = environment_file(view)
    content = view.read_bytes(path) if path else None
    variables = parse_grubenv(content) if content else {}
    if path is None or "kernelopts" not in variables:
        return []
    edited = edit_command_line(variables["kernelopts"], stable_name, root=root)
    if edited == variables["kernelopts"]:
        return []
    block = format_grubenv({**variables, "kernelopts": edited})
    return [Change(ChangeKind.WRITE, path, _BOOT_REASON, content=block)]


def _edited(view: GuestView, path: str, edit: Callable[[str], str]) -> list[Change]:
    text = view.read_text(path)
    return [] if text is None else _written(path, text, edit(text), _BOOT_REASON)


def _written(path: str, old: str, new: str, reason: str) -> list[Change]:
    if old == new:
        return []
    return [Change(ChangeKind.WRITE, path, reason, content=new.encode("utf-8", "surrogateescape"))]


def _booted_with(view: GuestView, facts: GuestFacts) -> str:
    """The kernel command line; of everything that is no comment where the boot loader is not understood."""
    if facts.boot.default_entry is not None:
        return facts.boot.default_entry.command_line
    paths = (_DEFAULT_GRUB, *view.glob(_DEFAULT_SNIPPETS), *config_files(view), *bls_files(view))
    lines = (line for path in paths for line in (view.read_text(path) or "").splitlines())
    return " ".join(line for line in lines if not line.lstrip().startswith("#"))
