"""Rules of the whole batch: quarantine, windows, work space, groups, polling, and a state disk that fails."""

import asyncio
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fakes.plans import batch_of, plan_of, vm_named
from fakes.rig import ALICE, Rig, until
from fakes.source import MADE_AT
from fakes.stages import STAGES
from fakes.store import FakeStore
from fakes.world import failing

from v2s_tui.domain.errors import LeaseFailed, SourceError, StateError
from v2s_tui.domain.execution import events
from v2s_tui.domain.execution.artifacts import Artifacts
from v2s_tui.domain.execution.failures import FailureKind
from v2s_tui.domain.execution.transfer import Strategy
from v2s_tui.domain.planning.plan import PausePolicy, PostMigration
from v2s_tui.domain.planning.stages import JobStatus, Stage
from v2s_tui.engine.batch_runner import BatchRunner
from v2s_tui.engine.commands import Command
from v2s_tui.engine.outcome import Stop, exit_code
from v2s_tui.engine.settings import GateMode
from v2s_tui.engine.stage_contract import StageContext, StageInput
from v2s_tui.presentation.run_detail import gate_lines


def _rig(tmp_path: Path, count: int, **limits: int) -> Rig:
    vms = [vm_named(f"vm-{index}") for index in range(count)]
    return Rig(plan_of([("all", vms, PausePolicy.CONTINUE)], limits=limits), tmp_path)


# --- quarantine


def _break_export(rig: Rig) -> None:
    rig.world.rules.append(failing("receive", LeaseFailed("the stream was cut"), times=999))


def test_three_equal_failures_stop_the_similar_ones_and_ask(tmp_path: Path) -> None:
    rig = _rig(tmp_path, 8, **{"global": 1})
    _break_export(rig)
    outcome = rig.run(gate_mode=GateMode.STOP)
    assert outcome.stopped is Stop.GATE
    assert "quarantine" in outcome.reason
    assert outcome.failed == 3
    assert sum(bool(job.quarantine) for job in rig.state.jobs.values()) == 5


def test_going_on_counts_the_quarantined_as_failed_and_resume_takes_them_up(tmp_path: Path) -> None:
    rig = _rig(tmp_path, 8, **{"global": 1})
    _break_export(rig)
    assert rig.run(gate_mode=GateMode.APPROVE).failed == 8
    kinds = [job.failure.kind for job in rig.state.jobs.values() if job.failure]
    assert kinds.count(FailureKind.QUARANTINE) == 5
    rig.world.rules.clear()
    assert exit_code(rig.run(retry_failed=True)) == 0


async def test_approve_with_retry_lets_the_quarantined_run(tmp_path: Path) -> None:
    rig = _rig(tmp_path, 8, **{"global": 1})
    _break_export(rig)
    runner = rig.runner(gate_mode=GateMode.WAIT)
    running = asyncio.create_task(runner.run())
    await until(lambda: runner.gates.waiting)
    rig.world.rules.clear()
    await runner.command(Command("approve_retry_failed", ALICE))
    assert exit_code(await running) == 0


# --- windows


def _windowed(tmp_path: Path, *, opens_in: int, closes_in: int, count: int = 2) -> Rig:
    rig = _rig(tmp_path, count, **{"global": 1})
    waves = tuple(
        replace(
            wave,
            not_before=MADE_AT + timedelta(seconds=opens_in),
            not_after=MADE_AT + timedelta(seconds=closes_in),
        )
        for wave in rig.plan.waves
    )
    rig.plan = replace(rig.plan, waves=waves)
    rig.store = FakeStore(batch_of(rig.plan))
    return rig


async def test_nothing_starts_before_the_window(tmp_path: Path) -> None:
    rig = _windowed(tmp_path, opens_in=60, closes_in=600)
    runner = rig.runner()
    running = asyncio.create_task(runner.run())
    await until(lambda: len(runner.leases.blocked()) == 2)
    await asyncio.sleep(0.05)
    assert {job.status for job in rig.state.jobs.values()} == {JobStatus.PENDING}
    assert "window opens at" in runner.leases.blocked()["vm-0"].limit
    rig.clock.advance(61)
    assert exit_code(await running) == 0


