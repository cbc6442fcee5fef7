"""How a run ended, and the exit code that says so (DESIGN section 2)."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from v2s_tui.domain.execution.batch import BatchState, BatchStatus
from v2s_tui.domain.planning.stages import JobStatus


class Stop(StrEnum):
    """Why a runner left before the end."""

    GATE = "gate"
    HOLD = "hold"
    WINDOW = "window"
    ABORT = "abort"
    SIGTERM = "SIGTERM"
    SIGINT = "SIGINT"


class Stopped(Exception):
    """Carries the reason out of the waves."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(stop.value)
        self.stop = stop


_NEEDS_OPERATOR = {Stop.GATE, Stop.HOLD, Stop.WINDOW}


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """stopped: None when every wave is through. reason: of the closed gate, "" none."""

    batch_id: str
    status: BatchStatus
    stopped: Stop | None
    total: int
    complete: int
    failed: int
    pending: int
    state_path: Path
    reason: str = ""


def outcome_of(state: BatchState, stopped: Stop | None, state_path: Path) -> BatchOutcome:
    """The outcome of a run that left the batch in this state."""
    statuses = [job.status for job in state.jobs.values()]
    return BatchOutcome(
        batch_id=state.header.batch_id,
        status=state.header.status,
        stopped=stopped,
        total=len(statuses),
        complete=statuses.count(JobStatus.COMPLETE),
        failed=statuses.count(JobStatus.FAILED) + statuses.count(JobStatus.CANCELLED),
        pending=sum(not status.terminal for status in statuses),
        state_path=state_path,
        reason=state.header.gate.reason if state.header.gate else "",
    )


def exit_code(outcome: BatchOutcome) -> int:
    """0 all done, 1 a VM is not, 3 stopped at a gate, 130 interrupted."""
    if outcome.stopped in _NEEDS_OPERATOR:
        return 3
    if outcome.stopped is not None:
        return 130
    return 0 if outcome.status is BatchStatus.COMPLETE else 1
