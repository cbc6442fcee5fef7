"""What ran in this work folder: list, one batch's picture."""

from datetime import datetime
from pathlib import Path

from v2s_tui.adapters.store import reading
from v2s_tui.domain.errors import StateError
from v2s_tui.domain.execution.batch import BatchHeader, BatchState
from v2s_tui.domain.execution.snapshot import BatchSnapshot, picture_of
from v2s_tui.engine.attach import BlockingRunnerClient, living_runner
from v2s_tui.presentation.batch_columns import BatchSummary
from v2s_tui.system.locks import is_locked, lock_path
from v2s_tui.usecases.services import Services


def list_batches(services: Services) -> list[BatchSummary]:
    """Every batch, newest first; one that cannot be read says why in its note."""
    now = services.clock.now()
    return [_summary(listed, now) for listed in reading.list_batches(services.work_dir)]


def _summary(listed: reading.ListedBatch, now: datetime) -> BatchSummary:
    header = listed.header
    if header is None:
        name = listed.path.stem.removeprefix("batch-")
        return BatchSummary(
            name, "unreadable", "", None, 0.0, "", 0, 0, 0, 0, live=False, note=listed.problem
        )
    started, live = header.started_at, is_locked(lock_path(listed.path))
    end = header.completed_at or now
    return BatchSummary(
        batch_id=header.batch_id,
        status=header.status.value,
        plan_path=header.plan_path,
        started_at=started,
        seconds=(end - started).total_seconds() if started else 0.0,
        wave=_wave_name(header),
        total=listed.total,
        complete=listed.complete,
        failed=listed.failed,
        pending=listed.total - listed.complete - listed.failed,
        live=live,
        note=f"gate after {header.gate.wave}" if header.gate else "",
    )


def _wave_name(header: BatchHeader) -> str:
    if header.completed_at or not header.waves:
        return ""
    return header.waves[min(header.current_wave, len(header.waves) - 1)].name


def batch_path(services: Services, batch_id: str | None) -> Path:
    """State file of that batch, or of the newest; StateError when there is none."""
    if batch_id is not None:
        path = reading.state_path(services.work_dir, batch_id)
        if not path.exists():
            raise StateError(f"there is no batch {batch_id}", hint="`v2s batch list` shows what there is")
        return path
    listed = [each for each in reading.list_batches(services.work_dir) if each.header is not None]
    if not listed:
        raise StateError(f"no batch ran in {services.work_dir}", hint="`v2s --run plan.yaml` starts one")
    return listed[0].path


def running_path(services: Services, batch_id: str | None, *, to_command: bool) -> Path:
    """State file of that batch; without an id of the only one that runs, else of the newest.

    Raises StateError as `batch_path` does, and where a command could be meant for several running batches: it
    may open a gate.
    """
    if batch_id is not None:
        return batch_path(services, batch_id)
    running = [
        each.path for each in reading.list_batches(services.work_dir) if is_locked(lock_path(each.path))
    ]
    if len(running) > 1 and to_command:
        names = ", ".join(path.stem.removeprefix("batch-") for path in running)
        raise StateError(f"{len(running)} batches run: {names}", hint="--batch-id ID says which one you mean")
    return running[0] if running else batch_path(services, None)


def read_batch(services: Services, batch_id: str | None) -> BatchState:
    """The record of that batch, or of the newest. Lock-free; raises StateError."""
    return reading.read_batch(batch_path(services, batch_id))


def batch_picture(services: Services, batch_id: str | None) -> BatchSnapshot:
    """The picture from the record alone (a live one comes from the runner's socket)."""
    return picture_of(read_batch(services, batch_id), services.clock.now())


def live_picture(services: Services, batch_id: str | None) -> BatchSnapshot:
    """The picture from the running runner, else from the record. Raises StateError for one that hangs."""
    path = batch_path(services, batch_id)
    if living_runner(path) is not None:
        client = None
        try:
            client = BlockingRunnerClient(path, origin="batch status", watch=True)
            for picture in client.snapshots():
                return picture
        except StateError as err:
            if isinstance(err.__cause__, TimeoutError):
                raise
            # The runner left between the look at its lock and the connection: the record tells the rest.
        finally:
            if client is not None:
                client.close()
    return batch_picture(services, batch_id)
