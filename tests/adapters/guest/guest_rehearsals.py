"""What the guest tests share: overlays, rehearsals on the target's machine, evidence as text."""

import fcntl
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from v2s_tui.adapters.guest.adapt import AdaptRequest
from v2s_tui.adapters.qemu.rehearsal import rehearse_boot
from v2s_tui.domain.guest.evidence import EvidenceLevel, Rehearsal

MIB = 1024**2
REQUEST = AdaptRequest(esp_bytes=64 * MIB)
BOOT_SECONDS = 150.0
"""Under emulation, with the machine busy; KVM needs a tenth of it."""


@contextmanager
def guest_lock() -> Iterator[None]:
    """Two emulated machines at once only make both slower; held for one piece of work, not for a session."""
    with Path(tempfile.gettempdir(), "v2s-guest-tests.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def overlay_of(base: Path, overlay: Path, *, base_format: str, extra_bytes: int = 0) -> Path:
    """A qcow2 on top of a disk; what is done to it leaves the base alone."""
    argv = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(base), "-F", base_format, str(overlay)]
    size = [str(base.stat().st_size + extra_bytes)] if extra_bytes else []
    subprocess.run([*argv, *size], check=True, timeout=30)
    return overlay


def rehearse(
    disk: Path, *, required: EvidenceLevel = EvidenceLevel.POWER_OFF, timeout_seconds: float = BOOT_SECONDS
) -> Rehearsal:
    """A rehearsal on the target's machine."""
    return rehearse_boot(
        [disk],
        required=required,
        timeout_seconds=timeout_seconds,
        folder=disk.parent,
        cancelled=threading.Event(),
    )


def describe(result: Rehearsal) -> str:
    """Evidence as lines, for the test's output and for failures."""
    seen = [f"{each.after_seconds:6.1f} s  {each.level.label}: {each.sign}" for each in result.observations]
    tail = [] if result.passed else [result.failure, result.serial_tail]
    return "\n".join([f"reached {result.reached.label} under {result.acceleration}", *seen, *tail])
