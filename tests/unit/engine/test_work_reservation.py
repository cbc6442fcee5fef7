"""A batch never fills its work disk by its own doing, holds no space it will not write, and resumes so."""

import random
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from fakes.plans import plan_of, vm_named
from fakes.rig import Rig
from fakes.world import ProcessDied
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from v2s_tui.domain.execution.artifacts import Artifacts, DiskArtifacts, FileEvidence
from v2s_tui.domain.execution.work_space import GUEST_CHANGES_BYTES, later_work_bytes, peak_work_bytes
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.planning.stages import JobStatus, Stage
from v2s_tui.domain.source.vm import Disk
from v2s_tui.domain.units import GIB, MIB
from v2s_tui.engine import work_disk
from v2s_tui.engine.stage_contract import Ports, StageContext, StageEvidence, StageInput


class SmallDisk:
    """A work disk of so many bytes: files by VM folder and name. full: whoever found no room. peak: most
    VMs that had files at one time.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.files: dict[tuple[str, str], int] = {}
        self.full: list[str] = []
        self.together = 0
        self._lock = threading.Lock()

    def free(self, _folder: Path) -> int:
        with self._lock:
            return self.capacity - sum(self.files.values())

    def used(self, folder: Path) -> int:
        with self._lock:
            return sum(size for (vm, _), size in self.files.items() if vm == folder.name)

    def write(self, folder: Path, name: str, size: int) -> None:
        with self._lock:
            self.files[folder.name, name] = size
            self.together = max(self.together, len({vm for vm, _ in self.files}))
            if sum(self.files.values()) > self.capacity:
                self.full.append(f"{folder.name}/{name}")

    def remove(self, folder: Path, *names: str) -> None:
        with self._lock:
            for key in list(self.files):
                if key[0] == folder.name and (not names or key[1] in names):
                    del self.files[key]


class Bench:
    """A batch whose stages write to a SmallDisk. shares: of its data that each VM's base really takes."""

    def __init__(self, folder: Path, sizes_gib: Sequence[int], shares: Sequence[float], spare: float) -> None:
        vms = [
            replace(
                vm_named(f"vm-{index}"),
                disks=(Disk(2000, "Hard disk 1", size * GIB),),
                committed_bytes=size * GIB,
            )
            for index, size in enumerate(sizes_gib)
        ]
        plan = plan_of([("all", vms, PausePolicy.CONTINUE)])
        plan = replace(plan, vms=tuple(replace(each, adapt=True, rehearse="off") for each in plan.vms))
        self.shares = dict(zip((each.name for each in plan.vms), shares, strict=True))
        peaks = [peak_work_bytes(each) for each in plan.vms]
        self.disk = SmallDisk(max(peaks) + int(spare * (sum(peaks) - max(peaks))))
        stages = dict.fromkeys(Stage, self.nothing)
        stages |= {Stage.EXPORT: self.export, Stage.ADAPT_GUEST: self.adapt, Stage.UPLOAD_S3: self.upload}
        stages[Stage.CLEANUP] = self.cleanup
        self.rig = Rig(plan, folder, stages=stages, evidence={Stage.EXPORT: self.export_holds})
        self.rig.settings = replace(self.rig.settings, used_bytes=self.disk.used)
        self.rig.disks.free_bytes = self.disk.free  # type: ignore[method-assign]

    def grow(self, task: StageInput, name: str, size: int) -> None:
        for step in range(1, 5):
            if self.rig.world.dead:
                raise ProcessDied
            self.disk.write(task.work_dir, name, size * step // 4)

    def nothing(self, task: StageInput, _context: StageContext) -> Artifacts:
        return task.artifacts

    def export(self, task: StageInput, context: StageContext) -> Artifacts:
        """All of a VM's data, as far as it compresses; what an earlier run left is written over."""
        self.disk.remove(task.work_dir)
        size = int(task.planned.vm.disks[0].capacity_bytes * self.shares[task.planned.name])
        self.grow(task, "base", size)
        context.pause(0)
        base = DiskArtifacts(0, 2000, size, base=FileEvidence("base", size))
        return task.artifacts.with_disk(base)

    def adapt(self, task: StageInput, _context: StageContext) -> Artifacts:
        self.grow(task, "overlay", GUEST_CHANGES_BYTES)
        return task.artifacts

    def upload(self, task: StageInput, _context: StageContext) -> Artifacts:
        self.grow(task, "finished", later_work_bytes(task.planned) - GUEST_CHANGES_BYTES)
        self.disk.remove(task.work_dir, "finished")
        return task.artifacts

    def cleanup(self, task: StageInput, _context: StageContext) -> Artifacts:
        self.disk.remove(task.work_dir)
        return task.artifacts

    def export_holds(self, task: StageInput, _ports: Ports) -> StageEvidence:
        return StageEvidence((task.work_dir.name, "base") in self.disk.files, ())

    def statuses(self) -> set[JobStatus]:
        return {job.status for job in self.rig.state.jobs.values()}


@pytest.fixture(autouse=True)
def _look_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_disk, "_LOOK_EVERY_SECONDS", 0.0)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    vms=st.lists(st.tuples(st.integers(1, 60), st.floats(0.05, 1.0)), min_size=1, max_size=6),
    spare=st.floats(0.0, 1.0),
    deaths=st.lists(st.integers(1, 40), max_size=3),
    seed=st.none() | st.integers(0, 1000),
)
def test_the_disk_is_never_full_whatever_compresses_and_dies(
    vms: list[tuple[int, float]], spare: float, deaths: list[int], seed: int | None
) -> None:
    """seed: files are lost between runs, too. Who must read its disks again waits for the space that takes,
    and is refused where the files of the others leave none; without a loss all arrive.
    """
    chance = random.Random(seed)
    with TemporaryDirectory() as folder:
        bench = Bench(Path(folder), *zip(*vms, strict=True), spare)
        for commits in deaths:
            bench.rig.run_until_death(commits)
            for key in list(bench.disk.files):
                if seed is not None and chance.random() < 0.3:
                    del bench.disk.files[key]
        bench.rig.run(retry_failed=True)
        assert bench.disk.full == []
        refused = [job.error for job in bench.rig.state.jobs.values() if job.status is JobStatus.FAILED]
        assert seed is not None or refused == []
        assert all("of work space" in error for error in refused)
        assert bench.statuses() <= {JobStatus.COMPLETE, JobStatus.FAILED}
        assert refused or bench.disk.files == {}


