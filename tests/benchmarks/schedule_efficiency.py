"""How close the admission rules come to the best possible makespan, on paper.

    .venv/bin/python tests/benchmarks/schedule_efficiency.py

efficiency = lower bound / reached makespan. Lower bound: the largest total work / capacity over all resources
(and the longest VM). Aim: 0.9 and more.
"""

import random
from collections import Counter

from v2s_tui.domain.planning.limits import Limit, Limits
from v2s_tui.domain.planning.plan import PausePolicy, PostMigration
from v2s_tui.domain.planning.rates import Duration
from v2s_tui.domain.planning.resolved import PlannedVm, ResolvedPlan, ResolvedWave
from v2s_tui.domain.planning.scheduling import Admission, stage_request
from v2s_tui.domain.planning.simulation import Simulation
from v2s_tui.domain.planning.stages import Stage, stages_for
from v2s_tui.domain.source.vm import Disk, Vm
from v2s_tui.domain.units import GIB

_MEAN_SECONDS = {
    Stage.VALIDATE: 1.0,
    Stage.SNAPSHOT: 3.0,
    Stage.EXPORT: 20.0,
    Stage.CONVERT: 10.0,
    Stage.UPLOAD_S3: 25.0,
    Stage.IMPORT_SCW: 2.0,
    Stage.CREATE_INSTANCE: 2.0,
    Stage.VERIFY: 1.0,
    Stage.CLEANUP: 2.0,
}
"""Proportions of reference terminal.md section 4; an import polls 40 seconds more without holding anything.
"""
_POLLING = {Stage.IMPORT_SCW: 40.0}
STAGES = stages_for()


def fleet(count: int, hosts: int, limits: Limits) -> ResolvedPlan:
    """One wave of VMs spread over hosts."""
    vms = tuple(
        PlannedVm(
            f"vm-{number}",
            Vm(
                f"vm-{number}",
                f"vm-{number}",
                host=f"esxi-{number % hosts}",
                disks=(Disk(2000, "d", 20 * GIB),),
            ),
            "PRO2-XS",
            "fr-par-1",
            "all",
        )
        for number in range(count)
    )
    wave = ResolvedWave("all", tuple(each.name for each in vms), PausePolicy.CONTINUE)
    return ResolvedPlan(vms, (wave,), limits, PostMigration())


def efficiency(plan: ResolvedPlan, seed: int) -> tuple[float, str]:
    """The ratio, and the resource that bounds it."""
    chance = random.Random(seed)
    seconds = {
        (each.name, stage): _MEAN_SECONDS.get(stage, 5.0) * chance.uniform(0.4, 1.8)
        for each in plan.vms
        for stage in STAGES
    }

    def duration(planned: PlannedVm, stage: Stage, _sharing: int) -> Duration:
        return Duration(seconds[planned.name, stage], _POLLING.get(stage, 0.0))

    reached = Simulation(plan, duration, stages_of=lambda _: STAGES).run().end
    bound, name = _lower_bound(plan, seconds)
    return bound / reached, name


def _lower_bound(plan: ResolvedPlan, seconds: dict[tuple[str, Stage], float]) -> tuple[float, str]:
    work: Counter[str] = Counter()
    longest = 0.0
    for each in plan.vms:
        life = sum(seconds[each.name, stage] + _POLLING.get(stage, 0.0) for stage in STAGES)
        longest = max(longest, life)
        work[Limit.GLOBAL.value] += life
        for stage in STAGES:
            for name in stage_request(each.name, stage, esxi_host=each.vm.host).needs:
                work[name] += seconds[each.name, stage]
    capacity = Admission(plan.limits).capacity
    bounds = {name: total / capacity(name) for name, total in work.items()} | {"the longest VM": longest}
    name = max(bounds, key=lambda each: bounds[each])
    return bounds[name], name


def main() -> None:
    """Print the figures for fleets and limits of different kinds."""
    for count, hosts, limits in (
        (150, 3, Limits()),
        (150, 3, Limits.model_validate({"global": 16})),
        (1000, 16, Limits()),
        (1000, 16, Limits.model_validate({"global": 24, "disk_io": 4})),
        (1000, 2, Limits.model_validate({"global": 30, "s3_upload": 12, "disk_io": 8})),
    ):
        ratio, bounded_by = efficiency(fleet(count, hosts, limits), seed=count + hosts)
        shown = ", ".join(f"{each.value} {limits.of(each)}" for each in Limit)
        print(f"{count} VMs on {hosts} hosts ({shown}): efficiency {ratio:.3f}, bounded by {bounded_by}")


if __name__ == "__main__":
    main()
