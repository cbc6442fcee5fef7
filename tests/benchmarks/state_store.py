"""What a state transition costs: our journalled store against stock TinyDB, and a whole batch of no-op
stages.

    .venv/bin/python tests/benchmarks/state_store.py [--vms 1000] [--flight 300]

CPU time is what counts (the machine is shared); the ratio is of the same run.
"""

import argparse
import asyncio
import itertools
import resource
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from tinydb import TinyDB
from tinydb.storages import JSONStorage

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fakes.plans import batch_of, plan_of, vm_named
from fakes.rig import Rig
from fakes.stages import STAGES

from v2s_tui.adapters.store.batch_state import BatchStateFile
from v2s_tui.adapters.store.journal_storage import JournalStorage
from v2s_tui.adapters.store.reading import read_batch
from v2s_tui.domain.execution import events
from v2s_tui.domain.execution.batch import BatchState
from v2s_tui.domain.execution.documents import all_changes
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.engine.recorder import Recorder


def _batch(count: int) -> BatchState:
    vms = [vm_named(f"vm-{number:05d}", host=f"esxi-{number % 20:02d}", disks=2) for number in range(count)]
    return batch_of(plan_of([("all", vms, PausePolicy.CONTINUE)]))


def _transition(state: BatchState, number: int) -> events.StageEnded:
    name = list(state.jobs)[number % len(state.jobs)]
    stage = list(Stage)[number % len(Stage)]
    return events.StageEnded(
        at=state.header.created_at, vm=name, stage=stage, artifacts=state.jobs[name].artifacts, seconds=1.0
    )


def stock(batch: BatchState, folder: Path, transitions: int) -> float:
    """CPU milliseconds for one update with stock TinyDB and JSONStorage (fsync'd, whole file each time)."""
    database = TinyDB(folder / "stock.json", storage=JSONStorage)
    documents: dict[str, dict[int, Any]] = {}
    for change in all_changes(batch):
        documents.setdefault(change.table, {})[change.id] = change.document
    database.storage.write(
        {name: {str(key): value for key, value in table.items()} for name, table in documents.items()}
    )
    began = time.process_time()
    for number in range(transitions):
        database.table("jobs").update({"status": "exporting"}, doc_ids=[1 + number % len(batch.jobs)])
    used = time.process_time() - began
    database.close()
    return used / transitions * 1000


def ours(batch: BatchState, folder: Path, transitions: int) -> tuple[float, float]:
    """CPU and wall milliseconds for one acknowledged transition: event, state, document, journal, sync."""
    store = BatchStateFile.create(folder, batch)
    recorder = Recorder(store)
    prepared = [_transition(batch, number) for number in range(transitions)]
    began, wall = time.process_time(), time.perf_counter()
    for event in prepared:
        recorder.record_and_wait(event)
    used, waited = time.process_time() - began, time.perf_counter() - wall
    store.close()
    return used / transitions * 1000, waited / transitions * 1000


def compaction_and_reading(batch: BatchState, folder: Path) -> tuple[float, float]:
    """CPU milliseconds to compact, and to read the whole batch without a lock."""
    store = BatchStateFile.create(folder, batch)
    store.close()
    storage = JournalStorage(store.path)
    began = time.process_time()
    storage.compact()
    compacting = time.process_time() - began
    storage.close()
    began = time.process_time()
    read_batch(store.path)
    return compacting * 1000, (time.process_time() - began) * 1000


def flight(count: int, folder: Path) -> None:
    """A whole batch through the engine with short fake stages, over the real state file."""
    vms = [vm_named(f"vm-{number:05d}", host=f"esxi-{number % 20:02d}") for number in range(count)]
    plan = plan_of([("all", vms, PausePolicy.CONTINUE)])
    rig = Rig(plan, folder / "work", stages=dict(STAGES))
    rig.settings = replace(rig.settings, sample_seconds=0.1)
    store = BatchStateFile.create(folder, replace(batch_of(plan)))
    rig.store = store  # type: ignore[assignment]
    lags: list[float] = []
    runner = rig.runner()
    runner.on_picture = lambda picture: lags.append(picture.lag_seconds)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, wall = time.process_time(), time.perf_counter()
    outcome = asyncio.run(runner.run())
    used, waited = time.process_time() - began, time.perf_counter() - wall
    store.close()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lags.sort()
    p99 = lags[int(len(lags) * 0.99)] if lags else 0.0
    print(
        f"flight of {count} VMs: {outcome.complete} complete, {used / count * 1000:.1f} ms CPU a VM "
        f"({len(rig.events)} events, {used / len(rig.events) * 1000:.2f} ms an event), wall {waited:.1f} s, "
        f"loop lag p99 {p99 * 1000:.0f} ms, peak memory {after / 1024:.0f} MB (before {before / 1024:.0f} MB)"
    )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vms", type=int, default=1000)
    parser.add_argument("--transitions", type=int, default=500)
    parser.add_argument("--flight", type=int, default=300)
    options = parser.parse_args()
    folders = (Path(tempfile.mkdtemp()) for _ in itertools.count())
    batch = _batch(options.vms)
    alternative = stock(batch, next(folders), 20)
    cpu, wall = ours(batch, next(folders), options.transitions)
    compacting, reading = compaction_and_reading(batch, next(folders))
    print(
        f"{options.vms} VMs: stock TinyDB {alternative:.1f} ms CPU an update, "
        f"ours {cpu:.3f} ms ({wall:.3f} ms wall)"
    )
    print(
        f"ratio {alternative / cpu:.0f}x; compaction {compacting:.0f} ms, lock-free read {reading:.0f} ms CPU"
    )
    if options.flight:
        folder = next(folders)
        flight(options.flight, folder)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
