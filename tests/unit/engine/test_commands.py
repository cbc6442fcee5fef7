"""Commands while a batch runs: cancel, skip, retry, pause, limits; and stopping it."""

import asyncio
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.plans import plan_of, vm_named
from fakes.rig import ALICE, Rig, until
from fakes.stages import STAGES
from fakes.world import failing

from v2s_tui.domain.errors import Cancelled, InputError, LeaseFailed, OutOfStock, ToolError
from v2s_tui.domain.execution.artifacts import Artifacts
from v2s_tui.domain.execution.events import Actor
from v2s_tui.domain.planning.limits import Limit
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.stages import JobStatus, Stage
from v2s_tui.engine.commands import Command, command_from_json
from v2s_tui.engine.outcome import Stop, exit_code
from v2s_tui.engine.stage_contract import StageContext, StageInput
from v2s_tui.engine.stages import registry


class Blocker:
    """A convert stage that waits until it is let go or cancelled, and takes its time to end."""

    def __init__(self) -> None:
        self.running: set[str] = set()
        self.go = threading.Event()
        self.may_end = threading.Event()
        self.may_end.set()
        self.most = 0

    def __call__(self, task: StageInput, context: StageContext) -> Artifacts:
        self.running.add(task.planned.name)
        self.most = max(self.most, len(self.running))
        try:
            while not self.go.wait(0.002):
                if context.cancelled.is_set():
                    self.may_end.wait(5)
                    raise Cancelled("stopped")
        finally:
            self.running.discard(task.planned.name)
        return STAGES[Stage.CONVERT](task, context)


def _rig(tmp_path: Path, count: int = 3, **limits: int) -> tuple[Rig, Blocker]:
    vms = [vm_named(f"vm-{index}") for index in range(count)]
    rig = Rig(plan_of([("all", vms, PausePolicy.CONTINUE)], limits=limits), tmp_path)
    blocker = Blocker()
    rig.stages = {**STAGES, Stage.CONVERT: blocker}
    return rig, blocker


async def test_cancel_waits_for_the_thread_before_limits_are_given_back(tmp_path: Path) -> None:
    rig, blocker = _rig(tmp_path, count=2, disk_io=1)
    blocker.may_end.clear()
    runner = rig.runner()
    running = asyncio.create_task(runner.run())
    await until(lambda: len(blocker.running) == 1)
    first = next(iter(blocker.running))
    await runner.command(Command("cancel", ALICE, vm=first))
    await asyncio.sleep(0.05)
    assert blocker.running == {first}
    assert rig.state.jobs[first].status is JobStatus.CONVERTING
    blocker.may_end.set()
    await until(lambda: rig.state.jobs[first].status is JobStatus.CANCELLED)
    blocker.go.set()
    outcome = await running
    assert blocker.most == 1
    assert outcome.complete == 1
    assert exit_code(outcome) == 1


async def test_a_cancelled_vm_keeps_its_artifacts_and_can_be_retried(tmp_path: Path) -> None:
    rig, blocker = _rig(tmp_path, count=2)
    runner = rig.runner()
    running = asyncio.create_task(runner.run())
    await until(lambda: len(blocker.running) == 2)
    await runner.command(Command("cancel", ALICE, vm="vm-0"))
    await until(lambda: rig.state.jobs["vm-0"].status is JobStatus.CANCELLED)
    assert rig.state.jobs["vm-0"].artifacts.disks[0].base is not None
    await runner.command(Command("retry", ALICE, vm="vm-0"))
    blocker.go.set()
    outcome = await running
    assert exit_code(outcome) == 0
    assert rig.world.calls["receive"] == 2


async def test_skip_leaves_a_waiting_vm_out(tmp_path: Path) -> None:
    rig, blocker = _rig(tmp_path, count=2, **{"global": 1})
    runner = rig.runner()
    running = asyncio.create_task(runner.run())
    await until(lambda: len(blocker.running) == 1)
    await runner.command(Command("skip", ALICE, vm="vm-1", reason="not today"))
    blocker.go.set()
    outcome = await running
    assert exit_code(outcome) == 0
    assert rig.state.jobs["vm-1"].status is JobStatus.SKIPPED
    assert "not today" in rig.state.jobs["vm-1"].note


