"""The stages of a Windows guest: clean_tools, inject_virtio, fix_bootloader. Offline, running nothing.

Every result says that it is unproven: a rehearsal of Windows needs its licence and its drivers at hand.
"""

import base64
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from v2s_tui.adapters.guest.appliance import ApplianceSettings
from v2s_tui.adapters.guest.block import SECTOR_BYTES
from v2s_tui.adapters.guest.boot.conversion import EspPlace
from v2s_tui.adapters.guest.boot.esp import REMOVABLE_LOADER, opened_esp
from v2s_tui.adapters.guest.boot.gpt import read_gpt
from v2s_tui.adapters.guest.inspection import NoSystemFound
from v2s_tui.adapters.guest.raw_view import raw_view
from v2s_tui.adapters.guest.session import GuestSession
from v2s_tui.adapters.guest.windows.boot_store import STORE_PATH, plan_serial_console
from v2s_tui.adapters.guest.windows.drivers import load_drivers
from v2s_tui.adapters.guest.windows.inspection import (
    WindowsHives,
    inspect_windows,
    missing_files,
    object_types,
)
from v2s_tui.adapters.guest.windows.planner import (
    UNPROVEN,
    WindowsFacts,
    WindowsPlan,
    plan_clean_tools,
    plan_inject_virtio,
    windows_refusals,
)
from v2s_tui.adapters.guest.windows.registry import RegistryEdit, RegistryValue
from v2s_tui.adapters.guest.windows.volumes import WindowsDisk, read_windows_disk
from v2s_tui.domain.errors import V2sError
from v2s_tui.domain.guest.changes import ChangeRecord
from v2s_tui.domain.guest.network import ONE_DHCP_NIC, NicPlan
from v2s_tui.domain.guest.refusals import WINDOWS_BIOS, GuestRefused

WINDOWS_LOADER = "EFI/Microsoft/Boot/bootmgfw.efi"
_ESP_FOLDER = "/var/lib/v2s/esp"
NO_BOOT_STORE = "no boot store that is understood was found, so the serial console (SAC) stays as it was"


@dataclass(frozen=True, slots=True)
class WindowsResult:
    """What a stage found and did. proven is never True: see the warnings."""

    facts: WindowsFacts
    records: tuple[ChangeRecord, ...]
    warnings: tuple[str, ...]
    proven: bool = False


@dataclass(frozen=True, slots=True)
class LoaderResult:
    """What fix_bootloader did. written: the loader was put on the removable path just now."""

    written: bool
    warnings: tuple[str, ...] = (UNPROVEN,)


def clean_tools(
    disks: Sequence[Path],
    settings: ApplianceSettings,
    *,
    cancelled: threading.Event,
    disk_format: str = "qcow2",
    experimental: bool = False,
) -> WindowsResult:
    """Disable VMware's services. Raises GuestRefused, NoSystemFound, ToolError, Cancelled."""
    return _change(
        disks,
        settings,
        plan_clean_tools,
        cancelled=cancelled,
        disk_format=disk_format,
        experimental=experimental,
    )


def inject_virtio(
    disks: Sequence[Path],
    virtio_win: Path,
    settings: ApplianceSettings,
    *,
    nics: Sequence[NicPlan] = ONE_DHCP_NIC,
    cancelled: threading.Event,
    disk_format: str = "qcow2",
    experimental: bool = False,
) -> WindowsResult:
    """Put the operator's virtio drivers into Windows, and make its first boot reachable.

    virtio_win: an ISO or its unpacked folder. nics: in the order of the source VM. Raises InputError (no
    driver for this Windows), GuestRefused, NoSystemFound, ToolError, Cancelled.
    """
    return _change(
        disks,
        settings,
        partial(plan_drivers, virtio_win=virtio_win, nics=nics),
        cancelled=cancelled,
        disk_format=disk_format,
        experimental=experimental,
        serial_console=True,
    )


def plan_drivers(facts: WindowsFacts, *, virtio_win: Path, nics: Sequence[NicPlan]) -> WindowsPlan:
    """What inject_virtio does to this Windows. Raises InputError (no driver for it)."""
    architecture = facts.architecture or "amd64"
    drivers = load_drivers(virtio_win, build=facts.build, server=facts.server, architecture=architecture)
    return plan_inject_virtio(facts, drivers, nics)


