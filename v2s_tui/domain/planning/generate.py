"""From selected VMs to a plan for people to review: the specification's generator (seed-system.md A4)."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from v2s_tui.domain.planning.plan import BatchPlan, Migration, PlanDefaults, PlanMetadata, SizingStrategy
from v2s_tui.domain.planning.resolve import CatalogueOfZone
from v2s_tui.domain.source.guest_os import OsFamily
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.source.vm import Firmware, Vm
from v2s_tui.domain.target.sizing import MeasuredUse
from v2s_tui.domain.target.sizing_map import SizedVm, SizingMap


def make_plan(
    inventory: Inventory,
    selection: Iterable[Vm],
    *,
    sizing: SizingMap,
    catalogue_of_zone: CatalogueOfZone,
    generated_at: datetime,
    tags: Sequence[str] = (),
    auto_map: bool = True,
    use_of: Callable[[Vm], MeasuredUse | None] | None = None,
) -> BatchPlan:
    """A plan with one line per VM, named by its path where its name repeats. use_of: for `rightsize`, whose
    reason then stands in the notes.

    auto_map=False leaves every target_type to be chosen when the plan runs; so does a VM that no type fits.
    """
    vms = tuple(selection)
    used = use_of or _not_measured
    sized = [sizing.size(vm, catalogue_of_zone, use=used(vm)) for vm in vms] if auto_map else []
    lines = [_line(inventory, each, sizing) for each in sized] or [_bare_line(inventory, vm) for vm in vms]
    defaults = {"zone": sizing.zone, "sizing_strategy": sizing.strategy} | (
        {"tags": tuple(tags)} if tags else {}
    )
    return BatchPlan(
        version=1,
        metadata=_metadata(inventory, vms, generated_at),
        defaults=PlanDefaults.model_validate(defaults),
        migrations=tuple(lines),
    )


def _metadata(inventory: Inventory, vms: Sequence[Vm], generated_at: datetime) -> PlanMetadata:
    windows = sum(vm.os_family is OsFamily.WINDOWS for vm in vms)
    return PlanMetadata(
        generated_at=generated_at.isoformat(timespec="seconds"),
        vcenter=inventory.source,
        total_vms=len(vms),
        linux_vms=len(vms) - windows,
        windows_vms=windows,
        total_disk_gb=round(sum(vm.total_disk_gib for vm in vms), 1),
    )


def _bare_line(inventory: Inventory, vm: Vm) -> Migration:
    return Migration(vm_name=inventory.unambiguous_name(vm), priority=5, notes=notes_for(vm))


def _line(inventory: Inventory, sized: SizedVm, sizing: SizingMap) -> Migration:
    values = {"vm_name": inventory.unambiguous_name(sized.vm), "priority": 5}
    if sized.choice.type_name:
        values["target_type"] = sized.choice.type_name
    if sized.zone != sizing.zone:
        values["zone"] = sized.zone
    if sized.volume_class:
        values["volume_class"] = sized.volume_class
    notes = notes_for(sized.vm)
    if sizing.strategy is SizingStrategy.RIGHTSIZE and sized.decided_by == "auto":
        notes = f"{notes} | {sized.choice.reason}"
    return Migration.model_validate(values | {"notes": notes})


def _not_measured(vm: Vm) -> None:
    """No measured use is known of any VM."""


def notes_for(vm: Vm) -> str:
    """What a reviewer wants to know, in the words of the specification's generator."""
    size = f"{vm.cpu_count}vCPU/{vm.memory_mb / 1024:g}GB/{vm.total_disk_gib:g}GB"
    parts = (
        "BIOS→UEFI conversion required" if vm.firmware is Firmware.BIOS else "",
        "Windows: VirtIO driver injection required" if vm.os_family is OsFamily.WINDOWS else "",
        size if vm.readable else "no configuration could be read",
        vm.guest_full_name or vm.guest_id,
    )
    return " | ".join(part for part in parts if part)
