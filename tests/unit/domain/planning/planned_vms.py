"""Planned VMs for tests of scheduling, forecast, cost and pre-flight."""

from dataclasses import replace
from typing import Any

from v2s_tui.domain.planning.limits import Limits
from v2s_tui.domain.planning.plan import PausePolicy, PostMigration
from v2s_tui.domain.planning.resolved import PlannedVm, ResolvedPlan, ResolvedWave
from v2s_tui.domain.source.vm import Disk, Firmware, Nic, PowerState, Vm
from v2s_tui.domain.units import GIB


def source_vm(name: str = "a", **changes: Any) -> Vm:
    vm = Vm(
        moref=f"vm-{name}",
        name=name,
        folder="/DC1",
        host="esxi-01",
        power_state=PowerState.ON,
        cpu_count=2,
        memory_mb=4096,
        guest_id="debian12_64Guest",
        firmware=Firmware.EFI,
        disks=(Disk(2000, "Hard disk 1", 40 * GIB, datastore="ds1", path=f"[ds1] {name}/{name}.vmdk"),),
        nics=(Nic(4000, "Network adapter 1", "00:50:56:00:00:01", port_group="VM Network"),),
        committed_bytes=10 * GIB,
        tools_status="toolsOk",
        change_tracking=True,
    )
    return replace(vm, **changes)


def planned_vm(name: str = "a", vm: Vm | None = None, **changes: Any) -> PlannedVm:
    planned = PlannedVm(name, vm or source_vm(name), "POP2-2C-8G", "fr-par-1", "one")
    return replace(planned, **changes)


def resolved_plan(*vms: PlannedVm, limits: Limits | None = None, **changes: Any) -> ResolvedPlan:
    names = list(dict.fromkeys(each.wave for each in vms))
    waves = tuple(
        ResolvedWave(name, tuple(each.name for each in vms if each.wave == name), PausePolicy.CONTINUE)
        for name in names
    )
    return replace(ResolvedPlan(tuple(vms), waves, limits or Limits(), PostMigration()), **changes)
