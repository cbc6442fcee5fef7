"""Seconds of each step that makes a small BIOS guest boot; beside virt-v2v where it is installed.

Run: python tests/benchmarks/guest_steps.py
"""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from v2s_tui.adapters.guest.adapt import AdaptRequest, adapt_linux
from v2s_tui.adapters.guest.appliance import prepare_appliance
from v2s_tui.adapters.guest.uefi import ensure_uefi
from v2s_tui.adapters.qemu.rehearsal import rehearse_boot
from v2s_tui.domain.guest.evidence import EvidenceLevel
from v2s_tui.lab.guests.micro import build_micro_guest

Result = TypeVar("Result")
CACHE = Path(os.environ.get("V2S_LAB_CACHE") or Path.home() / ".cache/v2s-lab")
VIRT_V2V = "virt-v2v-in-place"


def timed(name: str, work: Callable[[], Result]) -> tuple[Result, float]:
    """Run one step and print its seconds."""
    started = time.monotonic()
    result = work()
    seconds = time.monotonic() - started
    print(f"{name:<34}{seconds:8.1f} s", flush=True)
    return result, seconds


def overlay(base: Path, name: str) -> Path:
    """A fresh layer on the guest, with room for an ESP."""
    path = base.with_name(name)
    argv = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(base), "-F", "raw", str(path), "1G"]
    subprocess.run(argv, check=True)
    return path


def main(folder: Path) -> None:
    """Ours, then theirs."""
    raw, event, request = folder / "guest.raw", threading.Event(), AdaptRequest()
    settings, _ = timed("set up libguestfs, probe KVM", lambda: prepare_appliance(CACHE))
    timed("build the guest", lambda: build_micro_guest(raw, variant="bios", cache=CACHE))
    ours = overlay(raw, "ours.qcow2")
    adapted, first = timed(
        "adapt_guest", lambda: adapt_linux([ours], request, settings, scratch=folder, cancelled=event)
    )
    _, second = timed("ensure_uefi", lambda: ensure_uefi([ours], adapted, request, scratch=folder))
    timed(
        "adapt_guest again (no change)",
        lambda: adapt_linux([ours], request, settings, scratch=folder, cancelled=event),
    )
    level = EvidenceLevel.POWER_OFF
    proof, _ = timed(
        f"rehearse_boot to {level.label}",
        lambda: rehearse_boot([ours], required=level, timeout_seconds=300, folder=folder, cancelled=event),
    )
    print(f"reached {proof.reached.label} under {proof.acceleration}")
    if shutil.which(VIRT_V2V) is None:
        print(f"{VIRT_V2V} is not installed: no comparison")
        return
    theirs = overlay(raw, "theirs.qcow2")
    argv = [VIRT_V2V, "-i", "disk", str(theirs)]
    environment = {**os.environ, **settings.environment()}
    done, seconds = timed(
        VIRT_V2V, lambda: subprocess.run(argv, env=environment, check=False, capture_output=True)
    )
    print(f"exit code {done.returncode}; ours : theirs = 1 : {seconds / (first + second):.1f}")


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        sys.exit(main(Path(scratch)))