def test_the_next_vm_starts_once_the_disks_of_the_one_before_are_here(tmp_path: Path) -> None:
    """The disk holds one VM at its peak, or two that compress to a tenth."""
    bench = Bench(tmp_path, (100, 100), (0.1, 0.1), 0.15)
    second_began = threading.Event()

    def verify(task: StageInput, _context: StageContext) -> Artifacts:
        assert second_began.wait(20), "the second VM waited for the end of the first"
        return task.artifacts

    def validate(task: StageInput, _context: StageContext) -> Artifacts:
        if bench.disk.files:
            second_began.set()
        return task.artifacts

    bench.rig.stages = {**bench.rig.stages, Stage.VERIFY: verify, Stage.VALIDATE: validate}
    bench.rig.run()
    assert bench.disk.together == 2
    assert bench.disk.full == []


def test_a_resumed_vm_asks_for_what_it_held(tmp_path: Path) -> None:
    """The disk has no room for the peak any more once it holds the base, and needs none."""
    bench = Bench(tmp_path, (100,), (0.5,), 0.0)
    bench.rig.run_until_death(_commits_until(bench, "stage_ended", Stage.EXPORT))
    bench.disk.capacity = bench.disk.used(_folder(bench)) + later_work_bytes(_only(bench)) + MIB
    bench.rig.run()
    assert bench.statuses() == {JobStatus.COMPLETE}
    assert bench.disk.full == []


def test_a_vm_whose_base_is_gone_waits_for_its_whole_peak_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, (100,), (0.5,), 0.0)
    bench.rig.run_until_death(_commits_until(bench, "stage_ended", Stage.EXPORT))
    bench.disk.remove(_folder(bench))
    bench.disk.capacity = peak_work_bytes(_only(bench)) - MIB
    bench.rig.run()
    (job,) = bench.rig.state.jobs.values()
    assert job.status is JobStatus.FAILED
    assert "of work space" in job.error
    assert bench.disk.files == {}


def _only(bench: Bench) -> PlannedVm:
    return bench.rig.plan.vms[0]


def _folder(bench: Bench) -> Path:
    (job,) = bench.rig.state.jobs.values()
    return bench.rig.work_dir / job.migration_id


def _commits_until(bench: Bench, kind: str, stage: Stage) -> int:
    """How many commits a run needs until this has happened: of a twin of the bench, which runs to its end."""
    twin = Bench(bench.rig.work_dir, (100,), (0.5,), 0.0)
    twin.rig.run()
    seen = [(each.kind, getattr(each, "stage", None)) for each in twin.rig.events]
    return seen.index((kind, stage)) + 1
