"""How long the forecast of a large plan takes: 1,000 VMs in ten stages on 16 hosts (aim: less than 2 s).

Run with `python tests/benchmarks/simulation.py`.
"""

import time

from v2s_tui.domain.planning.forecast import forecast
from v2s_tui.domain.planning.limits import Limits
from v2s_tui.domain.planning.plan import PausePolicy, PostMigration
from v2s_tui.domain.planning.rates import Rates
from v2s_tui.domain.planning.resolved import PlannedVm, ResolvedPlan, ResolvedWave
from v2s_tui.domain.planning.simulation import Simulation
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.domain.source.vm import Disk, Vm
from v2s_tui.domain.units import GIB

VM_COUNT = 1000
TEN_STAGES = (*Stage, Stage.VERIFY, Stage.VERIFY)[:10]


def large_plan() -> ResolvedPlan:
    """One wave of VMs with disks of 20 to 200 GiB."""
    vms = tuple(_planned(number) for number in range(VM_COUNT))
    wave = ResolvedWave("one", tuple(each.name for each in vms), PausePolicy.CONTINUE)
    return ResolvedPlan(vms, (wave,), Limits(), PostMigration())


def _planned(number: int) -> PlannedVm:
    disks = (Disk(2000, "Hard disk 1", (20 + number % 10 * 20) * GIB),)
    vm = Vm(f"vm-{number}", f"vm{number}", host=f"esxi-{number % 16:02}", disks=disks)
    return PlannedVm(vm.name, vm, "POP2-2C-8G", "fr-par-1", "one")


def main() -> None:
    """Print the CPU seconds of one simulated run and of a whole forecast."""
    plan, rates = large_plan(), Rates()
    begin = time.process_time()
    timeline = Simulation(
        plan,
        lambda planned, stage, sharing: rates.duration(planned, stage, sharing=sharing),
        stages_of=lambda planned: TEN_STAGES,
    ).run()
    once = time.process_time() - begin
    begin = time.process_time()
    found = forecast(plan, stages_of=lambda planned: TEN_STAGES)
    whole = time.process_time() - begin
    hours = f"P50 {found.p50_seconds / 3600:.1f} h, P90 {found.p90_seconds / 3600:.1f} h"
    print(f"one run of {len(timeline.segments)} stages: {once:.2f} s CPU")
    print(f"forecast, {hours}, bottleneck {found.bottleneck}: {whole:.2f} s CPU")


if __name__ == "__main__":
    main()
