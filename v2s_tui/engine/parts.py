"""What every VM's runner shares with its batch's runner."""

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from v2s_tui.domain.execution.work_space import work_bytes_then
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.domain.ports import Clock
from v2s_tui.engine.leases import Leases
from v2s_tui.engine.recorder import Recorder
from v2s_tui.engine.settings import RunnerSettings
from v2s_tui.engine.shared_work import SharedWork
from v2s_tui.engine.stage_contract import EvidenceFunction, Ports, StageFunction, StageInput
from v2s_tui.engine.workers import Workers


def _nobody_cares(_vm_name: str) -> None:
    """No one has to be told."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The machinery of one batch.

    giving_up: run once when a VM has failed for good or is cancelled. failed: told the name of a VM that has
    failed, before its place in the wave is given to another.
    """

    recorder: Recorder
    leases: Leases
    workers: Workers
    ports: Ports
    stages: Mapping[Stage, StageFunction]
    evidence: Mapping[Stage, EvidenceFunction]
    settings: RunnerSettings
    clock: Clock
    giving_up: StageFunction | None = None
    failed: Callable[[str], None] = _nobody_cares
    shared: SharedWork = field(default_factory=SharedWork)
    counter: Iterator[int] = field(default_factory=itertools.count)

    def next_sequence(self) -> int:
        """The order of asking for limits."""
        return next(self.counter)

    def work_bytes_left(self, vm_name: str, dropped: Collection[Stage] = ()) -> int:
        """What the VM will still write to the work disk at its peak. dropped: completed stages that it must
        run again.
        """
        state, job = self.recorder.state, self.recorder.state.jobs[vm_name]
        planned = state.planned[vm_name]
        most = work_bytes_then(
            planned,
            set(job.completed_stages) - set(dropped),
            peak_bytes=self.settings.work_bytes(planned),
            base_bytes=sum(disk.base.size_bytes for disk in job.artifacts.disks if disk.base),
        )
        if most is None:
            return 0
        return max(0, most - self.settings.used_bytes(self.settings.work_dir / job.migration_id))

    def stage_input(self, vm_name: str) -> StageInput:
        """What a stage of this VM works on now; its folder is made."""
        state = self.recorder.state
        job = state.jobs[vm_name]
        folder = self.settings.work_dir / job.migration_id
        folder.mkdir(parents=True, exist_ok=True)
        return StageInput(
            batch_id=state.header.batch_id,
            planned=state.planned[vm_name],
            artifacts=job.artifacts,
            work_dir=folder,
            settings=self.settings.stage,
        )
