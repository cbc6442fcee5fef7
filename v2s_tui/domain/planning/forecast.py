"""When a plan will be through: the simulation run plain and with chance, its bottleneck, and what-ifs."""

import math
import random
import statistics
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from v2s_tui.domain.errors import InputError
from v2s_tui.domain.execution.job import stages_of
from v2s_tui.domain.execution.transfer import TransferChoice, first_choice
from v2s_tui.domain.planning.limits import Limit, Limits
from v2s_tui.domain.planning.rates import COMPRESSED_SHARE, DATA_SHARE, Duration, Rates
from v2s_tui.domain.planning.resolved import PlannedVm, ResolvedPlan
from v2s_tui.domain.planning.simulation import (
    DurationOf,
    Simulation,
    StagesOf,
    Timeline,
    TransferOf,
    waits,
)
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.domain.units import counted

SPREAD = 0.25
"""Standard deviation of the logarithm of a stage's duration: assumed, until enough batches were measured."""
_Z90 = 1.2816
_BUSY_SHARE = 0.5
"""A limit that is idle more than half of the time holds nobody up for long."""
_STAGE_RUNS = 40_000
"""Stages simulated for the spread; large plans need fewer runs, their luck evens out by itself."""


@dataclass(frozen=True, slots=True)
class Use:
    """How busy a limit was. share: of its capacity, over the whole run.

    waited_seconds: by all VMs together.
    """

    limit: str
    share: float
    waited_seconds: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """p50_seconds, p90_seconds: the whole plan, gates excluded, is through by then in 5 and 9 of 10 cases.

    timeline: the run without chance, for the Gantt chart and the work disk's curve. uses: busiest first.
    bottleneck: the limit to look at first, "" when nothing holds anything up. assumptions: sentences to show.
    """

    p50_seconds: float
    p90_seconds: float
    timeline: Timeline
    uses: tuple[Use, ...]
    bottleneck: str
    limits: Limits
    assumptions: tuple[str, ...] = field(default=())


def forecast(
    plan: ResolvedPlan,
    *,
    rates: Rates | None = None,
    limits: Limits | None = None,
    work_disk_bytes: int | None = None,
    stages_of: StagesOf = stages_of,
    seed: int = 1,
    transfer_of: TransferOf = first_choice,
    runs: int | None = None,
) -> Forecast:
    """Simulate the plan. limits: a what-if, None means the plan's own. transfer_of: how a VM's disks will be
    moved. runs: how often by chance, None as often as a second allows; few answer soon and less surely.

    The same seed gives the same answer.
    """
    rates, limits = rates or Rates(), limits or plan.limits
    transfers = {each.name: transfer_of(each) for each in plan.vms}

    def simulate(duration_of: DurationOf) -> Timeline:
        simulation = Simulation(
            plan,
            duration_of,
            stages_of=stages_of,
            limits=limits,
            work_disk_bytes=work_disk_bytes,
            transfer_of=lambda planned: transfers[planned.name],
        )
        return simulation.run()

    def usual(planned: PlannedVm, stage: Stage, sharing: int) -> Duration:
        return rates.duration(planned, stage, sharing=sharing, transfer=transfers[planned.name])

    timeline = simulate(usual)
    ends = [
        simulate(_by_chance(usual, random.Random(seed + number))).end  # noqa: S311 - a forecast, not a secret
        for number in range(runs or _runs(len(timeline.segments)))
    ]
    p50 = statistics.median(ends)
    spread = statistics.stdev(ends) if len(ends) > 1 else 0.0
    uses = _uses(timeline, limits)
    return Forecast(
        p50_seconds=p50,
        p90_seconds=p50 + _Z90 * spread,
        timeline=timeline,
        uses=uses,
        bottleneck=_bottleneck(uses, timeline, limits),
        limits=limits,
        assumptions=_assumptions(plan, rates, transfers.values()),
    )


def what_if(limits: Limits, changes: Mapping[str, int]) -> Limits:
    """Limits changed by name, as `--set disk_io=5 --set global=16`.

    Raises InputError for another name or value.
    """
    for name, value in changes.items():
        if name not in set(Limit):
            raise InputError(f"{name!r} is no limit", hint=f"one of: {', '.join(Limit)}")
        try:
            limits = limits.changed(Limit(name), value)
        except ValueError as err:
            raise InputError(f"{name} cannot be {value}", hint="from 1 to 1000") from err
    return limits


def _runs(segments: int) -> int:
    return max(3, min(40, _STAGE_RUNS // max(segments, 1)))


def _by_chance(usual: DurationOf, rng: random.Random) -> DurationOf:
    def duration(planned: PlannedVm, stage: Stage, sharing: int) -> Duration:
        plain = usual(planned, stage, sharing)
        factor = math.exp(rng.gauss(0.0, SPREAD))
        return Duration(plain.held_seconds * factor, plain.polling_seconds * factor)

    return duration


def _uses(timeline: Timeline, limits: Limits) -> tuple[Use, ...]:
    waited = waits(timeline)
    names = sorted(set(timeline.busy) | set(waited))
    found = (Use(name, _share(name, timeline, limits), waited.get(name, 0.0)) for name in names)
    return tuple(sorted(found, key=lambda use: (-use.share, use.limit)))


def _share(name: str, timeline: Timeline, limits: Limits) -> float:
    capacity = limits.of(Limit(name.partition(":")[0]))
    return timeline.busy.get(name, 0.0) / (capacity * timeline.end) if timeline.end else 0.0


def _bottleneck(uses: tuple[Use, ...], timeline: Timeline, limits: Limits) -> str:
    """The limit that VMs waited for most; `global` when stages hardly ever waited but every place was taken;
    "" when each VM went as fast as its own stages allow.
    """
    worst = max(uses, key=lambda use: use.waited_seconds, default=None)
    if worst is not None and worst.waited_seconds > 0 and worst.share > _BUSY_SHARE:
        return worst.limit
    most = timeline.most_holders.get(Limit.GLOBAL, 0)
    return Limit.GLOBAL.value if most >= limits.of(Limit.GLOBAL) and len(_vms(timeline)) > most else ""


def _vms(timeline: Timeline) -> set[str]:
    return {each.vm for each in timeline.segments}


def _assumptions(plan: ResolvedPlan, rates: Rates, transfers: Collection[TransferChoice]) -> tuple[str, ...]:
    unknown = sum(each.vm.committed_bytes is None for each in plan.vms)
    found = [f"each stage's duration varies by about {SPREAD:.0%}; gates are not waited for"]
    if unknown:
        found.append(f"{DATA_SHARE:.0%} of the disks of {unknown} VMs hold data (vCenter did not say)")
    found.append(f"data shrinks to {COMPRESSED_SHARE:.0%} when compressed")
    if early := sum(each.overlap for each in transfers):
        found.append(
            f"the disks of {early} of {counted(len(transfers), 'VM')} are uploaded while they are received, "
            "so their exports hold s3_upload, too (export_strategy)"
        )
    if not rates.measured:
        found.append("rates are documented defaults; run a first wave to measure this site's")
    return tuple(found)
