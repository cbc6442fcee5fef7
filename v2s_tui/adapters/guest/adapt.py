"""adapt_guest: a Linux guest's own files are changed so that it boots at Scaleway.

The guest is opened in libguestfs, on qcow2 overlays; running it again changes nothing. What the disk needs
besides is in uefi.py.
"""

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from v2s_tui.adapters.guest.appliance import ApplianceSettings
from v2s_tui.adapters.guest.boot.conversion import ESP_BYTES, check_convertible
from v2s_tui.adapters.guest.boot.esp import new_volume_id
from v2s_tui.adapters.guest.initramfs.drivers import parse_dependencies
from v2s_tui.adapters.guest.initramfs.overlay import build_overlay, padding_before_overlay
from v2s_tui.adapters.guest.inspection import DiskFacts, Inspection, inspect_linux, read_disk
from v2s_tui.adapters.guest.linux.boot_facts import boot_entries
from v2s_tui.adapters.guest.linux.planner import plan_linux
from v2s_tui.adapters.guest.raw_view import raw_view
from v2s_tui.adapters.guest.session import GuestSession
from v2s_tui.domain.errors import V2sError
from v2s_tui.domain.guest.changes import Change, ChangeKind, ChangePlan, ChangeRecord
from v2s_tui.domain.guest.facts import BootEntry, GuestFacts
from v2s_tui.domain.guest.network import ONE_DHCP_NIC, NicPlan
from v2s_tui.domain.guest.refusals import GuestRefused, Refusal, refusals_of

_MAX_MODULE_BYTES = 32 * 1024**2
_MINIMUM_FREE_BYTES = 8 * 1024**2


@dataclass(frozen=True, slots=True)
class AdaptRequest:
    """What the plan wants of a guest. keep_mbr: add an ESP to the MBR instead of converting to GPT.

    remove_vmware_tools: mask the services and remove their leftovers. esp_bytes: size of a new ESP.
    """

    nics: tuple[NicPlan, ...] = ONE_DHCP_NIC
    remove_vmware_tools: bool = True
    keep_mbr: bool = False
    esp_bytes: int = ESP_BYTES


@dataclass(frozen=True, slots=True)
class AdaptResult:
    """What adapt_guest found and did; ensure_uefi works from it. entries: what the guest boots.

    esp_uuid: serial number of the ESP that the guest has or is to get.
    """

    facts: GuestFacts
    entries: tuple[BootEntry, ...]
    esp_uuid: str
    records: tuple[ChangeRecord, ...]
    warnings: tuple[str, ...]


def silent(_: str) -> None:
    """A progress listener that does not listen."""


def adapt_linux(
    disks: Sequence[Path],
    request: AdaptRequest,
    settings: ApplianceSettings,
    *,
    scratch: Path,
    cancelled: threading.Event,
    progress: Callable[[str], None] = silent,
    disk_format: str = "qcow2",
    limit_seconds: float = 900.0,
) -> AdaptResult:
    """Change the guest's files so that it boots at Scaleway; saves every previous version inside the guest.

    disks: overlays, boot disk first. progress: gets one line per step. Raises GuestRefused (nothing was
    changed), NoSystemFound, ToolError, Cancelled.
    """
    progress("reading partition tables")
    facts = read_disks(disks, request, disk_format=disk_format)
    progress("starting the appliance")
    with GuestSession(
        disks, settings, cancelled=cancelled, disk_format=disk_format, limit_seconds=limit_seconds
    ) as session:
        return adapt_in(session, facts, request, scratch=scratch, progress=progress)


def adapt_in(
    session: GuestSession,
    disks: Sequence[DiskFacts],
    request: AdaptRequest,
    *,
    scratch: Path,
    progress: Callable[[str], None] = silent,
) -> AdaptResult:
    """The work of adapt_linux on disks that are open in a session with nothing mounted."""
    progress("inspecting the guest")
    inspection = inspect_linux(session, disks, scratch)
    plan, esp_uuid = plan_changes(session, inspection, request)
    progress(f"making {len(plan.changes)} changes")
    records = session.apply(plan.changes)
    entries = boot_entries(session, inspection.facts.mounts)
    return AdaptResult(inspection.facts, entries, esp_uuid, records, plan.warnings)


