"""How much of a batch's work is done: its stages weighed by what they really take.

Stages differ by a factor of a hundred, so counting them alike would promise an end in seconds while every VM
still waits for its import. A stage weighs what it took in this batch on average; until one was measured, what
was forecast at the start.
"""

from collections.abc import Iterable, Mapping, Sequence

from v2s_tui.domain.execution.batch import BatchState
from v2s_tui.domain.execution.job import JobState
from v2s_tui.domain.execution.snapshot import VmRow
from v2s_tui.domain.planning.stages import JobStatus, Stage

_UNKNOWN_SECONDS = 1.0
"""Weight of a stage that was neither forecast nor measured."""


def share_done(state: BatchState, rows: Sequence[VmRow]) -> float:
    """0.0 to 1.0; VMs that have stopped count as done, those that are skipped not at all."""
    work = _Work(_mean_seconds(state.jobs.values(), state.header.forecast))
    wanted = [row for row in rows if row.status is not JobStatus.SKIPPED]
    whole = sum(work.seconds(row.stages) for row in wanted)
    return sum(work.done_seconds(row) for row in wanted) / whole if whole else 0.0


def _mean_seconds(jobs: Iterable[JobState], forecast: Mapping[str, float]) -> dict[str, float]:
    measured: dict[str, list[float]] = {}
    for job in jobs:
        for stage, took in job.stage_timings.items():
            measured.setdefault(stage, []).append(took)
    return {**forecast, **{stage: sum(each) / len(each) for stage, each in measured.items()}}


class _Work:
    """Seconds of work; a batch has few different rows of stages, so each is added up once."""

    def __init__(self, mean_seconds: Mapping[str, float]) -> None:
        self._mean_seconds = mean_seconds
        self._sums: dict[tuple[Stage, ...], float] = {}

    def seconds(self, stages: tuple[Stage, ...]) -> float:
        if stages not in self._sums:
            self._sums[stages] = sum(self._mean_seconds.get(each, _UNKNOWN_SECONDS) for each in stages)
        return self._sums[stages]

    def done_seconds(self, row: VmRow) -> float:
        """Completed stages, and the share of the running one where it counts bytes."""
        if row.status.terminal:
            return self.seconds(row.stages)
        running = min(1.0, row.done_bytes / row.total_bytes) if row.stage and row.total_bytes else 0.0
        part = running * self.seconds((row.stage,)) if row.stage else 0.0
        return self.seconds(row.completed) + part
