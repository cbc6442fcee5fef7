"""From selected VMs to a plan for people to review: the specification's generator (seed-system.md A4)."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from v2s_tui.domain.planning.plan import BatchPlan, Migration, PlanDefaults, PlanMetadata, SizingStrategy
from v2s_tui.domain.planning.resolve import CatalogueOfZone
from v2s_tui.domain.source.guest_os import OsFamily
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.source.vm import Firmware, Vm
from v2s_tui.domain.target.sizing import MeasuredUse, SizingChoice, choose_type


def make_plan(
    inventory: Inventory,
    selection: Iterable[Vm],
    *,
    zone: str,
    strategy: SizingStrategy,
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
    lines = [_bare_line(inventory, vm) for vm in vms]
    if auto_map:
        choices = [choose_type(vm, catalogue_of_zone(zone), strategy, use=used(vm)) for vm in vms]
        lines = [_sized_line(line, choice, strategy) for line, choice in zip(lines, choices, strict=True)]
    defaults = {"zone": zone, "sizing_strategy": strategy} | ({"tags": tuple(tags)} if tags else {})
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


def _sized_line(line: Migration, choice: SizingChoice, strategy: SizingStrategy) -> Migration:
    rightsized = strategy is SizingStrategy.RIGHTSIZE
    notes = f"{line.notes} | {choice.reason}" if rightsized else line.notes
    typed = {"target_type": choice.type_name} if choice.type_name else {}
    return line.model_copy(update={"notes": notes, **typed})


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
