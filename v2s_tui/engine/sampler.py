"""Ten times a second: the progress numbers of all running stages become one immutable picture.

Rows of VMs in which nothing moves are the same objects as in the picture before, so a delta is found by
identity.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from v2s_tui.domain.execution.batch import BatchState
from v2s_tui.domain.execution.job import JobState
from v2s_tui.domain.execution.snapshot import (
    BatchSnapshot,
    BlockedBy,
    VmRow,
    counters_of,
    picture_of,
    row_of,
    wave_row,
)
from v2s_tui.domain.planning.stages import JobStatus
from v2s_tui.domain.ports import Clock
from v2s_tui.engine.leases import Leases
from v2s_tui.engine.vm_runner import VmRunner

_PACE_SHARE = 0.05


class Sampler:
    """Makes pictures of a running batch; on the event loop only."""

    def __init__(self, clock: Clock, leases: Leases) -> None:
        self._clock = clock
        self._leases = leases
        self._rows: dict[str, tuple[JobState, VmRow]] = {}

    def measure(self, runners: Iterable[VmRunner]) -> None:
        """Look at the progress numbers once."""
        now = self._clock.monotonic()
        for runner in runners:
            runner.meter.sample(runner.progress, now)

    def picture(self, state: BatchState, runners: Mapping[str, VmRunner]) -> BatchSnapshot:
        """The batch as it is now."""
        now = self._clock.now()
        blocked = self._leases.blocked()
        rows = tuple(
            self._row(job, runners.get(name), blocked.get(name), now) for name, job in state.jobs.items()
        )
        rate = sum(row.rate_bytes for row in rows)
        return replace(
            _still(state, now),
            vms=rows,
            limits=self._leases.rows(),
            waves=tuple(wave_row(wave, state.jobs) for wave in state.header.waves),
            counters=counters_of(state, rate),
            work_reserved_bytes=sum(self._leases.space.values()),
            eta_seconds=_remaining_seconds(state, rows, now),
            live=True,
        )

    def _row(self, job: JobState, runner: VmRunner | None, blocked: BlockedBy | None, now: datetime) -> VmRow:
        kept = self._rows.get(job.vm_name)
        moving = job.active or blocked is not None
        if kept is not None and kept[0] is job and not moving and kept[1].blocked_by is None:
            return kept[1]
        row = row_of(job, now)
        if runner is not None and moving:
            row = _live(row, runner, blocked)
        if kept is not None and kept[1] == row:
            row = kept[1]
        self._rows[job.vm_name] = (job, row)
        return row


def _still(state: BatchState, now: datetime) -> BatchSnapshot:
    """The parts of the picture that are not rows."""
    return picture_of(replace(state, jobs={}, header=replace(state.header, waves=())), now)


def _remaining_seconds(state: BatchState, rows: Sequence[VmRow], now: datetime) -> float | None:
    """What is left at the pace so far, by the share of all stages that is through; the forecast made at the
    start until there is a pace. None when nothing tells.
    """
    started, total = state.header.started_at, state.header.forecast.get("total")
    wanted = [row for row in rows if row.status is not JobStatus.SKIPPED]
    if started is None or not wanted:
        return None
    elapsed = (now - started).total_seconds()
    through = sum(1.0 if row.status.terminal else row.fraction for row in wanted) / len(wanted)
    if through >= _PACE_SHARE:
        return elapsed * (1 - through) / through
    return max(0.0, total - elapsed) if total is not None else None


def _live(row: VmRow, runner: VmRunner, blocked: BlockedBy | None) -> VmRow:
    progress, meter = runner.progress, runner.meter
    return replace(
        row,
        done_bytes=progress.done_bytes,
        total_bytes=progress.total_bytes,
        rate_bytes=meter.rate_bytes,
        eta_seconds=meter.eta_seconds(progress),
        stalled_seconds=meter.stalled_seconds,
        activity=progress.activity,
        waits_for=progress.waits_for,
        blocked_by=blocked,
    )