async def test_retry_from_a_chosen_stage_with_an_edited_entry(tmp_path: Path) -> None:
    rig, blocker = _rig(tmp_path, count=2)
    rig.world.rules.append(
        failing("create_instance", ToolError("no", command="", exit_code=1, stderr_tail=""), about="vm-0")
    )
    blocker.go.set()
    stay = threading.Event()
    verify = STAGES[Stage.VERIFY]

    def slow_verify(task: StageInput, context: StageContext) -> Artifacts:
        stay.wait(5)
        return verify(task, context)

    rig.stages = {**rig.stages, Stage.VERIFY: slow_verify}
    runner = rig.runner()
    running = asyncio.create_task(runner.run())
    await until(lambda: rig.state.jobs["vm-0"].status is JobStatus.FAILED)
    edited = replace(rig.state.planned["vm-0"], target_type="PRO2-XS")
    await runner.command(Command("retry", ALICE, vm="vm-0", from_stage=Stage.UPLOAD_S3, planned=edited))
    stay.set()
    outcome = await running
    assert exit_code(outcome) == 0
    assert {each.commercial_type for each in rig.cloud.of_kind("instance")} == {"PRO2-XXS", "PRO2-XS"}


async def test_another_type_after_its_instance_could_not_start(tmp_path: Path) -> None:
    """What the failure says: choose another type or zone. The volumes that are there are used again."""
    first = ("first", [vm_named("vm-0"), vm_named("vm-1")], PausePolicy.PAUSE)
    plan = plan_of([first, ("later", [vm_named("vm-2")], PausePolicy.CONTINUE)])
    rig = Rig(plan, tmp_path, stages=dict(registry.STAGES), evidence=dict(registry.EVIDENCE))
    sold_out = OutOfStock("the zone is sold out", status=412)
    rig.world.rules.append(failing("instance_action", sold_out, times=1))
    running = asyncio.create_task((runner := rig.runner()).run())
    await until(lambda: any(each.status is JobStatus.FAILED for each in rig.state.jobs.values()))
    (failed,) = [each for each in rig.state.jobs.values() if each.status is JobStatus.FAILED]
    edited = replace(rig.state.planned[failed.vm_name], target_type="PRO2-XS")
    await runner.command(Command("retry", ALICE, vm=failed.vm_name, planned=edited))
    await until(lambda: rig.state.jobs[failed.vm_name].status is JobStatus.COMPLETE)
    types = {each.name: each.commercial_type for each in rig.cloud.of_kind("instance")}
    assert types == {"vm-0": "PRO2-XXS", "vm-1": "PRO2-XXS"} | {failed.vm_name: "PRO2-XS"}
    assert rig.cloud.created["volume"] == 2
    await runner.command(Command("abort", ALICE))
    await running


async def test_pause_lets_running_stages_end_and_starts_nothing(tmp_path: Path) -> None:
    rig, blocker = _rig(tmp_path, count=3, **{"global": 2})
    runner = rig.runner()
    running = asyncio.create_task(runner.run())
    await until(lambda: len(blocker.running) == 2)
    await runner.command(Command("pause", ALICE))
    blocker.go.set()
    await until(lambda: not blocker.running)
    await asyncio.sleep(0.05)
    assert rig.world.calls["upload_file"] == 0
    row = next(row for row in runner.picture().vms if row.name == "vm-0")
    assert row.blocked_by is not None
    assert row.blocked_by.limit == "the batch is paused"
    await runner.command(Command("resume", ALICE))
    assert exit_code(await running) == 0


async def test_a_paused_limit_is_taken_by_nobody(tmp_path: Path) -> None:
    rig, blocker = _rig(tmp_path, count=1)
    blocker.go.set()
    runner = rig.runner()
    running = asyncio.create_task(runner.run())
    await asyncio.sleep(0)
    await runner.command(Command("pause_limit", ALICE, limit=Limit.S3_UPLOAD))
    await until(lambda: Stage.CONVERT in rig.state.jobs["vm-0"].completed_stages)
    await asyncio.sleep(0.03)
    assert rig.world.calls["upload_file"] == 0
    assert runner.leases.blocked()["vm-0"].limit == "s3_upload is paused"
    await runner.command(Command("resume_limit", ALICE, limit=Limit.S3_UPLOAD))
    assert exit_code(await running) == 0


