"""Whether KVM works here. A /dev/kvm that opens proves nothing (reference guest.md section 1)."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from v2s_tui.lab.machines.machine import works

OVERRIDE = "V2S_ACCELERATION"
_PROBE_SECONDS = 6.0


def choose_acceleration() -> str:
    """`kvm` where a machine really runs in it, else `tcg`; V2S_ACCELERATION (kvm, tcg) decides for itself."""
    wanted = os.environ.get(OVERRIDE, "auto").lower()
    if wanted in ("kvm", "tcg"):
        return wanted
    if not os.access("/dev/kvm", os.R_OK | os.W_OK) or not _has_virtualisation():
        return "tcg"
    with TemporaryDirectory(prefix="v2s-lab-kvm-") as folder:
        return "kvm" if works("kvm", Path(folder), seconds=_PROBE_SECONDS) else "tcg"


def _has_virtualisation() -> bool:
    text = Path("/proc/cpuinfo").read_text()
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return not {"vmx", "svm"}.isdisjoint(flags.split())
