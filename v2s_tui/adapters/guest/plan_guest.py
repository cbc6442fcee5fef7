"""`v2s guest plan --disk FILE...`: what v2s would change in a guest, without changing anything."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from v2s_tui.adapters.guest.adapt import AdaptRequest, plan_changes
from v2s_tui.adapters.guest.appliance import ApplianceSettings
from v2s_tui.adapters.guest.boot.conversion import check_convertible
from v2s_tui.adapters.guest.boot.esp import REMOVABLE_LOADER
from v2s_tui.adapters.guest.inspection import DiskFacts, NoSystemFound, inspect_linux, read_disk
from v2s_tui.adapters.guest.linux.description import describe_linux
from v2s_tui.adapters.guest.raw_view import raw_view
from v2s_tui.adapters.guest.session import GuestSession
from v2s_tui.adapters.guest.windows.plan import plan_windows
from v2s_tui.adapters.guest.windows.volumes import WindowsDisk, read_windows_disk
from v2s_tui.domain.guest.facts import PartitionTable
from v2s_tui.domain.guest.plan import GuestPlan, PlannedStep, file_step
from v2s_tui.domain.guest.refusals import GuestRefused


@dataclass(frozen=True, slots=True)
class _Disks:
    """All disks of a VM by their raw bytes, as each family of systems wants to know them."""

    linux: tuple[DiskFacts, ...]
    windows: tuple[WindowsDisk, ...]


def plan_guest(
    disks: Sequence[Path],
    request: AdaptRequest,
    settings: ApplianceSettings,
    *,
    scratch: Path,
    cancelled: threading.Event,
    disk_format: str = "qcow2",
    virtio_win: Path | None = None,
) -> GuestPlan:
    """Read the guest and plan. The disks are opened read-only; libguestfs writes to a layer of its own.

    virtio_win: drivers for Windows, an ISO or its folder. Raises NoSystemFound, InputError (drivers),
    ToolError, Cancelled; refusals are part of the result.
    """
    try:
        found = _read_disks(disks, request, disk_format)
    except GuestRefused as refused:
        return GuestPlan(refusals=refused.refusals)
    with GuestSession(
        disks, settings, cancelled=cancelled, disk_format=disk_format, readonly=True
    ) as session:
        try:
            return _plan_linux(session, found.linux, request, scratch)
        except NoSystemFound:
            plan = plan_windows(session, found.windows, virtio_win, request.nics)
            if plan is None:
                raise
            return plan


def _read_disks(disks: Sequence[Path], request: AdaptRequest, disk_format: str) -> _Disks:
    linux, windows = [], []
    for number, disk in enumerate(disks):
        with raw_view(disk, writable=False, image_format=disk_format) as view:
            if number == 0 and not request.keep_mbr:
                check_convertible(view)
            linux.append(read_disk(view, converts=number == 0 and not request.keep_mbr))
            windows.append(read_windows_disk(view))
    return _Disks(tuple(linux), tuple(windows))


def _plan_linux(
    session: GuestSession, disks: Sequence[DiskFacts], request: AdaptRequest, scratch: Path
) -> GuestPlan:
    found: tuple[tuple[str, str], ...] = ()
    try:
        inspection = inspect_linux(session, disks, scratch)
        found = describe_linux(inspection.facts)
        plan, _ = plan_changes(session, inspection, request)
    except GuestRefused as refused:
        return GuestPlan(found, refusals=refused.refusals)
    steps = tuple(file_step("adapt_guest", change) for change in plan.changes)
    own_loader = inspection.facts.boot.own_loader
    return GuestPlan(found, steps + disk_steps(disks[0], request, own_loader=own_loader), plan.warnings)


def disk_steps(disk: DiskFacts, request: AdaptRequest, *, own_loader: bool) -> tuple[PlannedStep, ...]:
    """What ensure_uefi would do to the boot disk. own_loader: the guest's is on the removable path."""
    steps = []
    if disk.table is PartitionTable.MBR and not request.keep_mbr:
        reason = "firmware for UEFI wants a GPT; no partition moves"
        steps.append(PlannedStep("ensure_uefi", "convert", "partition table from MBR to GPT", reason))
    if not disk.has_esp:
        size = f"EFI system partition of {request.esp_bytes // 1024**2} MiB at the end of the disk"
        steps.append(PlannedStep("ensure_uefi", "add", size, "Scaleway boots by UEFI only"))
    if not own_loader:
        unless = "; a loader of the guest's own stays" if disk.has_esp else ""
        reason = f"fresh firmware looks for a boot loader there and nowhere else{unless}"
        steps.append(PlannedStep("ensure_uefi", "write", f"{REMOVABLE_LOADER} on the ESP", reason))
    return tuple(steps)
