"""Which virtio drivers a kernel needs, and which neither it nor its initramfs has."""

import re
from collections.abc import Mapping

from v2s_tui.adapters.guest.initramfs.audit import InitramfsFacts
from v2s_tui.adapters.guest.linux.view import GuestView

NEEDED_MODULES = ("virtio_pci", "virtio_scsi", "virtio_blk", "virtio_net", "sd_mod")


def module_name(path: str) -> str:
    """`kernel/drivers/scsi/virtio_scsi.ko.xz` as `virtio_scsi`."""
    return re.sub(r"\.ko(\.\w+)?$", "", path.rsplit("/", 1)[-1]).replace("-", "_")


def parse_dependencies(text: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """modules.dep: module name -> (its path, paths it depends on)."""
    found = {}
    for line in text.splitlines():
        path, colon, rest = line.partition(":")
        if colon:
            found[module_name(path)] = (path, tuple(rest.split()))
    return found


def parse_builtin(text: str) -> frozenset[str]:
    """modules.builtin: names of what is compiled into the kernel."""
    return frozenset(module_name(line) for line in text.split())


def missing_drivers(
    audit: InitramfsFacts | None,
    builtin: frozenset[str],
    available: Mapping[str, tuple[str, tuple[str, ...]]],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(drivers that neither kernel nor initramfs has, those of them that the guest has no module for).

    audit: None when the kernel has no initramfs. A dependency that is missing counts for its driver.
    """
    inside = (audit.modules if audit else frozenset()) | builtin
    missing = [
        name for name in NEEDED_MODULES if name not in inside or not _dependencies(name, available) <= inside
    ]
    return tuple(missing), tuple(name for name in missing if name not in inside and name not in available)


def _dependencies(name: str, available: Mapping[str, tuple[str, tuple[str, ...]]]) -> set[str]:
    return {module_name(path) for path in available.get(name, ("", ()))[1]}


def drivers_lacking(
    view: GuestView, version: str, audit: InitramfsFacts | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """missing_drivers of one of the guest's kernels, by its own lists of modules."""
    folder = f"/lib/modules/{version}"
    available = parse_dependencies(view.read_text(f"{folder}/modules.dep") or "")
    builtin = parse_builtin(view.read_text(f"{folder}/modules.builtin") or "")
    return missing_drivers(audit, builtin, available)