def _change(
    disks: Sequence[Path],
    settings: ApplianceSettings,
    plan: Callable[[WindowsFacts], WindowsPlan],
    *,
    cancelled: threading.Event,
    disk_format: str,
    experimental: bool,
    serial_console: bool = False,
) -> WindowsResult:
    esp_number = _read_disks(disks, disk_format)[0].esp_number
    with GuestSession(disks, settings, cancelled=cancelled, disk_format=disk_format) as session:
        facts, hives = _inspect(session, has_esp=bool(esp_number))
        refusals = windows_refusals(facts, experimental=experimental)
        if refusals:
            raise GuestRefused(refusals)
        wanted = plan(facts)
        records = session.apply(missing_files(session, wanted.files)) + _edit(session, hives, wanted.registry)
        warnings = wanted.warnings
        if serial_console and esp_number:
            switched, missing = _serial_console(session, esp_number)
            records, warnings = records + switched, warnings + missing
    return WindowsResult(facts, records, warnings)


def _read_disks(disks: Sequence[Path], disk_format: str) -> tuple[WindowsDisk, ...]:
    """Facts of each disk. Raises GuestRefused before any appliance is started."""
    found = []
    for disk in disks:
        with raw_view(disk, writable=False, image_format=disk_format) as view:
            found.append(read_windows_disk(view))
    if refusals := dict.fromkeys(refusal for each in found for refusal in each.refusals):
        raise GuestRefused(tuple(refusals))
    return tuple(found)


def _inspect(session: GuestSession, *, has_esp: bool) -> tuple[WindowsFacts, WindowsHives]:
    filesystems, _ = session.filesystems()
    found = inspect_windows(session, filesystems, has_esp=has_esp)
    if found is None:
        raise NoSystemFound("no Windows was found on the disks", hint="is this the boot disk?")
    return found


def _edit(
    session: GuestSession, hives: WindowsHives, edits: Sequence[RegistryEdit]
) -> tuple[ChangeRecord, ...]:
    system = [edit for edit in edits if edit.hive == "SYSTEM"]
    software = [edit for edit in edits if edit.hive == "SOFTWARE"]
    return _edit_hive(session, hives.system, system) + _edit_hive(session, hives.software, software)


def _edit_hive(session: GuestSession, path: str, edits: Sequence[RegistryEdit]) -> tuple[ChangeRecord, ...]:
    if not edits:
        return ()
    plain = [{"key": edit.key, "values": [_plain(value) for value in edit.values]} for edit in edits]
    return session.hive_edit(path, plain, "; ".join(dict.fromkeys(edit.reason for edit in edits)))


def _plain(value: RegistryValue) -> dict[str, str | int]:
    return {
        "name": value.name,
        "kind": int(value.kind),
        "data": base64.b64encode(value.data).decode(),
    }


def _serial_console(
    session: GuestSession, esp_number: int
) -> tuple[tuple[ChangeRecord, ...], tuple[str, ...]]:
    """EMS in the boot store on the ESP of the first disk; its old version is kept on the Windows volume."""
    session.mount(f"/dev/sda{esp_number}", _ESP_FOLDER)
    store = session.real_case(f"{_ESP_FOLDER}/{STORE_PATH}")
    edits = serial_console_edits(session, store)
    if store is None or not edits:
        return (), (NO_BOOT_STORE,)
    return _edit_hive(session, store, edits), ()


def serial_console_edits(session: GuestSession, store: str | None) -> tuple[RegistryEdit, ...]:
    """EMS for the boot store at that path; none where there is no store, or none that is understood."""
    return plan_serial_console(object_types(session, store)) if store else ()


def fix_bootloader(disks: Sequence[Path], *, scratch: Path, disk_format: str = "qcow2") -> LoaderResult:
    """Put Windows' own boot manager on the removable path of its ESP, where fresh firmware looks.

    Raises GuestRefused for a BIOS Windows, V2sError when the ESP has no boot manager.
    """
    with raw_view(disks[0], writable=True, image_format=disk_format) as view:
        table = read_gpt(view)
        if table is None or table.esp is None:
            raise GuestRefused((WINDOWS_BIOS,))
        place = EspPlace(table.esp.number, table.esp.start, table.esp.end - table.esp.start, is_new=False)
        if place.sectors * SECTOR_BYTES > 4 * 1024**3:
            raise V2sError(
                "the EFI system partition is larger than 4 GiB", hint="is the partition table right?"
            )
        with opened_esp(view, place, scratch) as esp:
            loader = esp.read(WINDOWS_LOADER)
            if loader is None:
                raise V2sError(
                    f"the EFI system partition has no {WINDOWS_LOADER}",
                    hint="repair the boot files in the source VM with `bcdboot C:\\Windows /f UEFI`",
                )
            if esp.read(REMOVABLE_LOADER) is not None:
                return LoaderResult(written=False)
            esp.write(REMOVABLE_LOADER, loader)
    return LoaderResult(written=True)
