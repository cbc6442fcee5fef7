"""validate: the plan entry against the VM and the zone as they are now, before anything is touched.

Everything that would stop a later stage is said at once, in one message (seed-system.md A7 and A9: RDM by
backing and not by path, 1 TB and not 10, BIOS not called compatible, quota and stock).
"""

from collections.abc import Iterator

from v2s_tui.domain.errors import OutOfStock, PreflightBlocked, QuotaExceeded
from v2s_tui.domain.execution.artifacts import Artifacts
from v2s_tui.domain.planning.difference import grave_drift, source_drift
from v2s_tui.domain.planning.plan_options import Consistency
from v2s_tui.domain.planning.preflight.capacity_rules import UNLIMITED, type_quota
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.source.vm import Disk, DiskBacking, Firmware, PowerState, Vm
from v2s_tui.domain.target.instance_types import Catalogue, Stock
from v2s_tui.domain.target.sizing import Need, misfits, need_of
from v2s_tui.domain.target.volume_size import LARGEST_IMPORT_BYTES, target_size_bytes
from v2s_tui.domain.units import GB
from v2s_tui.engine.stage_contract import Ports, StageContext, StageInput
from v2s_tui.engine.stages.source_vm import vm_now

MANY_SNAPSHOTS = 3


def validate(stage: StageInput, context: StageContext) -> Artifacts:
    """The stage. Raises PreflightBlocked with every reason, OutOfStock or QuotaExceeded."""
    planned, ports = stage.planned, context.ports
    context.progress.activity = "reading the VM"
    vm = vm_now(planned, ports)
    disks = planned.moving_disks(vm)
    context.progress.activity = f"asking {planned.zone} for {planned.target_type}"
    problems = [*_source_problems(vm, planned), *_drift_problems(planned, vm)]
    problems += _disk_problems(planned, disks)
    if planned.create_instance:
        catalogue = ports.cloud.catalogue(planned.zone)
        problems += _type_problems(planned, vm, disks, catalogue)
        _refuse(planned, problems)
        _look_for_room(planned, ports, catalogue)
    _refuse(planned, problems)
    artifacts = stage.artifacts
    for name, text in _notes(planned, vm):
        artifacts = artifacts.with_note(name, text)
    return artifacts


def _refuse(planned: PlannedVm, problems: list[str]) -> None:
    if problems:
        raise PreflightBlocked(
            f"{planned.name} cannot be migrated: {'; '.join(problems)}",
            hint="change the VM or its plan entry (skip a disk, another type), then retry",
        )


def _source_problems(vm: Vm, planned: PlannedVm) -> Iterator[str]:
    if not vm.readable:
        yield "vCenter gives no configuration for it"
    if vm.connection_state != "connected":
        yield f"it is {vm.connection_state} in vCenter"
    if vm.power_state is PowerState.SUSPENDED:
        yield "it is suspended, so its disks miss what is in memory; resume or shut it down"
    if planned.consistency is Consistency.COLD and vm.power_state is PowerState.UNKNOWN:
        yield "its power state is unknown and the plan asks for a cold copy"


def _drift_problems(planned: PlannedVm, vm: Vm) -> Iterator[str]:
    """What an operator reviewed is what may be moved: the sizes, the cost and the type rest on it."""
    if vm.readable and planned.vm.disks:
        for change in grave_drift(planned, vm):
            yield f"it changed since it was planned, make a new batch of the plan: {change.outcome}"


def _disk_problems(planned: PlannedVm, disks: tuple[Disk, ...]) -> Iterator[str]:
    if not disks:
        yield "it has no disk to move"
    for index, disk in enumerate(disks):
        size_bytes = target_size_bytes(disk.capacity_bytes, boot=index == 0, adapted=planned.adapt)
        for wrong, text in (
            (disk.backing in {DiskBacking.RDM_VIRTUAL, DiskBacking.RDM_PHYSICAL}, "is a raw device mapping"),
            (disk.independent, "is independent and left out of snapshots"),
            (disk.shared, "is shared with other VMs"),
            (
                size_bytes > LARGEST_IMPORT_BYTES,
                f"becomes a volume of {size_bytes / GB:.0f} GB, imports end at 1 TB",
            ),
        ):
            if wrong:
                yield f"{disk.label} {text}"


def _type_problems(
    planned: PlannedVm, vm: Vm, disks: tuple[Disk, ...], catalogue: Catalogue
) -> Iterator[str]:
    wanted = catalogue.get(planned.target_type) if planned.target_type else None
    if wanted is None:
        yield f"{planned.zone} has no type {planned.target_type or '(none chosen)'}"
        return
    whole = need_of(vm)
    need = Need(
        whole.vcpu_count,
        whole.memory_bytes,
        len(disks),
        sum(disk.capacity_bytes for disk in disks),
        whole.windows,
    )
    smaller = wanted.vcpu_count < need.vcpu_count or wanted.memory_bytes < need.memory_bytes
    if smaller and planned.type_reason:
        # A smaller type that the plan chose on purpose (measured use) is not refused for its size.
        need = Need(
            min(need.vcpu_count, wanted.vcpu_count),
            min(need.memory_bytes, wanted.memory_bytes),
            need.disk_count,
            need.disk_bytes,
            need.windows,
        )
    yield from (f"{wanted.name} {text}" for text in misfits(need, wanted))


def _look_for_room(planned: PlannedVm, ports: Ports, catalogue: Catalogue) -> None:
    """Stock and quota: the two ways in which a right plan cannot be carried out today."""
    wanted = catalogue.get(planned.target_type)
    if wanted is not None and wanted.stock is Stock.SHORTAGE:
        raise OutOfStock(
            f"{planned.zone} has no {planned.target_type} left",
            hint="retry later, or plan another type or zone",
        )
    limit = type_quota(ports.cloud.quotas(), planned.target_type, planned.zone)
    used = ports.cloud.usage(planned.zone).get(planned.target_type, 0)
    if limit is not None and limit != UNLIMITED and used >= limit:
        raise QuotaExceeded(
            f"the quota of {planned.target_type} is used up: {used} of {limit}",
            hint="ask Scaleway's support to raise it, or plan another type or zone",
        )


def _notes(planned: PlannedVm, vm: Vm) -> Iterator[tuple[str, str]]:
    """What does not stop the migration and belongs into the report."""
    if vm.firmware is not Firmware.EFI:
        yield "firmware", "starts by BIOS; Scaleway starts UEFI only, so the guest must be changed"
    if len(vm.snapshots) > MANY_SNAPSHOTS:
        yield "snapshots", f"{len(vm.snapshots)} VMware snapshots slow the export down"
    if vm.consolidation_needed:
        yield "consolidation", "its disks need consolidation in vCenter"
    drift = [change.outcome for change in source_drift(planned.vm, vm)]
    if drift:
        yield "changed", f"since it was planned: {'; '.join(drift)}"
