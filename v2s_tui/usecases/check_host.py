"""What this conversion host needs: tools, firmware, acceleration, work space."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from v2s_tui.adapters.guest import virt_v2v
from v2s_tui.adapters.guest.appliance import (
    CACHE_FIX,
    appliance_ready,
    cache_can_be_made,
    guestfs_installed,
    prepare_appliance,
)
from v2s_tui.adapters.qemu.acceleration import acceleration, why_not_kvm
from v2s_tui.adapters.qemu.firmware import find_firmware
from v2s_tui.domain.checks import Check, CheckState
from v2s_tui.domain.errors import ToolError, V2sError
from v2s_tui.domain.units import GIB, format_bytes
from v2s_tui.engine.attach import user_name
from v2s_tui.system.processes import run_tool
from v2s_tui.usecases.look_ahead import free_bytes

TOOLS = {
    "qemu-img": "qemu-utils",
    "qemu-storage-daemon": "qemu-system-common",
    "qemu-system-x86_64": "qemu-system-x86",
    "grub-mkimage": "grub-common",
    "grub-fstest": "grub-common",
    "mformat": "mtools",
}
"""Commands that stages run, and the Debian package of each."""
FIRMWARE_PACKAGE = "ovmf"
GUESTFS_PACKAGES = ("python3-guestfs", "libguestfs-xfs")


def check_host(work_dir: Path, cache: Path, *, fix: bool = False) -> Iterator[Check]:
    """Everything that can be told without a connection; quick but for the probe of KVM (up to 5 seconds).

    fix: also prepare what v2s prepares by itself, the appliance of libguestfs; it may download a kernel.
    """
    yield from (_tool(name, package) for name, package in TOOLS.items())
    yield _firmware()
    yield _kvm()
    yield _appliance(cache, fix=fix)
    yield _virt_v2v()
    yield from _work_space(work_dir)


def missing_packages() -> tuple[str, ...]:
    """Debian packages that an administrator has to install, for one `apt-get install`."""
    found = [package for name, package in TOOLS.items() if shutil.which(name) is None]
    if _firmware().state is CheckState.FAIL:
        found.append(FIRMWARE_PACKAGE)
    if not guestfs_installed():
        found += GUESTFS_PACKAGES
    return tuple(dict.fromkeys(found))


def rehearsal_missing() -> str:
    """What this host lacks to boot a guest, as a phrase; "" when it lacks nothing."""
    if shutil.which("qemu-system-x86_64") is None:
        return "qemu-system-x86_64 is not installed"
    try:
        find_firmware()
    except ToolError as err:
        return err.title
    return ""


def _tool(name: str, package: str) -> Check:
    if shutil.which(name) is None:
        return Check("host", name, CheckState.FAIL, "not found", f"apt-get install {package}")
    try:
        said = run_tool([name, "--version"], timeout_seconds=10).stdout.decode(errors="replace")
    except ToolError as err:
        return Check("host", name, CheckState.FAIL, err.title, f"apt-get install --reinstall {package}")
    return Check("host", name, CheckState.OK, said.partition("\n")[0])


def _firmware() -> Check:
    try:
        return Check("host", "UEFI firmware", CheckState.OK, str(find_firmware().code))
    except V2sError as err:
        return Check("host", "UEFI firmware", CheckState.FAIL, err.title, err.hint)


def _kvm() -> Check:
    if acceleration() == "kvm":
        return Check("host", "KVM", CheckState.OK, "a machine runs in it")
    why = why_not_kvm() or "a machine does not run in it"
    fix = "guest stages and rehearsals run under emulation, 3 to 10 times slower; choose a host with KVM"
    return Check("host", "KVM", CheckState.WARN, why, fix)


def _appliance(cache: Path, *, fix: bool) -> Check:
    if guestfs_installed() and not fix and not appliance_ready(cache):
        if not cache_can_be_made(cache):
            detail = f"its appliance has no kernel, and {cache} cannot be written"
            return Check("host", "libguestfs", CheckState.FAIL, detail, CACHE_FIX)
        how = "`v2s doctor --fix` prepares it; else the first guest stage does"
        return Check("host", "libguestfs", CheckState.WARN, "its appliance has no kernel yet", how)
    try:
        settings = prepare_appliance(cache)
    except V2sError as err:
        return Check("host", "libguestfs", CheckState.FAIL, err.title, err.hint)
    return Check("host", "libguestfs", CheckState.OK, f"appliance ready, {settings.acceleration}")


def _virt_v2v() -> Check:
    """Never a fault: no plan needs it that does not ask for it, and pre-flight refuses those."""
    name = "virt-v2v"
    if missing := virt_v2v.program_missing():
        return Check("host", name, CheckState.OK, f"{missing}; only `guest_backend: virt-v2v` needs it")
    try:
        found = virt_v2v.version()
    except ToolError as err:
        return Check("host", name, CheckState.WARN, err.title, virt_v2v.INSTALL)
    windows = virt_v2v.windows_part_missing()
    return Check("host", name, CheckState.OK, f"{found}; not for Windows: {windows}" if windows else found)


def _work_space(work_dir: Path) -> Iterator[Check]:
    try:
        work_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        writable = os.access(work_dir, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        fix = f"as root: install -d -m 700 -o {user_name()} {work_dir}; or set conversion.work_dir"
        yield Check("host", "work folder", CheckState.FAIL, f"{work_dir} cannot be written", fix)
        return
    free = free_bytes(work_dir) or 0
    state = CheckState.OK if free > 20 * GIB else CheckState.WARN
    fix = "" if state is CheckState.OK else "a batch waits for room; give the folder a larger disk"
    yield Check("host", "work folder", state, f"{work_dir}, {format_bytes(free)} free", fix)
