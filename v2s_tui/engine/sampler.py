"""Ten times a second: the progress numbers of all running stages become one immutable picture.

Rows of VMs in which nothing moves are the same objects as in the picture before, so a delta is found by
identity.
"""

from collections.abc import Iterable, Mapping
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
    power_ahead,
    row_of,
    wave_row,
)
from v2s_tui.domain.execution.work_done import share_done
from v2s_tui.domain.ports import Clock
from v2s_tui.engine.leases import Leases
from v2s_tui.engine.pace import Pace
from v2s_tui.engine.vm_runner import VmRunner


class Sampler:
    """Makes pictures of a running batch; on the event loop only."""

    def __init__(self, clock: Clock, leases: Leases) -> None:
        self._clock = clock
        self._leases = leases
        self._rows: dict[str, tuple[JobState, VmRow]] = {}
        self._pace = Pace()

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
        eta_seconds = self._pace.remaining_seconds(
            share_done(state, rows),
            self._clock.monotonic(),
            moving=bool(runners),
            forecast_seconds=state.header.forecast.get("total"),
        )
        return replace(
            _still(state, now),
            vms=rows,
            limits=self._leases.rows(),
            waves=tuple(wave_row(wave, state.jobs) for wave in state.header.waves),
            power_ahead=power_ahead(state),
            counters=counters_of(state, rate),
            work_reserved_bytes=sum(self._leases.space.values()),
            eta_seconds=eta_seconds,
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
