"""Whether KVM works here, found by running something in it; a device node that opens proves nothing.

On some hosts (nested PVM, reference guest.md section 1) /dev/kvm opens and then hangs or fails to emulate.
"""

import os
import shutil
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from v2s_tui.adapters.qemu.firmware import find_firmware
from v2s_tui.adapters.qemu.machine import Machine, running_machine
from v2s_tui.adapters.qemu.profiles import find_profile
from v2s_tui.adapters.qemu.qmp import QmpClosed
from v2s_tui.domain.errors import InputError, ToolError

KVM, TCG = "kvm", "tcg"
OVERRIDE = "V2S_ACCELERATION"
_PROBE_SECONDS = 6.0
_known: dict[str, str] = {}
_lock = threading.Lock()


def acceleration(*, environment: Mapping[str, str] = os.environ) -> str:
    """`kvm` when a machine really runs in it, else `tcg`. Probed once per process.

    The variable V2S_ACCELERATION (auto, kvm, tcg) overrides the probe.
    """
    wanted = environment.get(OVERRIDE, "auto").lower()
    if wanted not in {"auto", KVM, TCG}:
        raise InputError(f"{OVERRIDE}={wanted!r} is neither auto, kvm nor tcg")
    if wanted != "auto":
        return wanted
    with _lock:
        if "result" not in _known:
            _known["result"] = KVM if _kvm_works() else TCG
        return _known["result"]


def why_not_kvm() -> str:
    """The cheap reasons against KVM, for people; "" when only the functional probe can tell."""
    if not Path("/dev/kvm").exists():
        return "there is no /dev/kvm"
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "this user may not open /dev/kvm; add it to the group kvm"
    if not {"vmx", "svm"} & set(_cpu_flags()):
        return "the processor shows neither vmx nor svm"
    return ""


def _cpu_flags() -> list[str]:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            return line.split(":", 1)[1].split()
    return []


def _kvm_works() -> bool:
    if why_not_kvm() or shutil.which("qemu-system-x86_64") is None:
        return False
    try:
        with TemporaryDirectory(prefix="v2s-kvm-") as folder:
            machine = running_machine(
                find_profile("scaleway"),
                (),
                folder=Path(folder),
                firmware=find_firmware(),
                acceleration=KVM,
                disk_format="raw",
            )
            with machine as running:
                return _speaks(running)
    except (ToolError, QmpClosed):
        return False


def _speaks(machine: Machine) -> bool:
    """The firmware must say something on the console while the machine keeps running."""
    deadline = time.monotonic() + _PROBE_SECONDS
    while time.monotonic() < deadline:
        if machine.qmp.command("query-status")["status"] != "running":
            return False
        if machine.serial_bytes():
            return True
        time.sleep(0.2)
    return False
