"""Small resolved plans and batches for tests of the engine."""

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence

from fakes.source import MADE_AT
from v2s_tui.domain.execution.batch import BatchState, new_batch
from v2s_tui.domain.planning.limits import Limits
from v2s_tui.domain.planning.plan import PausePolicy, PostMigration
from v2s_tui.domain.planning.resolved import PlannedVm, ResolvedPlan, ResolvedWave
from v2s_tui.domain.source.guest_os import OsFamily
from v2s_tui.domain.source.vm import Disk, Firmware, PowerState, Vm

BATCH_ID = "0a1b2c3d"
_TYPES = defaultdict(lambda: "PRO2-XXS", {OsFamily.WINDOWS: "POP2-2C-8G-WIN"})


def vm_named(name: str, *, host: str = "esxi-01", disks: int = 1, guest_id: str = "debian12_64Guest") -> Vm:
    """A source VM with disks of 1 GiB each."""
    return Vm(
        moref=f"vm-{name}",
        name=name,
        host=host,
        guest_id=guest_id,
        cpu_count=2,
        memory_mb=4096,
        firmware=Firmware.EFI,
        power_state=PowerState.ON,
        disks=tuple(
            Disk(key=2000 + index, label=f"Hard disk {index + 1}", capacity_bytes=2**30, datastore="ds-1")
            for index in range(disks)
        ),
        committed_bytes=2**20,
    )


def plan_of(
    waves: Sequence[tuple[str, Sequence[Vm], PausePolicy]],
    *,
    limits: Mapping[str, int] | None = None,
    post_migration: PostMigration | None = None,
    not_together: tuple[tuple[str, ...], ...] = (),
) -> ResolvedPlan:
    """A plan with these waves."""
    planned = [
        PlannedVm(name=vm.name, vm=vm, target_type=_TYPES[vm.os_family], zone="fr-par-1", wave=wave)
        for wave, vms, _ in waves
        for vm in vms
    ]
    return ResolvedPlan(
        vms=tuple(planned),
        waves=tuple(ResolvedWave(name, tuple(vm.name for vm in vms), policy) for name, vms, policy in waves),
        limits=Limits.model_validate(dict(limits or {})),
        post_migration=post_migration or PostMigration(),
        not_together=not_together,
    )


def batch_of(plan: ResolvedPlan) -> BatchState:
    """A new batch with predictable migration ids."""
    numbers = itertools.count(1)
    return new_batch(
        batch_id=BATCH_ID,
        plan=plan,
        plan_path="plan.yaml",
        config_path="migration.yaml",
        created_at=MADE_AT,
        new_migration_id=lambda: f"{next(numbers):08x}",
    )