async def test_a_stop_while_the_batch_begins_does_not_wait_for_the_window(tmp_path: Path) -> None:
    rig = _windowed(tmp_path, opens_in=60, closes_in=600)
    runner = rig.runner()
    runner.stop(Stop.SIGTERM)
    outcome = await asyncio.wait_for(runner.run(), 5)
    assert outcome.stopped is Stop.SIGTERM


async def test_what_has_started_ends_and_nothing_starts_after_the_window(tmp_path: Path) -> None:
    rig = _windowed(tmp_path, opens_in=0, closes_in=600)
    go = threading.Event()

    def convert(task: StageInput, context: StageContext) -> Artifacts:
        go.wait(5)
        return STAGES[Stage.CONVERT](task, context)

    rig.stages = {**STAGES, Stage.CONVERT: convert}
    runner = rig.runner(gate_mode=GateMode.APPROVE)
    running = asyncio.create_task(runner.run())
    await until(lambda: rig.state.jobs["vm-0"].status is JobStatus.CONVERTING)
    rig.clock.advance(601)
    await until(lambda: len(runner.runners) == 1)
    go.set()
    outcome = await running
    assert outcome.stopped is Stop.WINDOW
    assert exit_code(outcome) == 3
    assert [job.status for job in rig.state.jobs.values()] == [JobStatus.COMPLETE, JobStatus.PENDING]


async def test_an_operator_may_open_a_closed_window(tmp_path: Path) -> None:
    rig = _windowed(tmp_path, opens_in=-600, closes_in=-60)
    outcome = await rig.runner(gate_mode=GateMode.STOP).run()
    assert "window closed" in outcome.reason
    assert exit_code(await rig.runner(gate_mode=GateMode.STOP, approve=True).run()) == 0


async def test_a_closed_window_is_said_before_the_gate_and_opening_it_is_not_passing_the_gate(
    tmp_path: Path,
) -> None:
    first, second = [vm_named("vm-0"), vm_named("vm-1")], [vm_named("vm-2")]
    waves = [("one", first, PausePolicy.PAUSE), ("two", second, PausePolicy.CONTINUE)]
    plan = plan_of(waves, post_migration=PostMigration(power_off_source=True))
    late = replace(plan.waves[0], not_after=MADE_AT - timedelta(seconds=60))
    rig = Rig(replace(plan, waves=(late, *plan.waves[1:])), tmp_path)
    runner = rig.runner(gate_mode=GateMode.WAIT)
    running = asyncio.create_task(runner.run())
    await until(lambda: runner.gates.waiting)
    lines = gate_lines(runner.picture())
    assert "the wave's window closed" in lines[2]
    assert "2 VMs were not started" in lines[2]
    assert "the VMs that are left start now, outside the window" in lines[3]
    assert _power_ahead(runner) == ("vm-0", "vm-1")
    await runner.command(Command("approve", ALICE))
    await until(lambda: runner.gates.waiting and rig.state.jobs["vm-1"].status is JobStatus.COMPLETE)
    assert rig.state.jobs["vm-2"].status is JobStatus.PENDING, "its policy still asks before the next wave"
    assert "policy is pause" in gate_lines(runner.picture())[2]
    assert _power_ahead(runner) == ("vm-2",)
    await runner.command(Command("approve", ALICE))
    assert exit_code(await running) == 0


async def test_a_vm_of_an_earlier_wave_that_is_retried_at_a_closed_window_starts_with_the_others(
    tmp_path: Path,
) -> None:
    waves = [
        ("one", [vm_named("vm-0")], PausePolicy.CONTINUE),
        ("two", [vm_named("vm-1")], PausePolicy.PAUSE),
    ]
    plan = plan_of(waves)
    late = replace(plan.waves[1], not_after=MADE_AT - timedelta(seconds=60))
    rig = Rig(replace(plan, waves=(plan.waves[0], late)), tmp_path)
    rig.world.rules.append(failing("receive", SourceError("busy"), about="vm-0"))
    runner = rig.runner(gate_mode=GateMode.WAIT)
    running = asyncio.create_task(runner.run())
    await until(lambda: runner.gates.waiting)
    assert rig.state.jobs["vm-0"].status is JobStatus.FAILED
    said = await runner.command(Command("retry", ALICE, vm="vm-0"))
    assert said.startswith("vm-0 runs once the gate is approved: the wave's window closed at")
    await until(lambda: runner.gates.waiting and "2 VMs were not started" in runner.picture().gate.reason)  # type: ignore[union-attr]
    await runner.command(Command("approve", ALICE))
    assert exit_code(await running) == 0


