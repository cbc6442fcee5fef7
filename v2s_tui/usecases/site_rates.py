"""How fast this site was in earlier batches, for forecasts to calibrate themselves on."""

import contextlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from v2s_tui.adapters.store import reading
from v2s_tui.domain.errors import StateError
from v2s_tui.domain.execution.batch import BatchState
from v2s_tui.domain.execution.job import JobState
from v2s_tui.domain.planning.rates import Rates, Sample, measured_rates
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.usecases.services import Services

RECENT_BATCHES = 5
"""Older ones say little about today's network and storage."""


def site_rates(services: Services) -> Rates:
    """Rates measured in the most recent batches of this work folder; documented defaults where none ran."""
    return _rates(services.work_dir, tuple(sorted(_written(services.state_dir))))


def _written(folder: Path) -> Iterator[tuple[str, int]]:
    for each in folder.glob("batch-*"):
        with contextlib.suppress(FileNotFoundError):  # a runner has just begun its next journal
            yield each.name, each.stat().st_mtime_ns


@lru_cache(maxsize=1)
def _rates(work_dir: Path, written: tuple[tuple[str, int], ...]) -> Rates:
    """Read again only when a state file was written: the app asks at every edit."""
    return Rates(measured=measured_rates(_samples(work_dir)) if written else {})


def _samples(work_dir: Path) -> Iterator[Sample]:
    listed = [each for each in reading.list_batches(work_dir) if each.header is not None]
    for each in listed[:RECENT_BATCHES]:
        try:
            yield from samples_of(reading.read_batch(each.path))
        except StateError:
            continue  # a batch that cannot be read any more measures nothing; `batch list` says why


def samples_of(state: BatchState) -> Iterator[Sample]:
    """Every stage of the batch that moved bytes and succeeded."""
    for job in state.jobs.values():
        for stage, moved_bytes in job.stage_bytes.items():
            seconds = job.stage_timings.get(stage)
            if seconds:
                yield Sample(stage, job.esxi_host, _over_one_wire(job, stage, moved_bytes), seconds)


def _over_one_wire(job: JobState, stage: str, moved_bytes: int) -> int:
    """An export that uploads meanwhile moved bytes both ways; its rate is that of the source's stream."""
    received = sum(disk.received_bytes for disk in job.artifacts.disks)
    return min(moved_bytes, received) if stage == Stage.EXPORT and received else moved_bytes
