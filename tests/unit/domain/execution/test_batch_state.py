"""A batch is a function of its events; what is written comes back; complete VMs stay complete."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fakes.plans import batch_of, plan_of, vm_named
from fakes.rig import ALICE, Rig
from fakes.source import MADE_AT
from fakes.world import failing
from hypothesis import given
from hypothesis import strategies as st

from v2s_tui.domain.errors import LeaseFailed, StateError, ToolError
from v2s_tui.domain.execution import events
from v2s_tui.domain.execution.batch import BatchState, BatchStatus, final_status, gate_reason
from v2s_tui.domain.execution.batch_transitions import apply
from v2s_tui.domain.execution.documents import all_changes, batch_from, changes
from v2s_tui.domain.execution.events import event_from_json, event_to_json
from v2s_tui.domain.execution.failures import classify
from v2s_tui.domain.execution.quarantine import quarantine_after
from v2s_tui.domain.execution.snapshot import picture_of, snapshot_from_json, snapshot_to_json
from v2s_tui.domain.execution.windows import window_closed, window_reason
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.resolved import ResolvedWave
from v2s_tui.domain.planning.stages import JobStatus, Stage


def _batch(count: int = 5, **vm: str) -> BatchState:
    vms = [vm_named(f"vm-{number}", **vm) for number in range(count)]  # type: ignore[arg-type]
    return batch_of(plan_of([("all", vms, PausePolicy.PAUSE_ON_FAILURE), ("end", [], PausePolicy.CONTINUE)]))


def _failed(state: BatchState, name: str, error: Exception, stage: Stage = Stage.EXPORT) -> BatchState:
    state = apply(state, events.VmStarted(at=MADE_AT, vm=name, stage=stage, reason=""))
    return apply(state, events.VmFailed(at=MADE_AT, vm=name, stage=stage, failure=classify(error)))


def _tables(changed: tuple) -> dict:  # type: ignore[type-arg]
    tables: dict[str, dict[int, object]] = {}
    for each in changed:
        tables.setdefault(each.table, {})[each.id] = each.document
    return tables


def test_replaying_the_written_changes_gives_the_same_batch(tmp_path: Path) -> None:
    """Every event of a real run, through JSON and back, applied and written as the journal does."""
    vms = [vm_named("web-01", disks=2), vm_named("db-01")]
    rig = Rig(
        plan_of([("all", vms, PausePolicy.PAUSE), ("rest", [vm_named("x")], PausePolicy.CONTINUE)]), tmp_path
    )
    rig.world.rules += [
        failing("receive", LeaseFailed("cut"), times=2),
        failing("check", ToolError("bad", command="", exit_code=1, stderr_tail="")),
    ]
    rig.run()
    state = batch_of(rig.plan)
    tables = _tables(all_changes(state))
    for event in rig.events:
        again = event_from_json(event_to_json(event))
        assert again == event
        after = apply(state, again)
        for each in changes(state, after, again):
            tables.setdefault(each.table, {})[each.id] = each.document
        state = after
    assert state == rig.state
    assert batch_from(tables, name="x") == state  # type: ignore[arg-type]


def test_every_event_kind_is_known_by_name() -> None:
    assert len(events.EVENT_CLASSES) == len(events.AnyEvent.__args__)


def test_nothing_happens_to_a_complete_vm() -> None:
    state = _batch()
    state = apply(state, events.VmCompleted(at=MADE_AT, vm="vm-0"))
    with pytest.raises(ValueError, match="never runs again"):
        apply(state, events.VmStarted(at=MADE_AT, vm="vm-0", stage=Stage.EXPORT, reason=""))
    with pytest.raises(ValueError, match="never runs again"):
        apply(state, events.VmRetried(at=MADE_AT, vm="vm-0", actor=ALICE))


def test_a_vm_caught_mid_stage_is_pending_again_with_its_stages_kept() -> None:
    state = _batch()
    state = apply(state, events.VmStarted(at=MADE_AT, vm="vm-0", stage=Stage.SNAPSHOT, reason=""))
    ended = events.StageEnded(
        at=MADE_AT, vm="vm-0", stage=Stage.SNAPSHOT, artifacts=state.jobs["vm-0"].artifacts, seconds=1
    )
    state = apply(
        apply(state, ended), events.StageStarted(at=MADE_AT, vm="vm-0", stage=Stage.EXPORT, attempt=1)
    )
    assert state.jobs["vm-0"].status is JobStatus.EXPORTING
    state = apply(state, events.BatchStarted(at=MADE_AT, actor=ALICE, pid=1, host="h", resumed=True))
    job = state.jobs["vm-0"]
    assert (job.status, job.completed_stages) == (JobStatus.PENDING, (Stage.SNAPSHOT,))


def test_a_retry_goes_back_to_where_the_failure_says() -> None:
    state = _batch()
    job = state.jobs["vm-0"]
    state = replace(state, jobs={**state.jobs, "vm-0": replace(job, completed_stages=job.stages[:5])})
    refused = classify(_import_refused())
    state = apply(state, events.VmFailed(at=MADE_AT, vm="vm-0", stage=Stage.IMPORT_SCW, failure=refused))
    state = apply(state, events.VmRetried(at=MADE_AT, vm="vm-0", actor=ALICE))
    assert Stage.UPLOAD_S3 not in state.jobs["vm-0"].completed_stages


def _import_refused() -> Exception:
    from v2s_tui.domain.errors import ImportRefused

    return ImportRefused("not a qcow2")


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([JobStatus.COMPLETE, JobStatus.SKIPPED], BatchStatus.COMPLETE),
        ([JobStatus.COMPLETE, JobStatus.FAILED], BatchStatus.PARTIAL),
        ([JobStatus.FAILED, JobStatus.CANCELLED], BatchStatus.FAILED),
        ([], BatchStatus.COMPLETE),
    ],
)
def test_final_status(statuses: list[JobStatus], expected: BatchStatus) -> None:
    jobs = {str(at): replace(_batch(1).jobs["vm-0"], status=status) for at, status in enumerate(statuses)}
    assert final_status(jobs) is expected


# --- quarantine


def test_three_equal_failures_on_one_host_quarantine_its_waiting_vms() -> None:
    batch = _batch(6)
    elsewhere = {
        name: replace(each, vm=replace(each.vm, host="esxi-02")) for name, each in batch.planned.items()
    }
    for name in ("vm-0", "vm-1", "vm-2", "vm-3"):
        elsewhere[name] = batch.planned[name]
    for name in ("vm-4", "vm-5"):
        vm = elsewhere[name].vm
        disks = tuple(replace(disk, datastore="ds-2") for disk in vm.disks)
        elsewhere[name] = replace(elsewhere[name], vm=replace(vm, disks=disks))
    batch = replace(batch, planned=elsewhere)
    for name in ("vm-0", "vm-1"):
        batch = _failed(batch, name, LeaseFailed("the stream was cut"))
        assert quarantine_after(batch, name) is None
    batch = _failed(batch, "vm-2", LeaseFailed("the stream was cut"))
    found = quarantine_after(batch, "vm-2")
    assert found is not None
    assert found.vm_names == ("vm-3",)
    assert "3 VMs on ESXi host esxi-01 failed with stream-cut" in found.reason


def test_different_failures_quarantine_nobody() -> None:
    batch = _batch()
    for name, error in (
        ("vm-0", LeaseFailed("cut")),
        ("vm-1", LeaseFailed("timed out")),
        ("vm-2", LeaseFailed("odd")),
    ):
        batch = _failed(batch, name, error)
        assert quarantine_after(batch, name) is None


def test_a_retry_by_hand_overrules_the_quarantine() -> None:
    batch = _batch()
    batch = apply(batch, events.VmQuarantined(at=MADE_AT, vm="vm-4", reason="r", signature="s"))
    assert "quarantine" in gate_reason(batch, 0)
    batch = apply(batch, events.VmRetried(at=MADE_AT, vm="vm-4", actor=ALICE))
    for name in ("vm-0", "vm-1", "vm-2"):
        batch = _failed(batch, name, LeaseFailed("cut"))
    found = quarantine_after(batch, "vm-2")
    assert found is not None
    assert found.vm_names == ("vm-3",)


# --- windows


@given(offset=st.integers(-100, 100))
def test_windows_open_and_close(offset: int) -> None:
    wave = ResolvedWave(
        "w", (), PausePolicy.CONTINUE, MADE_AT - timedelta(minutes=50), MADE_AT + timedelta(minutes=50)
    )
    now = MADE_AT + timedelta(minutes=offset)
    assert (window_reason(wave, now) == "") == (-50 <= offset < 50)
    assert window_closed(wave, now) == (offset >= 50)


def test_a_state_without_its_jobs_is_refused() -> None:
    tables = _tables(all_changes(_batch()))
    del tables["plan"]
    with pytest.raises(StateError, match="no complete batch state"):
        batch_from(tables, name="batch-x.json")


def test_pictures_survive_the_wire() -> None:
    picture = picture_of(_failed(_batch(), "vm-0", LeaseFailed("cut")), MADE_AT)
    assert snapshot_from_json(snapshot_to_json(picture)) == picture
    assert picture.counters.failed == 1
    assert picture.vms[0].failure_title == "cut"
