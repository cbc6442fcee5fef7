"""What the guest tests share: overlays, rehearsals on the target's machine, evidence as text."""

import fcntl
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from v2s_tui.adapters.guest.adapt import AdaptRequest, AdaptResult, adapt_in, read_disks
from v2s_tui.adapters.guest.appliance import ApplianceSettings
from v2s_tui.adapters.guest.session import GuestSession
from v2s_tui.adapters.guest.uefi import ensure_uefi
from v2s_tui.adapters.qemu.rehearsal import rehearse_boot
from v2s_tui.domain.guest.evidence import EvidenceLevel, Rehearsal
from v2s_tui.domain.guest.facts import PartitionTable

MIB = 1024**2
REQUEST = AdaptRequest(esp_bytes=64 * MIB)
BOOT_SECONDS = 150.0
"""Under emulation, with the machine busy; KVM needs a tenth of it."""


@contextmanager
def guest_lock() -> Iterator[None]:
    """As many emulated machines at once as there are processors, across all processes that run tests: each
    keeps one busy. Held for one piece of work, not for a session.
    """
    with ExitStack() as stack:
        names = [f"v2s-guest-tests-{number}.lock" for number in range(os.cpu_count() or 1)]
        files = [stack.enter_context(Path(tempfile.gettempdir(), name).open("w")) for name in names]
        if not any(_is_taken(file) for file in files):
            fcntl.flock(files[os.getpid() % len(files)], fcntl.LOCK_EX)
        yield


def _is_taken(file: IO[str]) -> bool:
    """True when the lock was free and is ours now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def overlay_of(base: Path, overlay: Path, *, base_format: str, extra_bytes: int = 0) -> Path:
    """A qcow2 on top of a disk; what is done to it leaves the base alone."""
    argv = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(base), "-F", base_format, str(overlay)]
    size = [str(base.stat().st_size + extra_bytes)] if extra_bytes else []
    subprocess.run([*argv, *size], check=True, timeout=30)
    return overlay


def adapt_and_again(disk: Path, appliance: ApplianceSettings, request: AdaptRequest = REQUEST) -> AdaptResult:
    """adapt_guest and ensure_uefi, each twice: the second time they must change nothing.

    The guest's files are planned again in the same appliance, on a boot disk as ensure_uefi leaves it.
    """
    (before,) = read_disks([disk], request, disk_format="qcow2")
    with GuestSession([disk], appliance, cancelled=threading.Event()) as session:
        adapted = adapt_in(session, [before], request, scratch=disk.parent)
        session.unmount_all()
        after = replace(before, table=PartitionTable.GPT, has_esp=True)
        again = adapt_in(session, [after], request, scratch=disk.parent)
    assert (again.records, again.esp_uuid) == ((), adapted.esp_uuid)
    done = ensure_uefi([disk], adapted, request, scratch=disk.parent)
    assert done.esp_uuid == adapted.esp_uuid
    assert ensure_uefi([disk], adapted, request, scratch=disk.parent).changed == ()
    return adapted


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