def _power_ahead(runner: BatchRunner) -> tuple[str, ...]:
    ahead = runner.picture().power_ahead
    return tuple(ahead.names) if ahead else ()


async def test_approving_a_closed_window_leaves_the_quarantined_for_their_own_gate(tmp_path: Path) -> None:
    rig = _windowed(tmp_path, opens_in=-600, closes_in=-60, count=3)
    runner = rig.runner(gate_mode=GateMode.WAIT)
    runner.recorder.record(
        events.VmQuarantined(at=rig.clock.now(), vm="vm-0", reason="three failed", signature="stream-cut")
    )
    running = asyncio.create_task(runner.run())
    await until(lambda: runner.gates.waiting)
    await runner.command(Command("approve", ALICE))
    await until(lambda: runner.gates.waiting and rig.state.jobs["vm-2"].status is JobStatus.COMPLETE)
    assert "quarantine" in runner.picture().gate.reason  # type: ignore[union-attr]
    assert rig.state.jobs["vm-0"].status is JobStatus.PENDING
    await runner.command(Command("approve_retry_failed", ALICE))
    assert exit_code(await running) == 0


# --- work space, groups


def test_work_space_is_promised_before_and_the_batch_waits_for_it(tmp_path: Path) -> None:
    rig = _rig(tmp_path, 6)
    rig.disks.free = 250 * 2**20
    most = []

    def export(task: StageInput, context: StageContext) -> Artifacts:
        most.append(sum(1 for job in rig.state.jobs.values() if job.active))
        return STAGES[Stage.EXPORT](task, context)

    rig.stages = {**STAGES, Stage.EXPORT: export}
    outcome = rig.run(work_bytes=lambda _: 100 * 2**20)
    assert exit_code(outcome) == 0
    assert max(most) <= 2


def test_a_vm_that_can_never_fit_fails_at_once_and_alone(tmp_path: Path) -> None:
    rig = _rig(tmp_path, 3)
    rig.disks.free = 250 * 2**20
    outcome = rig.run(work_bytes=lambda planned: (1000 if planned.name == "vm-1" else 100) * 2**20)
    assert (outcome.complete, outcome.failed) == (2, 1)
    failure = rig.state.jobs["vm-1"].failure
    assert failure is not None
    assert failure.signature == "work-disk-full"
    assert rig.source.leases[0].vm_moref != "vm-vm-1"


def test_a_group_moves_one_at_a_time(tmp_path: Path) -> None:
    vms = [vm_named(f"vm-{index}") for index in range(4)]
    plan = plan_of([("all", vms, PausePolicy.CONTINUE)], not_together=(("vm-0", "vm-1", "vm-2"),))
    rig = Rig(plan, tmp_path)
    together: list[int] = []

    def convert(task: StageInput, context: StageContext) -> Artifacts:
        together.append(sum(rig.state.jobs[f"vm-{index}"].active for index in range(3)))
        return STAGES[Stage.CONVERT](task, context)

    rig.stages = {**STAGES, Stage.CONVERT: convert}
    assert exit_code(rig.run()) == 0
    assert max(together) == 1


# --- limits while polling


async def test_no_limit_is_held_while_polling(tmp_path: Path) -> None:
    rig = _rig(tmp_path, 3, scw_api=1)
    inside: set[str] = set()
    go = threading.Event()

    def import_scw(task: StageInput, context: StageContext) -> Artifacts:
        with context.polling("the import"):
            inside.add(task.planned.name)
            while not go.is_set():
                context.pause(0.001)
        return STAGES[Stage.IMPORT_SCW](task, context)

    rig.stages = {**STAGES, Stage.IMPORT_SCW: import_scw}
    runner = rig.runner()
    running = asyncio.create_task(runner.run())
    await until(lambda: len(inside) == 3)
    rows = {row.name: row for row in runner.picture().limits}
    assert rows["scw_api"].in_use == 0
    assert {row.waits_for for row in runner.picture().vms} == {"the import"}
    go.set()
    assert exit_code(await running) == 0