def read_disks(disks: Sequence[Path], request: AdaptRequest, *, disk_format: str) -> tuple[DiskFacts, ...]:
    """Partition tables of all disks; refuses a boot disk that cannot be given an ESP."""
    found = []
    for number, disk in enumerate(disks):
        with raw_view(disk, writable=False, image_format=disk_format) as view:
            if number == 0 and not request.keep_mbr:
                check_convertible(view)
            found.append(read_disk(view, converts=number == 0 and not request.keep_mbr))
    return tuple(found)


def plan_changes(
    session: GuestSession, inspection: Inspection, request: AdaptRequest
) -> tuple[ChangePlan, str]:
    """All changes to the guest's files and the UUID of its ESP. Raises GuestRefused."""
    facts = inspection.facts
    refusals = (*refusals_of(facts), *_of_space(facts))
    if refusals:
        raise GuestRefused(refusals)
    esp_uuid = facts.boot.esp_uuid or _planned_esp(session) or new_volume_id()
    files = plan_linux(
        session,
        facts,
        inspection.names.stable,
        nics=request.nics,
        esp_uuid=esp_uuid,
        remove_vmware_tools=request.remove_vmware_tools,
    )
    return files.joined(_plan_initramfs(session, inspection)), esp_uuid


def _of_space(facts: GuestFacts) -> tuple[Refusal, ...]:
    places = (("/", facts.free_root_bytes), ("/boot", facts.free_boot_bytes))
    return tuple(
        Refusal(
            "no-space", f"{place} has only {free // 1024**2} MiB free", "free some space in the source VM"
        )
        for place, free in dict(places).items()
        if free < _MINIMUM_FREE_BYTES
    )


def _planned_esp(session: GuestSession) -> str:
    """The ESP that an earlier run wrote into fstab and that ensure_uefi has not made yet."""
    for line in (session.read_text("/etc/fstab") or "").splitlines():
        words = line.split()
        if len(words) > 2 and words[1] == "/boot/efi" and words[0].startswith("UUID="):
            return words[0].removeprefix("UUID=")
    return ""


def _plan_initramfs(session: GuestSession, inspection: Inspection) -> ChangePlan:
    """An archive with drivers for every initramfs that lacks some; warns of a kernel that cannot be
    helped.
    """
    changes, warnings = [], []
    for kernel in inspection.facts.kernels:
        audit = inspection.audits.get(kernel.version)
        if kernel.unavailable_virtio:
            warnings.append(f"kernel {kernel.version} has no {', '.join(kernel.unavailable_virtio)}")
        addable = tuple(name for name in kernel.missing_virtio if name not in kernel.unavailable_virtio)
        if not addable or audit is None:
            continue
        if audit.compression == "lz4" and _is_older(kernel.version, (5, 9)):
            raise V2sError(
                f"{kernel.initramfs_path} lacks {', '.join(addable)} and nothing can be appended to it",
                hint="a kernel before 5.9 reads no archive behind lz4: in the source VM set COMPRESS=gzip in "
                "/etc/initramfs-tools/initramfs.conf, add the modules to its list, run update-initramfs -u",
            )
        folder = f"/lib/modules/{kernel.version}"
        available = parse_dependencies(session.read_text(f"{folder}/modules.dep") or "")

        def read(path: str, folder: str = folder) -> bytes | None:
            return session.read_bytes(f"{folder}/{path}", limit_bytes=_MAX_MODULE_BYTES)

        archive = build_overlay(audit, kernel.version, addable, available, read)
        padding = padding_before_overlay(session.size_bytes(kernel.initramfs_path))
        reason = f"drivers {', '.join(addable)} are not in it; without them the root disk is not found"
        changes.append(Change(ChangeKind.APPEND, kernel.initramfs_path, reason, content=padding + archive))
    return ChangePlan(tuple(changes), tuple(warnings))


def _is_older(version: str, limit: tuple[int, int]) -> bool:
    numbers = re.match(r"(\d+)\.(\d+)", version)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) < limit
