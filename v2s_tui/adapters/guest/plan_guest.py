"""`v2s guest plan --disk FILE...`: what v2s would change in a guest, without changing anything."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from v2s_tui.adapters.guest.adapt import AdaptRequest, plan_changes, read_disks
from v2s_tui.adapters.guest.appliance import ApplianceSettings
from v2s_tui.adapters.guest.inspection import DiskFacts, inspect_linux
from v2s_tui.adapters.guest.session import GuestSession
from v2s_tui.domain.guest.changes import ChangeKind, ChangePlan
from v2s_tui.domain.guest.facts import GuestFacts, PartitionTable
from v2s_tui.domain.guest.refusals import GuestRefused, Refusal


@dataclass(frozen=True, slots=True)
class GuestPlan:
    """What was found and what would be done. facts: None when the disk itself is refused.

    disk_steps: changes to partition table and ESP, one sentence each. refusals: why nothing would be done.
    """

    facts: GuestFacts | None
    changes: ChangePlan
    disk_steps: tuple[str, ...]
    refusals: tuple[Refusal, ...]


def plan_guest(
    disks: Sequence[Path],
    request: AdaptRequest,
    settings: ApplianceSettings,
    *,
    scratch: Path,
    cancelled: threading.Event,
    disk_format: str = "qcow2",
) -> GuestPlan:
    """Read the guest and plan. The disks are opened read-only; libguestfs writes to a layer of its own.

    Raises NoSystemFound, ToolError, Cancelled; refusals are part of the result.
    """
    try:
        disk_facts = read_disks(disks, request, disk_format=disk_format)
    except GuestRefused as refused:
        return GuestPlan(None, ChangePlan(), (), refused.refusals)
    with GuestSession(
        disks, settings, cancelled=cancelled, disk_format=disk_format, readonly=True
    ) as session:
        facts = None
        try:
            inspection = inspect_linux(session, disk_facts, scratch)
            facts = inspection.facts
            changes, _ = plan_changes(session, inspection, request)
        except GuestRefused as refused:
            return GuestPlan(facts, ChangePlan(), (), refused.refusals)
    return GuestPlan(facts, changes, disk_steps(disk_facts[0], request), ())


def disk_steps(disk: DiskFacts, request: AdaptRequest) -> tuple[str, ...]:
    """What ensure_uefi would do to the boot disk, for people."""
    steps = []
    if disk.table is PartitionTable.MBR and not request.keep_mbr:
        steps.append("convert the partition table from MBR to GPT; no partition moves")
    if not disk.has_esp:
        steps.append(
            f"add an EFI system partition of {request.esp_bytes // 1024**2} MiB at the end of the disk"
        )
    steps.append("write a boot loader to EFI/BOOT/BOOTX64.EFI unless the guest has its own there")
    return tuple(steps)


def plan_lines(plan: GuestPlan) -> tuple[str, ...]:
    """The plan as lines of text: what the guest is, every change with its reason, warnings, refusals."""
    lines = [_guest_line(plan.facts)] if plan.facts else []
    lines += [f"disk      {step}" for step in plan.disk_steps]
    for change in plan.changes.changes:
        size = f" (+{len(change.content)} bytes)" if change.kind is ChangeKind.APPEND else ""
        lines.append(f"{change.kind.value:<9} {change.path}{size}: {change.reason}")
    lines += [f"warning   {warning}" for warning in plan.changes.warnings]
    lines += [f"refused   {refusal.reason}; {refusal.instead}" for refusal in plan.refusals]
    return tuple(lines)


def _guest_line(facts: GuestFacts) -> str:
    layers = f" on {', '.join(facts.layers)}" if facts.layers else ""
    kind = f"{facts.root.filesystem.kind}{layers}"
    network = ", ".join(facts.network) or "unknown network configuration"
    name = f"{facts.os_name or facts.os_id} {facts.architecture}"
    return f"guest     {name}, {facts.boot.firmware}, {kind}, {network}"
