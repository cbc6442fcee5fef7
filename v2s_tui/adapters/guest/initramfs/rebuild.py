"""An initramfs made anew by the guest's own tool, in the appliance: no network, no disks but this guest's.

The tool writes beside the old initramfs; only what the audit finds complete takes its place, so the tool's
own bookkeeping and every other file stay as they are. It runs code of the guest and costs minutes under
emulation, which is why an overlay is the default. Sources: mkinitramfs(8), dracut(8), SUSE's mkinitrd(8);
reference guest.md section 6, step 6.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from v2s_tui.adapters.guest.initramfs.audit import GuestFiles, audit_in_guest
from v2s_tui.adapters.guest.initramfs.drivers import NEEDED_MODULES, drivers_lacking
from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.domain.errors import ToolError
from v2s_tui.domain.guest.changes import Change, ChangeKind, ChangeRecord
from v2s_tui.domain.guest.facts import KernelFacts
from v2s_tui.domain.guest.refusals import GuestRefused, Refusal
from v2s_tui.system.processes import pasteable

NEW_IMAGE = "/var/lib/v2s/initramfs"
REBUILD_SECONDS = 900.0
"""For one initramfs. A list of drivers takes a minute under emulation, all of a Debian five (measured)."""
SESSION_SECONDS = 3 * REBUILD_SECONDS
"""What a guest gets for all of its kernels, besides everything else."""
_END_SECONDS = 30.0
_TIMED_OUT = frozenset({124, 143})
"""What `timeout` of coreutils and of busybox end with."""
_USE_OVERLAY = "set `initramfs: overlay`, which appends the drivers and runs nothing of the guest"
_DRACUT = ("/usr/bin/dracut", "/usr/sbin/dracut", "/sbin/dracut")
_OLD_DRACUT = "/usr/share/dracut/modules.d"
"""Before version 018 (RHEL 6): there is no --no-hostonly yet, and nothing is left out for the host."""
_MKINITRAMFS = ("/usr/sbin/mkinitramfs",)
_SUSE_MKINITRD, _SUSE_SCRIPTS = "/sbin/mkinitrd", "/lib/mkinitrd/scripts"
"""SUSE before dracut (SLES 11); elsewhere mkinitrd is a wrapper, or takes other arguments."""
_SCRIPT = """limit=$1; image=$2; shift 2
PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C; export PATH LC_ALL
mkdir -p "${image%/*}"; rm -f "$image" "$image.log"
! command -v timeout >/dev/null || set -- timeout "$limit" "$@"
"$@" </dev/null >"$image.log" 2>&1; echo "exit status $?" >>"$image.log"
tail -c 3000 "$image.log"; rm -f "$image.log"
"""
"""Keeps the tool's last lines, however much it prints, where the guest has `timeout` also when it takes too
long; where not, the session's own limit ends it. No pipe, which a forgotten child would hold open."""


class GuestWithTools(GuestView, GuestFiles, Protocol):
    """A guest whose programs can be run."""

    def run(self, arguments: Sequence[str], *, wait_seconds: float) -> str: ...

    def replace(self, path: str, source: str, reason: str) -> ChangeRecord: ...


def rebuild_change(view: GuestView, kernel: KernelFacts, lacking: Sequence[str], *, kind: str) -> Change:
    """The command that makes the initramfs of a kernel anew. kind: what made the present one (audit.py).

    Raises GuestRefused when the guest has no tool for it.
    """
    command = _command(view, kernel, kind)
    if command is None:
        reason = (
            f"{kernel.initramfs_path} lacks {', '.join(lacking)}, and the guest has no tool to rebuild it"
        )
        raise GuestRefused((Refusal("no-initramfs-tool", reason, _USE_OVERLAY),))
    reason = f"drivers {', '.join(lacking)} are not in it; made anew by the guest's {_name(command)}"
    return Change(ChangeKind.REBUILD, kernel.initramfs_path, reason, command=command)


def _command(view: GuestView, kernel: KernelFacts, kind: str) -> tuple[str, ...] | None:
    """The family that made the present initramfs goes first, where a guest has both."""
    families = (_initramfs_tools, _dracut) if kind == "initramfs-tools" else (_dracut, _initramfs_tools)
    found = (family(view, kernel) for family in (*families, _suse_mkinitrd))
    return next((each for each in found if each is not None), None)


def _initramfs_tools(view: GuestView, kernel: KernelFacts) -> tuple[str, ...] | None:
    """Not by update-initramfs, which runs boot loaders' hooks besides. The drivers stand in its list."""
    tool = _first(view, _MKINITRAMFS)
    return (tool, "-o", NEW_IMAGE, kernel.version) if tool else None


def _dracut(view: GuestView, kernel: KernelFacts) -> tuple[str, ...] | None:
    """Not for the host it runs on: that is the appliance, which is neither the source nor the target."""
    tool = _first(view, _DRACUT)
    if not tool:
        return None
    generic = () if view.is_folder(_OLD_DRACUT) else ("--no-hostonly",)
    return (tool, "--force", *generic, "--add-drivers", " ".join(NEEDED_MODULES), NEW_IMAGE, kernel.version)


def _suse_mkinitrd(view: GuestView, kernel: KernelFacts) -> tuple[str, ...] | None:
    if not (view.is_file(_SUSE_MKINITRD) and view.is_folder(_SUSE_SCRIPTS)):
        return None
    return (_SUSE_MKINITRD, "-k", kernel.image_path, "-i", NEW_IMAGE)


def _first(view: GuestView, places: Sequence[str]) -> str:
    return next((place for place in places if view.is_file(place)), "")


def _name(command: Sequence[str]) -> str:
    return command[0].rpartition("/")[2]


def rebuild(guest: GuestWithTools, change: Change, kernel: KernelFacts, *, scratch: Path) -> ChangeRecord:
    """Make a rebuild_change. Raises ToolError with the tool's last lines, V2sError, Cancelled."""
    tail = _run(guest, change)
    audit = audit_in_guest(guest, NEW_IMAGE, scratch)
    missing, unavailable = drivers_lacking(guest, kernel.version, audit)
    lacking = [name for name in missing if name not in unavailable]
    if lacking:
        raise _failed(change, f"what it made lacks {', '.join(lacking)}", 0, tail)
    return guest.replace(change.path, NEW_IMAGE, change.reason)


def _run(guest: GuestWithTools, change: Change) -> str:
    """What the tool printed last."""
    argv = ["/bin/sh", "-c", _SCRIPT, "v2s", f"{REBUILD_SECONDS:.0f}", NEW_IMAGE, *change.command]
    try:
        printed = guest.run(argv, wait_seconds=REBUILD_SECONDS + _END_SECONDS)
    except ToolError as error:
        raise _failed(change, f"it cannot run here: {error.title}", None, error.stderr_tail) from error
    tail, _, status = printed.rstrip().rpartition("exit status ")
    code = int(status) if status.isdecimal() else None
    if code in _TIMED_OUT:
        raise _failed(change, f"it took longer than {REBUILD_SECONDS:.0f} s", code, tail)
    if code != 0:
        raise _failed(change, f"exit status {status}", code, tail)
    return tail


def _failed(change: Change, what: str, code: int | None, tail: str) -> ToolError:
    return ToolError(
        f"the initramfs {change.path} was not rebuilt by the guest's {_name(change.command)}: {what}",
        command=pasteable(list(change.command)),
        exit_code=code,
        stderr_tail="\n".join(tail.splitlines()[-15:]),
        hint=f"{_USE_OVERLAY}; or mend the tool in the source VM",
    )