async def test_a_raised_limit_lets_more_run_at_once(tmp_path: Path) -> None:
    rig, blocker = _rig(tmp_path, count=4, disk_io=1)
    runner = rig.runner()
    running = asyncio.create_task(runner.run())
    await until(lambda: len(blocker.running) == 1)
    await asyncio.sleep(0.03)
    assert blocker.most == 1
    await runner.command(Command("set_limit", ALICE, limit=Limit.DISK_IO, value=3))
    await until(lambda: len(blocker.running) == 3)
    assert rig.state.header.limits.disk_io == 3
    blocker.go.set()
    assert exit_code(await running) == 0


async def test_a_raised_global_limit_gets_its_threads(tmp_path: Path) -> None:
    rig, blocker = _rig(tmp_path, count=9, disk_io=20, **{"global": 1})
    runner = rig.runner()
    running = asyncio.create_task(runner.run())
    await until(lambda: len(blocker.running) == 1)
    await runner.command(Command("set_limit", ALICE, limit=Limit.GLOBAL, value=9))
    await until(lambda: len(blocker.running) == 9)
    blocker.go.set()
    assert exit_code(await running) == 0


async def test_a_waiting_vm_says_what_blocks_it_and_who_holds_it(tmp_path: Path) -> None:
    rig, blocker = _rig(tmp_path, count=2, disk_io=1)
    runner = rig.runner()
    running = asyncio.create_task(runner.run())
    await until(lambda: len(blocker.running) == 1 and len(runner.leases.blocked()) == 1)
    holder = next(iter(blocker.running))
    (blocked,) = [row.blocked_by for row in runner.picture().vms if row.blocked_by]
    assert (blocked.limit, blocked.holders) == ("disk_io", (holder,))
    assert blocked.since is not None
    blocker.go.set()
    await running


@pytest.mark.parametrize("stop", [Stop.SIGTERM, Stop.ABORT])
async def test_stopping_interrupts_and_resume_finishes(tmp_path: Path, stop: Stop) -> None:
    rig, blocker = _rig(tmp_path, count=3)
    runner = rig.runner()
    running = asyncio.create_task(runner.run())
    await until(lambda: len(blocker.running) == 3)
    runner.stop(stop)
    outcome = await running
    assert exit_code(outcome) == 130
    assert not blocker.running
    assert {job.status for job in rig.state.jobs.values()} == {JobStatus.PENDING}
    blocker.go.set()
    again = rig.runner()
    assert exit_code(await again.run()) == 0
    assert rig.world.calls["receive"] == 3
    assert rig.duplicates() == {}


async def test_transient_failures_are_tried_again_with_backoff(tmp_path: Path) -> None:
    rig, blocker = _rig(tmp_path, count=1)
    blocker.go.set()
    rig.world.rules.append(failing("receive", LeaseFailed("the stream was cut"), times=2))
    waits: list[float] = []

    async def sleep(seconds: float, woken: asyncio.Event) -> None:
        waits.append(seconds)

    outcome = await rig.runner(sleep=sleep, jitter=lambda: 0.0).run()
    assert exit_code(outcome) == 0
    assert waits == [10.0, 20.0]
    assert rig.state.jobs["vm-0"].attempts["export"] == 3
    assert [note.title for note in rig.state.jobs["vm-0"].retries] == ["the stream was cut"] * 2


async def test_a_vm_that_waits_to_be_tried_again_says_so_and_does_not_stall(tmp_path: Path) -> None:
    rig, blocker = _rig(tmp_path, count=1)
    blocker.go.set()

    def receive_half(operation: str, _about: str, phase: str) -> None:
        if (operation, phase) == ("receive", "before") and len(said) < 1:
            runner.runners["vm-0"].progress.total_bytes = 2**30
            raise LeaseFailed("the stream was cut")

    rig.world.rules.append(receive_half)
    said: list[str] = []

    async def sleep(_seconds: float, _woken: asyncio.Event) -> None:
        rig.clock.advance(60)
        await until(lambda: runner.picture().vms[0].stalled_seconds == 0)
        said.append(runner.picture().vms[0].waits_for)

    runner = rig.runner(sleep=sleep, jitter=lambda: 0.0)
    assert exit_code(await runner.run()) == 0
    assert said[0].startswith("tries again at ")
    assert said[0].endswith(": the stream was cut")