async def test_cancel_reaches_a_vm_that_polls(tmp_path: Path) -> None:
    rig = _rig(tmp_path, 1)

    def import_scw(task: StageInput, context: StageContext) -> Artifacts:
        with context.polling("the import"):
            while True:
                context.pause(0.001)

    rig.stages = {**STAGES, Stage.IMPORT_SCW: import_scw}
    runner = rig.runner()
    running = asyncio.create_task(runner.run())
    await until(lambda: any(row.waits_for for row in runner.picture().vms))
    await runner.command(Command("cancel", ALICE, vm="vm-0"))
    await running
    assert rig.state.jobs["vm-0"].status is JobStatus.CANCELLED


# --- a state disk that fails, and bugs


@pytest.mark.parametrize("commits", [0, 5, 20, 60])
def test_a_full_state_disk_stops_the_batch_before_the_next_effect(tmp_path: Path, commits: int) -> None:
    rig = _rig(tmp_path, 3)
    commit = rig.store.commit
    effects_after: list[int] = []

    def full(changes, then=None):
        if rig.store.commits >= commits and rig.store.failing is None:
            rig.store.failing = StateError("batch.json cannot be written (No space left on device)")
            effects_after.append(rig.world.calls.total())
        return commit(changes, then)

    rig.store.commit = full  # type: ignore[method-assign]
    with pytest.raises(StateError, match="No space left"):
        rig.run()
    made = rig.cloud.created.total() + len(rig.source.snapshots) + len(rig.objects.uploads)
    recorded = len(rig.state.effects)
    assert made <= recorded
    rig.store.failing, rig.store.commit = None, commit  # type: ignore[method-assign]
    assert exit_code(rig.run()) == 0
    assert rig.duplicates() == {}


def test_a_bug_in_one_stage_is_a_failure_of_one_vm_with_its_traceback(tmp_path: Path) -> None:
    rig = _rig(tmp_path, 3)

    def convert(task: StageInput, context: StageContext) -> Artifacts:
        if task.planned.name == "vm-1":
            raise ZeroDivisionError("division by zero")
        return STAGES[Stage.CONVERT](task, context)

    rig.stages = {**STAGES, Stage.CONVERT: convert}
    outcome = rig.run()
    assert (outcome.complete, outcome.failed) == (2, 1)
    failure = rig.state.jobs["vm-1"].failure
    assert failure is not None
    assert failure.kind is FailureKind.BUG
    assert "ZeroDivisionError" in failure.detail


def test_a_listener_that_fails_stops_nothing(tmp_path: Path) -> None:
    rig = _rig(tmp_path, 1)

    def broken(_event: object) -> None:
        raise RuntimeError("no disk for events")

    runner = rig.runner(listeners=[broken])
    assert exit_code(asyncio.run(runner.run())) == 0


# --- upload while receiving


@pytest.mark.parametrize("strategy", [Strategy.STREAMING, Strategy.LOCAL])
def test_an_export_holds_the_upload_limit_only_when_it_uploads(tmp_path: Path, strategy: Strategy) -> None:
    rig = _rig(tmp_path, 4, s3_upload=1)
    together, most, lock = [0], [0], threading.Lock()
    admitted_as = set()

    def export(task: StageInput, context: StageContext) -> Artifacts:
        with lock:
            admitted_as.add(task.transfer and task.transfer.overlap)
            together[0] += 1
            most[0] = max(most[0], together[0])
        time.sleep(0.05)
        with lock:
            together[0] -= 1
        return STAGES[Stage.EXPORT](task, context)

    rig.stages = {**STAGES, Stage.EXPORT: export}
    assert exit_code(rig.run(stage=replace(rig.settings.stage, strategy=strategy))) == 0
    assert (most[0] == 1) is (strategy is Strategy.STREAMING)
    assert admitted_as == {strategy is Strategy.STREAMING}
