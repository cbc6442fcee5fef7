"""Seconds of each step that makes a BIOS guest boot; beside virt-v2v where it and nbdkit are installed, which
is then tried as `guest_backend: virt-v2v` to the end.

The guest is a real Debian where it can be built (root, mmdebstrap), else a small one that virt-v2v refuses.

Run: python tests/benchmarks/guest_steps.py
"""

import os
import resource
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from v2s_tui.adapters.guest.adapt import AdaptRequest, adapt_linux
from v2s_tui.adapters.guest.appliance import prepare_appliance
from v2s_tui.adapters.guest.uefi import ensure_uefi
from v2s_tui.adapters.guest.virt_v2v import PROGRAM, Converted, program_missing, run_virt_v2v
from v2s_tui.adapters.qemu.rehearsal import rehearse_boot
from v2s_tui.domain.errors import ToolError
from v2s_tui.domain.guest.evidence import EvidenceLevel
from v2s_tui.lab.guests.debian import build_debian_guest
from v2s_tui.lab.guests.micro import build_micro_guest

Result = TypeVar("Result")
CACHE = Path(os.environ.get("V2S_LAB_CACHE") or Path.home() / ".cache/v2s-lab")


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds by the clock, and of processor in this process and those it has waited for."""

    wall: float
    cpu: float

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.wall + other.wall, self.cpu + other.cpu)


def timed(name: str, work: Callable[[], Result]) -> tuple[Result, Cost]:
    """Run one step and print what it took."""
    started, before = time.monotonic(), _cpu_seconds()
    result = work()
    cost = Cost(time.monotonic() - started, _cpu_seconds() - before)
    print(f"{name:<34}{cost.wall:8.1f} s{cost.cpu:8.1f} s of processor", flush=True)
    return result, cost


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def build_guest(raw: Path) -> None:
    """A real Debian where it can be had."""
    if os.geteuid() == 0 and shutil.which("mmdebstrap"):
        build_debian_guest(raw, cache=CACHE)
    else:
        build_micro_guest(raw, variant="bios", cache=CACHE)


def overlay(base: Path, name: str) -> Path:
    """A fresh layer on the guest, with room for an ESP."""
    path = base.with_name(name)
    argv = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(base), "-F", "raw", str(path), "2G"]
    subprocess.run(argv, check=True)
    return path


def main(folder: Path) -> None:
    """Ours, then theirs."""
    raw, event, request = folder / "guest.raw", threading.Event(), AdaptRequest()
    settings, _ = timed("set up libguestfs, probe KVM", lambda: prepare_appliance(CACHE))
    timed("build the guest", lambda: build_guest(raw))
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
    proven, _ = timed(
        f"rehearse_boot to {level.label}",
        lambda: rehearse_boot([ours], required=level, timeout_seconds=300, folder=folder, cancelled=event),
    )
    print(f"reached {proven.reached.label} under {proven.acceleration}")
    if missing := program_missing():
        print(f"no comparison: {missing}")
        return
    theirs = overlay(raw, "theirs.qcow2")

    def convert() -> Converted:
        return run_virt_v2v(
            [theirs], settings, virtio_win=None, scratch=folder, cancelled=event, progress=print
        )

    try:
        _, cost = timed(PROGRAM, convert)
    except ToolError as error:
        print(f"no comparison: {error.title}")
        return
    ours_cost = first + second
    wall, cpu = cost.wall / ours_cost.wall, cost.cpu / ours_cost.cpu
    print(f"ours : theirs = 1 : {wall:.1f} by the clock, 1 : {cpu:.1f} of processor")
    besides = adapt_linux([theirs], request, settings, scratch=folder, cancelled=event)
    print(f"left to v2s after it: {', '.join(record.path for record in besides.records)}")
    ensure_uefi([theirs], besides, request, scratch=folder)
    proof = rehearse_boot([theirs], required=level, timeout_seconds=300, folder=folder, cancelled=event)
    print(f"both together reached {proof.reached.label}")


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        main(Path(scratch))
