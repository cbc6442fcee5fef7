"""Crash campaign: the whole batch logic, with the real stage functions, against a world in memory.

Every prefix of the journal is a crash. Whatever the plan and wherever the runner dies, the batch converges:
each VM is completed once, nothing is duplicated or left behind, no effect is without a ledger entry, no limit
is ever exceeded, nothing hangs.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from fakes.plans import plan_of, vm_named
from fakes.rig import Rig
from fakes.world import World, failing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from v2s_tui.domain.errors import LeaseFailed, RateLimited, StorageUnavailable
from v2s_tui.domain.execution.artifacts import Artifacts
from v2s_tui.domain.execution.batch import BatchStatus
from v2s_tui.domain.execution.ledger import EffectState
from v2s_tui.domain.planning.limits import Limit
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.resolved import ResolvedPlan
from v2s_tui.domain.planning.stages import LIMITS_OF_STAGE, JobStatus, Stage
from v2s_tui.engine.stage_contract import StageContext, StageFunction, StageInput
from v2s_tui.engine.stages.registry import EVIDENCE, STAGES

KINDS = ("block_snapshot", "volume", "image", "ip", "instance", "private_nic")


class LimitWatch:
    """Counts how many stages really run at once under each limit; polling gives the limit back."""

    def __init__(self, plan: ResolvedPlan) -> None:
        self._limits = plan.limits
        self._now: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.broken: list[str] = []

    def wrapped(self, stages: Mapping[Stage, StageFunction]) -> dict[Stage, StageFunction]:
        """The same stages, watched."""
        return {stage: self._watched(stage, function) for stage, function in stages.items()}

    def _watched(self, stage: Stage, function: StageFunction) -> StageFunction:
        def run(task: StageInput, context: StageContext) -> Artifacts:
            names = {
                f"{limit.value}:{task.planned.vm.host}" if limit is Limit.PER_ESXI_HOST else limit.value
                for limit in LIMITS_OF_STAGE[stage]
            }
            polling = context.polling

            def watched_polling(waits_for: str):
                return _Outside(self, names, polling(waits_for))

            context.polling = watched_polling  # type: ignore[method-assign]
            self.count(names, 1)
            try:
                return function(task, context)
            finally:
                self.count(names, -1)

        return run

    def count(self, names: set[str], step: int) -> None:
        """A stage begins or ends using its limits."""
        with self._lock:
            for name in names:
                self._now[name] += step
                if self._now[name] > self._limits.of(Limit(name.partition(":")[0])):
                    self.broken.append(name)


class _Outside:
    """`polling`, counted."""

    def __init__(self, watch: LimitWatch, names: set[str], inner) -> None:
        self._watch, self._names, self._inner = watch, names, inner

    def __enter__(self) -> None:
        self._watch.count(self._names, -1)
        self._inner.__enter__()

    def __exit__(self, *error: object) -> None:
        try:
            self._inner.__exit__(*error)
        finally:
            self._watch.count(self._names, 1)


def _rig(plan: ResolvedPlan, folder: Path) -> tuple[Rig, LimitWatch]:
    watch = LimitWatch(plan)
    rig = Rig(plan, folder, stages=watch.wrapped(STAGES), evidence=dict(EVIDENCE))
    return rig, watch


def _check_ledger(rig: Rig) -> None:
    """Whatever exists outside is known to the ledger."""
    effects = rig.state.effects.values()
    known = {each.resource_id for each in effects} | {each.tag for each in effects}
    for (kind, resource_id), resource in rig.cloud.resources.items():
        intended = {each.tag for each in effects if each.kind.value == kind}
        assert resource_id in known or intended & {resource.name, *resource.tags}, f"{kind} {resource.name}"
    for moref, (_, name) in rig.source.snapshots.items():
        assert {moref, name} & known
    for _, key in [*rig.objects.objects, *rig.objects.uploads.values()]:
        assert key in known


def _check_converged(rig: Rig, watch: LimitWatch) -> None:
    assert {job.status for job in rig.state.jobs.values()} == {JobStatus.COMPLETE}
    assert rig.state.header.status is BatchStatus.COMPLETE
    completed = Counter(each.vm for each in rig.events if each.kind == "vm_completed")  # type: ignore[attr-defined]
    assert set(completed.values()) == {1}
    assert rig.leftovers() == []
    assert rig.duplicates() == {}
    assert watch.broken == []
    count = len(rig.plan.vms)
    assert len(rig.cloud.of_kind("instance")) == count
    disks = sum(len(each.vm.disks) for each in rig.plan.vms)
    assert len(rig.cloud.of_kind("volume")) == disks
    open_effects = [each for each in rig.state.effects.values() if each.state is EffectState.INTENDED]
    assert open_effects == []


def _small_plan() -> ResolvedPlan:
    return plan_of(
        [
            ("canary", [vm_named("web-01", disks=2)], PausePolicy.PAUSE),
            (
                "rest",
                [vm_named("db-01"), vm_named("win-01", guest_id="windows2019srv_64Guest")],
                PausePolicy.CONTINUE,
            ),
        ],
        limits={"global": 2, "disk_io": 1, "scw_api": 1},
    )


def _commits_of_a_quiet_run(folder: Path) -> int:
    rig, watch = _rig(_small_plan(), folder)
    rig.run()
    _check_converged(rig, watch)
    return rig.store.commits


def test_every_prefix_of_the_journal_is_a_crash_that_converges(tmp_path: Path) -> None:
    commits = _commits_of_a_quiet_run(tmp_path / "quiet")
    assert commits > 60
    for die_at in range(commits):
        rig, watch = _rig(_small_plan(), tmp_path / str(die_at))
        rig.run_until_death(die_at, retry_failed=True)
        _check_ledger(rig)
        rig.run(retry_failed=True)
        _check_converged(rig, watch)
    print(f"{commits} crashes, one at each commit: nothing lost, duplicated or left behind")


def _plans() -> st.SearchStrategy[ResolvedPlan]:
    def build(
        shape: list[list[tuple[int, int]]], policies: list[PausePolicy], limits: dict[str, int]
    ) -> ResolvedPlan:
        waves = [
            (
                f"wave-{at}",
                [
                    vm_named(f"vm-{at}-{number}", host=f"esxi-{host}", disks=disks)
                    for number, (host, disks) in enumerate(vms)
                ],
                policies[at % len(policies)],
            )
            for at, vms in enumerate(shape)
        ]
        return plan_of(waves, limits=limits)

    one_vm = st.tuples(st.integers(0, 2), st.integers(1, 3))
    shape = st.lists(st.lists(one_vm, max_size=10), min_size=1, max_size=3).filter(any)
    limits = st.fixed_dictionaries(
        {name: st.integers(1, 4) for name in ("per_esxi_host", "disk_io", "s3_upload", "scw_api", "global")}
    )
    return st.builds(
        build, shape, st.lists(st.sampled_from(list(PausePolicy)), min_size=1, max_size=3), limits
    )


@pytest.mark.timeout(120)
@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    plan=_plans(),
    deaths=st.lists(st.integers(0, 400), max_size=4),
    lost=st.sampled_from(["", "answers", "flaky"]),
)
def test_generated_plans_converge_through_crashes_and_faults(
    plan: ResolvedPlan, deaths: list[int], lost: str
) -> None:
    with TemporaryDirectory() as folder:
        rig, watch = _rig(plan, Path(folder))
        rig.world.rules += _faults(rig.world, lost)
        for commits in deaths:
            if not rig.run_until_death(commits, retry_failed=True):
                break
            _check_ledger(rig)
        rig.run(retry_failed=True)
        rig.run(retry_failed=True)
        _check_converged(rig, watch)


def _faults(world: World, kind: str) -> list:  # type: ignore[type-arg]
    """answers: creates succeed while their answer is lost. flaky: transient failures before the work."""
    if kind == "answers":
        return [
            failing(f"create_{each}", RateLimited("no answer"), phase="after", times=2)
            for each in ("volume", "image", "instance", "ip", "snapshot")
        ] + [failing("import_snapshot", RateLimited("no answer"), phase="after", times=2)]
    if kind == "flaky":
        return [
            failing("receive", LeaseFailed("the stream was cut"), times=3),
            failing("upload_file", StorageUnavailable("503"), times=3),
            failing("get", RateLimited("429"), times=5),
        ]
    return []
