"""What the Windows stages would do, read without changing anything: for `v2s guest plan`."""

from collections.abc import Sequence
from pathlib import Path

from v2s_tui.adapters.guest.boot.esp import REMOVABLE_LOADER
from v2s_tui.adapters.guest.session import GuestSession
from v2s_tui.adapters.guest.windows.adapt import (
    NO_BOOT_STORE,
    WINDOWS_LOADER,
    plan_drivers,
    serial_console_edits,
)
from v2s_tui.adapters.guest.windows.boot_store import STORE_PATH
from v2s_tui.adapters.guest.windows.inspection import (
    WindowsHives,
    inspect_windows,
    missing_files,
    missing_values,
)
from v2s_tui.adapters.guest.windows.planner import (
    UNPROVEN,
    WindowsFacts,
    WindowsPlan,
    plan_clean_tools,
    windows_refusals,
)
from v2s_tui.adapters.guest.windows.registry import RegistryEdit
from v2s_tui.adapters.guest.windows.volumes import WindowsDisk
from v2s_tui.domain.guest.network import NicPlan
from v2s_tui.domain.guest.plan import GuestPlan, PlannedStep, file_step

NOT_BOOTED = "nothing will prove that this Windows boots: no rehearsal of Windows can run here"
NO_DRIVERS = "no virtio drivers were named (--virtio-win), so what inject_virtio would do is not known"


def plan_windows(
    session: GuestSession, disks: Sequence[WindowsDisk], virtio_win: Path | None, nics: Sequence[NicPlan]
) -> GuestPlan | None:
    """The plan of the Windows on these disks; None when there is none. Nothing may be mounted.

    virtio_win: None leaves out what depends on the drivers. Raises InputError (no driver for this Windows).
    """
    esp_number = disks[0].esp_number
    found = inspect_windows(session, session.filesystems()[0], has_esp=bool(esp_number))
    if found is None:
        return None
    facts, hives = found
    on_disks = (refusal for disk in disks for refusal in disk.refusals)
    refusals = tuple(dict.fromkeys((*on_disks, *windows_refusals(facts))))
    if refusals:
        return GuestPlan(describe_windows(facts), refusals=refusals)
    steps = _steps(session, hives, "clean_tools", plan_clean_tools(facts))
    warnings = [NO_DRIVERS]
    if virtio_win is not None:
        plan = plan_drivers(facts, virtio_win=virtio_win, nics=nics)
        warnings = [NOT_BOOTED, *(each for each in plan.warnings if each != UNPROVEN)]
        steps += _steps(session, hives, "inject_virtio", plan)
    on_esp, unknown = _esp_steps(session, esp_number)
    return GuestPlan(describe_windows(facts), (*steps, *on_esp), (*warnings, *unknown))


def describe_windows(facts: WindowsFacts) -> tuple[tuple[str, str], ...]:
    """Name and value of everything that inspection looks for; what could not be read is left out."""
    firmware = ("firmware", "UEFI" if facts.firmware == "uefi" else "BIOS, no EFI system partition")
    if not facts.product:
        return (("system", "a Windows that cannot be read"), firmware)
    return (
        ("system", f"{facts.product}, build {facts.build}, {facts.architecture or 'unknown architecture'}"),
        firmware,
        ("network", _addresses(facts)),
        ("VMware tools", _tools(facts)),
    )


def _addresses(facts: WindowsFacts) -> str:
    static = [f"{', '.join(each.addresses)} via {each.gateway or 'no gateway'}" for each in facts.addresses]
    return "; ".join(static) or "no static address"


def _tools(facts: WindowsFacts) -> str:
    services = [f"{name} ({'off' if start == 4 else 'on'})" for name, start in facts.vmware_services]
    return ", ".join((*services, *(f"package {code}" for code in facts.tools_products))) or "none"


def _steps(
    session: GuestSession, hives: WindowsHives, stage: str, plan: WindowsPlan
) -> tuple[PlannedStep, ...]:
    """What is not there yet."""
    places = {"SYSTEM": hives.system, "SOFTWARE": hives.software}
    edits = [
        edit
        for name, path in places.items()
        for edit in missing_values(session, path, [each for each in plan.registry if each.hive == name])
    ]
    files = missing_files(session, plan.files)
    return (*(file_step(stage, change) for change in files), *(_registry_step(stage, edit) for edit in edits))


def _registry_step(stage: str, edit: RegistryEdit) -> PlannedStep:
    names = ", ".join(value.name or "(default)" for value in edit.values)
    return PlannedStep(stage, "set", rf"{edit.hive}\{edit.key}: {names}", edit.reason)


def _esp_steps(session: GuestSession, esp_number: int) -> tuple[tuple[PlannedStep, ...], tuple[str, ...]]:
    """EMS in the boot store, and the boot manager on the removable path."""
    session.unmount_all()
    session.mount(f"/dev/sda{esp_number}", "/")
    store = session.real_case(f"/{STORE_PATH}")
    edits = serial_console_edits(session, store)
    missing = missing_values(session, store, edits) if store else []
    steps = [_registry_step("inject_virtio", edit) for edit in missing]
    if session.real_case(f"/{REMOVABLE_LOADER}") is None:
        reason = "fresh firmware looks for a boot loader there and nowhere else"
        target = f"{REMOVABLE_LOADER} on the ESP, from {WINDOWS_LOADER}"
        steps.append(PlannedStep("fix_bootloader", "write", target, reason))
    return tuple(steps), () if edits else (NO_BOOT_STORE,)
