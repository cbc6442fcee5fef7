"""How a batch reads in a list: `batch list` and the Batches screen."""

from dataclasses import dataclass
from datetime import datetime

from v2s_tui.domain.units import format_duration
from v2s_tui.presentation.columns import Column


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """One batch of the work folder. live: a runner works on it. seconds: from start to end or until now."""

    batch_id: str
    status: str
    plan_path: str
    started_at: datetime | None
    seconds: float
    wave: str
    total: int
    complete: int
    failed: int
    pending: int
    live: bool
    note: str = ""


BATCH_COLUMNS: tuple[Column[BatchSummary], ...] = (
    Column("batch", "Batch", 9, lambda row: row.batch_id),
    Column("status", "Status", 9, lambda row: row.status),
    Column("live", "Runner", 7, lambda row: "running" if row.live else "-"),
    Column("started", "Started", 16,
           lambda row: f"{row.started_at.astimezone():%Y-%m-%d %H:%M}" if row.started_at else "-"),
    Column("duration", "Lasted", 8, lambda row: format_duration(row.seconds),
           lambda row: row.seconds, right=True),
    Column("vms", "Done", 9, lambda row: f"{row.complete}/{row.total}", lambda row: row.complete, right=True),
    Column("failed", "Failed", 6, lambda row: str(row.failed), lambda row: row.failed, right=True),
    Column("wave", "Wave", 14, lambda row: row.wave, important=False),
    Column("plan", "Plan", 30, lambda row: row.plan_path, important=False),
    Column("note", "Note", 24, lambda row: row.note, important=False),
)  # fmt: skip
