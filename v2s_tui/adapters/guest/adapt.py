"""adapt_guest: a Linux guest's own files are changed so that it boots at Scaleway.

The guest is opened in libguestfs, on qcow2 overlays; running it again changes nothing. What the disk needs
besides is in uefi.py.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from v2s_tui.adapters.guest.appliance import ApplianceSettings
from v2s_tui.adapters.guest.boot.conversion import ESP_BYTES, check_convertible
from v2s_tui.adapters.guest.boot.esp import new_volume_id
from v2s_tui.adapters.guest.initramfs.planning import plan_initramfs
from v2s_tui.adapters.guest.initramfs.rebuild import SESSION_SECONDS, rebuild
from v2s_tui.adapters.guest.inspection import DiskFacts, Inspection, inspect_linux, read_disk
from v2s_tui.adapters.guest.linux.boot_facts import boot_entries
from v2s_tui.adapters.guest.linux.planner import plan_linux
from v2s_tui.adapters.guest.raw_view import raw_view
from v2s_tui.adapters.guest.session import GuestSession
from v2s_tui.domain.guest.changes import ChangeKind, ChangePlan, ChangeRecord, InitramfsMode
from v2s_tui.domain.guest.facts import BootEntry, GuestFacts
from v2s_tui.domain.guest.network import ONE_DHCP_NIC, NicPlan
from v2s_tui.domain.guest.refusals import GuestRefused, Refusal, refusals_of

_MINIMUM_FREE_BYTES = 8 * 1024**2


@dataclass(frozen=True, slots=True)
class AdaptRequest:
    """What the plan wants of a guest. keep_mbr: add an ESP to the MBR instead of converting to GPT.

    remove_vmware_tools: mask the services and remove their leftovers. esp_bytes: size of a new ESP.
    initramfs: how drivers get into one that lacks them. places: where each disk stood among all of the source
    VM, boot disk 0; needed when some stay there.
    """

    nics: tuple[NicPlan, ...] = ONE_DHCP_NIC
    remove_vmware_tools: bool = True
    keep_mbr: bool = False
    esp_bytes: int = ESP_BYTES
    initramfs: InitramfsMode = InitramfsMode.OVERLAY
    places: tuple[int, ...] = ()


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

    disks: overlays, boot disk first. progress: gets one line per step. limit_seconds: without rebuilds, which
    have limits of their own. Raises GuestRefused (nothing was changed), NoSystemFound, ToolError, Cancelled.
    """
    progress("reading partition tables")
    facts = read_disks(disks, request, disk_format=disk_format)
    progress("starting the appliance")
    limit = limit_seconds + (SESSION_SECONDS if request.initramfs is InitramfsMode.REBUILD else 0.0)
    with GuestSession(
        disks, settings, cancelled=cancelled, disk_format=disk_format, limit_seconds=limit
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
    inspection = inspect_linux(session, disks, scratch, places=request.places)
    plan, esp_uuid = plan_changes(session, inspection, request)
    progress(f"making {len(plan.changes)} changes")
    records = (
        *session.apply([each for each in plan.changes if each.kind is not ChangeKind.REBUILD]),
        *_rebuilt(session, inspection.facts, plan, scratch, progress),
    )
    entries = boot_entries(session, inspection.facts.mounts)
    return AdaptResult(inspection.facts, entries, esp_uuid, records, plan.warnings)


def _rebuilt(
    session: GuestSession,
    facts: GuestFacts,
    plan: ChangePlan,
    scratch: Path,
    progress: Callable[[str], None],
) -> Iterator[ChangeRecord]:
    """After all other changes: the tools read the configuration that these wrote."""
    kernels = {kernel.initramfs_path: kernel for kernel in facts.kernels}
    for change in plan.changes:
        if change.kind is ChangeKind.REBUILD:
            progress(f"rebuilding {change.path}")
            yield rebuild(session, change, kernels[change.path], scratch=scratch)


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
    initramfs = plan_initramfs(session, facts, inspection.audits, request.initramfs)
    esp_uuid = facts.boot.esp_uuid or _planned_esp(session) or new_volume_id()
    files = plan_linux(
        session,
        facts,
        inspection.names.stable,
        nics=request.nics,
        esp_uuid=esp_uuid,
        remove_vmware_tools=request.remove_vmware_tools,
    )
    return files.joined(initramfs), esp_uuid


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
