"""What is done to an initramfs that lacks drivers: an archive appended, or a rebuild by the guest's tool."""

import re
from collections.abc import Mapping
from typing import Protocol

from v2s_tui.adapters.guest.initramfs.audit import InitramfsFacts
from v2s_tui.adapters.guest.initramfs.drivers import parse_dependencies
from v2s_tui.adapters.guest.initramfs.overlay import build_overlay, padding_before_overlay
from v2s_tui.adapters.guest.initramfs.rebuild import rebuild_change
from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.domain.errors import V2sError
from v2s_tui.domain.guest.changes import Change, ChangeKind, ChangePlan, InitramfsMode
from v2s_tui.domain.guest.facts import GuestFacts, KernelFacts
from v2s_tui.domain.guest.refusals import GuestRefused, Refusal

_MAX_MODULE_BYTES = 32 * 1024**2
_UNPACKED = 6
"""A tool unpacks beside its result what it packs; a generic result may be twice as large as the old one."""


class SizedView(GuestView, Protocol):
    """A guest that tells how large its files are."""

    def size_bytes(self, path: str) -> int: ...


def plan_initramfs(
    view: SizedView, facts: GuestFacts, audits: Mapping[str, InitramfsFacts | None], mode: InitramfsMode
) -> ChangePlan:
    """A change for every initramfs that lacks drivers; warns of a kernel that cannot be helped.

    audits: by kernel version. Raises V2sError, and GuestRefused where a rebuild has no tool or no room.
    """
    changes, warnings = [], []
    for kernel in facts.kernels:
        audit = audits.get(kernel.version)
        if kernel.unavailable_virtio:
            warnings.append(f"kernel {kernel.version} has no {', '.join(kernel.unavailable_virtio)}")
        addable = tuple(name for name in kernel.missing_virtio if name not in kernel.unavailable_virtio)
        if not addable or audit is None:
            continue
        if mode is InitramfsMode.REBUILD:
            changes.append(rebuild_change(view, kernel, addable, kind=audit.kind))
        else:
            changes.append(_append(view, kernel, addable, audit))
    if mode is InitramfsMode.REBUILD and changes:
        _check_room(facts, [view.size_bytes(change.path) for change in changes])
    return ChangePlan(tuple(changes), tuple(warnings))


def _append(view: SizedView, kernel: KernelFacts, addable: tuple[str, ...], audit: InitramfsFacts) -> Change:
    if audit.compression == "lz4" and _is_older(kernel.version, (5, 9)):
        raise V2sError(
            f"{kernel.initramfs_path} lacks {', '.join(addable)} and nothing can be appended to it",
            hint="a kernel before 5.9 reads no archive behind lz4: set `initramfs: rebuild` in the plan; "
            "or, in the source VM, set COMPRESS=gzip in /etc/initramfs-tools/initramfs.conf, add the modules "
            "to the list beside it and run update-initramfs -u",
        )
    folder = f"/lib/modules/{kernel.version}"
    available = parse_dependencies(view.read_text(f"{folder}/modules.dep") or "")

    def read(path: str) -> bytes | None:
        return view.read_bytes(f"{folder}/{path}", limit_bytes=_MAX_MODULE_BYTES)

    archive = build_overlay(audit, kernel.version, addable, available, read)
    padding = padding_before_overlay(view.size_bytes(kernel.initramfs_path))
    reason = f"drivers {', '.join(addable)} are not in it; without them the root disk is not found"
    return Change(ChangeKind.APPEND, kernel.initramfs_path, reason, content=padding + archive)


def _is_older(version: str, limit: tuple[int, int]) -> bool:
    numbers = re.match(r"(\d+)\.(\d+)", version)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) < limit


def _check_room(facts: GuestFacts, sizes: list[int]) -> None:
    """The old ones are kept below /var, where the tool works too; the new ones take their places in /boot."""
    places = (
        ("/", facts.free_root_bytes, sum(sizes) + _UNPACKED * max(sizes)),
        ("/boot", facts.free_boot_bytes, 2 * max(sizes)),
    )
    refusals = tuple(
        Refusal(
            "no-space",
            f"{place} has {free // 1024**2} MiB free, a rebuild of the initramfs needs {needed // 1024**2}",
            "free some space in the source VM, or set `initramfs: overlay`",
        )
        for place, free, needed in places
        if free < needed
    )
    if refusals:
        raise GuestRefused(refusals)