async def test_retries_are_bounded_and_one_failure_stops_nobody_else(tmp_path: Path) -> None:
    rig, blocker = _rig(tmp_path, count=3)
    blocker.go.set()
    rig.world.rules.append(failing("receive", LeaseFailed("the stream was cut"), times=99, about="vm-1"))
    outcome = await rig.runner().run()
    assert (outcome.complete, outcome.failed) == (2, 1)
    failed = rig.state.jobs["vm-1"]
    assert failed.attempts["export"] == 4
    assert failed.failure is not None
    assert failed.failure.signature == "stream-cut"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (Command("retry", ALICE, vm="nobody"), "no VM 'nobody'"),
        (Command("retry", ALICE, vm="vm-0"), "waits for its turn"),
        (Command("set_limit", ALICE, limit=Limit.DISK_IO, value=0), "from 1 to"),
        (Command("pause_limit", ALICE), "which limit"),
    ],
)
async def test_commands_that_make_no_sense_are_refused(
    tmp_path: Path, command: Command, message: str
) -> None:
    rig, _ = _rig(tmp_path)
    with pytest.raises(InputError, match=message):
        await rig.runner().command(command)


async def test_a_complete_vm_never_runs_again(tmp_path: Path) -> None:
    rig, blocker = _rig(tmp_path, count=1)
    blocker.go.set()
    runner = rig.runner()
    await runner.run()
    with pytest.raises(InputError, match="complete and never runs again"):
        await runner.command(Command("retry", ALICE, vm="vm-0"))


def test_what_is_no_command_is_refused() -> None:
    found = command_from_json({"name": "retry", "actor": {"who": "a", "origin": "b"}, "vm": "vm-0"})
    assert found == Command("retry", Actor("a", "b"), vm="vm-0")
    with pytest.raises(InputError, match="no command"):
        command_from_json({"name": "explode", "actor": {"who": "a", "origin": "b"}})


async def test_giving_a_vm_up_runs_its_last_function_once_and_before_the_record(tmp_path: Path) -> None:
    rig, blocker = _rig(tmp_path, count=3)
    given_up: list[tuple[str, JobStatus]] = []

    def give_up(task: StageInput, context: StageContext) -> Artifacts:
        given_up.append((task.planned.name, rig.state.jobs[task.planned.name].status))
        return task.artifacts.with_note("source power", "back on")

    rig.giving_up = give_up
    broken = ToolError("no", command="", exit_code=1, stderr_tail="")
    rig.world.rules.append(failing("check", broken, about="00000001"))
    runner = rig.runner()
    running = asyncio.create_task(runner.run())
    await until(lambda: len(blocker.running) == 3)
    await runner.command(Command("cancel", ALICE, vm="vm-1"))
    await until(lambda: rig.state.jobs["vm-1"].status is JobStatus.CANCELLED)
    blocker.go.set()
    await running
    assert sorted(given_up) == [("vm-0", JobStatus.CONVERTING), ("vm-1", JobStatus.CONVERTING)]
    assert rig.state.jobs["vm-0"].artifacts.notes == {"source power": "back on"}


async def test_giving_up_that_fails_is_told_with_the_failure(tmp_path: Path) -> None:
    rig, blocker = _rig(tmp_path, count=1)
    blocker.go.set()

    def give_up(task: StageInput, context: StageContext) -> Artifacts:
        raise ToolError("power", command="", exit_code=1, stderr_tail="")

    rig.giving_up = give_up
    rig.world.rules.append(failing("check", ToolError("no", command="", exit_code=1, stderr_tail="")))
    await rig.runner().run()
    failure = rig.state.jobs["vm-0"].failure
    assert failure is not None
    assert (failure.title, failure.detail) == ("no", "Putting the source back failed: power")
