"""The cutover as the plan writes it, through the engine: each key of `post_migration` does its own thing and
no other, and a source that was shut down for a copy that comes to nothing runs again.
"""

import asyncio
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.plans import plan_of, vm_named
from fakes.rig import ALICE, Rig, until
from fakes.store import FakeStore
from fakes.world import failing

from v2s_tui.domain.errors import SourceError, SourceUnreachable, TargetError, ToolError
from v2s_tui.domain.execution.artifacts import Artifacts
from v2s_tui.domain.execution.events import VmFailed
from v2s_tui.domain.execution.ledger import EffectKind, EffectState
from v2s_tui.domain.planning.limits import Limit
from v2s_tui.domain.planning.plan import PausePolicy, PostMigration
from v2s_tui.domain.planning.plan_options import Consistency
from v2s_tui.domain.planning.stages import JobStatus, Stage
from v2s_tui.domain.source.vm import PowerState
from v2s_tui.engine.commands import Command
from v2s_tui.engine.outcome import Stop
from v2s_tui.engine.recorder import Recorder
from v2s_tui.engine.settings import GateMode
from v2s_tui.engine.stage_contract import StageContext, StageInput
from v2s_tui.engine.stages.registry import EVIDENCE, GIVING_UP, STAGES
from v2s_tui.engine.undo import Undo
from v2s_tui.presentation.event_lines import event_line

KEYS = ("tag_source", "power_off_source", "delete_vmware_snapshot", "delete_s3_transit")
NOTHING = PostMigration(
    tag_source=None, power_off_source=False, delete_vmware_snapshot=False, delete_s3_transit=False
)
BROKEN = ToolError("bad", command="", exit_code=1, stderr_tail="")
MOREF = "vm-web-01"


def rig_of(tmp_path: Path, post: PostMigration = NOTHING, **planned: Any) -> Rig:
    """One VM that runs; what vCenter says of its power is its power."""
    plan = plan_of([("all", [vm_named("web-01", disks=2)], PausePolicy.CONTINUE)], post_migration=post)
    plan = replace(plan, vms=tuple(replace(each, **planned) for each in plan.vms))
    rig = Rig(plan, tmp_path, stages=dict(STAGES), evidence=dict(EVIDENCE), giving_up=GIVING_UP)
    rig.source.power[MOREF] = PowerState.ON
    read = rig.source.with_details
    rig.source.with_details = lambda vms: tuple(  # type: ignore[method-assign]
        replace(each, power_state=rig.source.power[each.moref]) for each in read(vms)
    )
    return rig


def traces(rig: Rig) -> dict[str, bool]:
    """By key of `post_migration`: whether what it does was done."""
    return {
        "tag_source": rig.source.tags.get(MOREF, set()) == {"moved"},
        "power_off_source": rig.source.power[MOREF] is PowerState.OFF,
        "delete_vmware_snapshot": not rig.source.snapshots,
        "delete_s3_transit": not rig.objects.objects,
    }


@pytest.mark.parametrize("wanted", [True, False], ids=["true", "false"])
@pytest.mark.parametrize("key", KEYS)
def test_each_key_does_its_own_thing_when_true_and_nothing_when_false(
    tmp_path: Path, key: str, *, wanted: bool
) -> None:
    value = ("moved" if wanted else None) if key == "tag_source" else wanted
    rig = rig_of(tmp_path, NOTHING.model_copy(update={key: value}))
    assert rig.run().complete == 1
    assert traces(rig) == dict.fromkeys(KEYS, False) | {key: wanted}
    open_kinds = {each.kind for each in rig.state.effects.values() if each.state is not EffectState.GONE}
    assert (EffectKind.SOURCE_TAG in open_kinds) is (key == "tag_source" and wanted)
    assert (EffectKind.SOURCE_POWER in open_kinds) is (key == "power_off_source" and wanted)
    assert (EffectKind.VMWARE_SNAPSHOT in open_kinds) is not (key == "delete_vmware_snapshot" and wanted)
    assert (EffectKind.OBJECT in open_kinds) is not (key == "delete_s3_transit" and wanted)


def test_all_of_them_together_and_the_source_goes_off_last(tmp_path: Path) -> None:
    post = PostMigration(tag_source="moved", power_off_source=True)
    rig = rig_of(tmp_path, post)
    seen: list[bool] = []
    shut_down = rig.source.shut_down_guest

    def watched(moref: str, **how: Any) -> None:
        seen.append(bool(rig.cloud.of_kind("instance")) and traces(rig)["tag_source"])
        shut_down(moref, **how)

    rig.source.shut_down_guest = watched  # type: ignore[method-assign]
    rig.run()
    assert all(traces(rig).values())
    assert seen == [True], "the Instance is there before its source goes"


@pytest.mark.parametrize("broken", ["import_snapshot", "create_volume", "create_instance"])
def test_a_source_that_would_be_switched_off_in_the_end_runs_on_when_its_vm_fails(
    tmp_path: Path, broken: str
) -> None:
    rig = rig_of(tmp_path, PostMigration(tag_source="moved", power_off_source=True))
    rig.world.rules.append(failing(broken, BROKEN, times=99))
    assert rig.run().failed == 1
    assert rig.source.power[MOREF] is PowerState.ON
    assert rig.source.tags == {}


# --- hard power-off


def asked_how(rig: Rig, problem: str = "") -> list[bool]:
    """For each shutdown, whether the plug might be pulled. problem: the guest does not go down without."""
    asked: list[bool] = []
    shut_down = rig.source.shut_down_guest

    def ask(moref: str, *, timeout_seconds: float, hard_after_timeout: bool, **more: Any) -> None:
        asked.append(hard_after_timeout)
        assert 60 <= timeout_seconds <= 3600
        if problem and not hard_after_timeout:
            raise SourceError(problem)
        shut_down(moref, timeout_seconds=timeout_seconds, hard_after_timeout=hard_after_timeout, **more)

    rig.source.shut_down_guest = ask  # type: ignore[method-assign]
    return asked


@pytest.mark.parametrize(
    ("planned", "post"),
    [({"consistency": Consistency.COLD}, NOTHING), ({}, PostMigration(power_off_source=True))],
    ids=["cold", "power_off_source"],
)
@pytest.mark.parametrize("allowed", [True, False], ids=["allowed", "not allowed"])
def test_the_plug_is_pulled_only_where_the_plan_allows_it(
    tmp_path: Path, planned: dict[str, Any], post: PostMigration, *, allowed: bool
) -> None:
    rig = rig_of(tmp_path, post, hard_power_off=allowed, **planned)
    asked = asked_how(rig, "the guest was still running after 600 seconds")
    rig.run()
    assert set(asked) == {allowed}
    assert rig.source.power[MOREF] is (PowerState.OFF if allowed else PowerState.ON)
    job = rig.state.jobs["web-01"]
    assert job.status is (JobStatus.COMPLETE if allowed else JobStatus.FAILED)
    assert allowed or "still running" in job.error


# --- failure and cancel before the target runs


@pytest.mark.parametrize("broken", ["receive", "flatten", "begin_upload", "import_snapshot", "create_volume"])
def test_a_cold_copy_that_fails_gives_the_source_its_power_back(tmp_path: Path, broken: str) -> None:
    rig = rig_of(tmp_path, consistency=Consistency.COLD)
    rig.world.rules.append(failing(broken, BROKEN, times=99))
    assert rig.run().failed == 1
    assert rig.world.calls["power"] == 2, "off and on again"
    assert rig.source.power[MOREF] is PowerState.ON
    assert rig.state.jobs["web-01"].artifacts.notes["source power"] == "powered back on by v2s"
    assert not any(
        each.kind is EffectKind.SOURCE_POWER and each.state is not EffectState.GONE
        for each in rig.state.effects.values()
    )


def test_the_source_gets_its_power_back_when_vcenter_answers_again(tmp_path: Path) -> None:
    """What ended the copy, a vCenter that restarts, is there still when the source is to be put back."""
    rig = rig_of(tmp_path, consistency=Consistency.COLD)
    rig.world.rules.append(failing("receive", BROKEN, times=99))
    power_on, refusals = rig.source.power_on, 6

    def restarting(moref: str) -> None:
        nonlocal refusals
        refusals -= 1
        if refusals > 0:
            raise SourceUnreachable("vcenter.lab answered with status 503")
        power_on(moref)

    rig.source.power_on = restarting  # type: ignore[method-assign]
    assert rig.run().failed == 1
    assert rig.source.power[MOREF] is PowerState.ON


def test_a_source_that_cannot_get_its_power_back_is_not_tried_for_ever(tmp_path: Path) -> None:
    rig = rig_of(tmp_path, consistency=Consistency.COLD)
    rig.world.rules.append(failing("receive", BROKEN, times=99))
    tries: list[str] = []

    def gone(moref: str) -> None:
        tries.append(moref)
        raise SourceUnreachable("no route")

    rig.source.power_on = gone  # type: ignore[method-assign]
    assert rig.run().failed == 1
    (failed,) = (each for each in rig.events if isinstance(each, VmFailed))
    assert "Putting the source back failed: no route" in failed.failure.detail
    assert len(tries) == 10


async def test_a_cold_copy_that_is_cancelled_gives_the_source_its_power_back(tmp_path: Path) -> None:
    rig = rig_of(tmp_path, consistency=Consistency.COLD)
    reached = _held_at(rig, Stage.IMPORT_SCW)
    runner = rig.runner()
    running = asyncio.create_task(runner.run())
    await until(reached.is_set)
    assert rig.source.power[MOREF] is PowerState.OFF
    await runner.command(Command("cancel", ALICE, vm="web-01"))
    await running
    assert rig.state.jobs["web-01"].status is JobStatus.CANCELLED
    assert rig.source.power[MOREF] is PowerState.ON


async def test_cancelled_once_the_target_runs_the_source_stays_off(tmp_path: Path) -> None:
    rig = rig_of(tmp_path, consistency=Consistency.COLD)
    reached = _held_at(rig, Stage.VERIFY)
    runner = rig.runner()
    running = asyncio.create_task(runner.run())
    await until(reached.is_set)
    await runner.command(Command("cancel", ALICE, vm="web-01"))
    await running
    assert rig.state.jobs["web-01"].status is JobStatus.CANCELLED
    assert rig.source.power[MOREF] is PowerState.OFF, "never two of one VM at work"


async def _interrupted_while_off(rig: Rig) -> None:
    """The runner is told to leave while the VM is copied; its source stays off for whoever goes on."""
    reached = _held_at(rig, Stage.IMPORT_SCW)
    runner = rig.runner()
    running = asyncio.create_task(runner.run())
    await until(reached.is_set)
    await runner.command(Command("pause_limit", ALICE, limit=Limit.GLOBAL))
    runner.stop(Stop.SIGTERM)
    await running
    assert rig.state.jobs["web-01"].status is JobStatus.PENDING
    assert rig.source.power[MOREF] is PowerState.OFF


@pytest.mark.parametrize("command", ["cancel", "skip"])
async def test_a_vm_given_up_while_it_waits_to_go_on_gives_the_source_its_power_back(
    tmp_path: Path, command: Any
) -> None:
    rig = rig_of(tmp_path, consistency=Consistency.COLD)
    await _interrupted_while_off(rig)
    runner = rig.runner()
    running = asyncio.create_task(runner.run())
    await until(lambda: bool(runner.leases.blocked()))
    await runner.command(Command(command, ALICE, vm="web-01"))
    await asyncio.wait_for(running, 10)
    assert rig.state.jobs["web-01"].status in {JobStatus.CANCELLED, JobStatus.SKIPPED}
    assert rig.source.power[MOREF] is PowerState.ON
    assert rig.state.jobs["web-01"].artifacts.notes["source power"] == "powered back on by v2s"


@pytest.mark.parametrize("command", ["cancel", "skip"])
async def test_a_source_that_cannot_be_powered_back_on_is_told_with_the_cancel(
    tmp_path: Path, command: Any
) -> None:
    rig = rig_of(tmp_path, consistency=Consistency.COLD)
    await _interrupted_while_off(rig)
    rig.world.rules.append(failing("power", SourceError("not enough memory on esxi-01"), times=9))
    runner = rig.runner()
    running = asyncio.create_task(runner.run())
    await until(lambda: bool(runner.leases.blocked()))
    await runner.command(Command(command, ALICE, vm="web-01"))
    await asyncio.wait_for(running, 10)
    told = "Putting the source back failed: not enough memory on esxi-01"
    assert told in rig.state.jobs["web-01"].note
    assert any(told in event_line(each) for each in rig.events)


async def test_a_vm_given_up_at_a_closed_window_gives_the_source_its_power_back(tmp_path: Path) -> None:
    rig = rig_of(tmp_path, consistency=Consistency.COLD)
    await _interrupted_while_off(rig)
    state = rig.state
    waves = tuple(replace(each, not_after=rig.clock.now()) for each in state.plan.waves)
    rig.store = FakeStore(replace(state, plan=replace(state.plan, waves=waves)))
    runner = rig.runner(gate_mode=GateMode.WAIT)
    running = asyncio.create_task(runner.run())
    await until(lambda: runner.gates.waiting)
    await runner.command(Command("skip", ALICE, vm="web-01"))
    await asyncio.wait_for(running, 10)
    assert rig.state.jobs["web-01"].status is JobStatus.SKIPPED
    assert rig.source.power[MOREF] is PowerState.ON


async def test_a_vm_that_finds_the_work_disk_full_as_it_goes_on_gives_the_source_its_power_back(
    tmp_path: Path,
) -> None:
    rig = rig_of(tmp_path, consistency=Consistency.COLD)
    reached = _held_at(rig, Stage.CONVERT)
    runner = rig.runner()
    running = asyncio.create_task(runner.run())
    await until(reached.is_set)
    runner.stop(Stop.SIGTERM)
    await running
    rig.disks.free = 0
    outcome = await asyncio.wait_for(rig.runner().run(), 10)
    assert outcome.failed == 1
    assert rig.state.jobs["web-01"].failure.signature == "work-disk-full"  # type: ignore[union-attr]
    assert rig.source.power[MOREF] is PowerState.ON


def _held_at(rig: Rig, stage: Stage) -> threading.Event:
    """This stage waits until it is cancelled; the event says that it was reached."""
    reached, own = threading.Event(), rig.stages[stage]

    def wait(task: StageInput, context: StageContext) -> Artifacts:
        reached.set()
        while not context.cancelled.is_set():
            context.pause(0.01)
        return own(task, context)

    rig.stages = {**rig.stages, stage: wait}
    return reached


# --- a guest that takes longer than it was given


def test_a_guest_that_goes_down_after_all_is_known_to_have_been_asked(tmp_path: Path) -> None:
    rig = rig_of(tmp_path, consistency=Consistency.COLD)
    asked_how(rig, "the guest was still running after 600 seconds")
    rig.run()
    note = rig.state.jobs["web-01"].artifacts.notes["source power"]
    assert note == "asked to shut down and still running"
    rig.source.power[MOREF] = PowerState.OFF
    rig.world.rules.append(failing("import_snapshot", BROKEN, times=99))
    assert rig.run(retry_failed=True).failed == 1
    assert rig.source.power[MOREF] is PowerState.ON, "a retry knows whose doing it was"


@pytest.mark.parametrize("on_record", [EffectState.INTENDED, EffectState.MADE])
def test_undo_powers_on_what_a_killed_runner_shut_down(tmp_path: Path, on_record: EffectState) -> None:
    rig = _killed_with(tmp_path, on_record)
    assert rig.source.power[MOREF] is PowerState.OFF
    undo = Undo(Recorder(rig.store), rig.ports, actor=ALICE, work_dir=rig.work_dir, sleep=lambda _: None)
    undo.run(["web-01"], named=["web-01"])
    assert rig.source.power[MOREF] is PowerState.ON


def test_undo_leaves_the_source_off_while_its_instance_is_still_there(tmp_path: Path) -> None:
    rig = rig_of(tmp_path, consistency=Consistency.COLD)
    assert rig.run().complete == 1
    rig.world.rules.append(failing("instance_action", TargetError("try again", status=500)))
    undo = Undo(Recorder(rig.store), rig.ports, actor=ALICE, work_dir=rig.work_dir, sleep=lambda _: None)
    problems = {each.step.effect.kind: each.problem for each in undo.run(["web-01"], named=["web-01"])}
    assert rig.cloud.of_kind("instance")
    assert rig.source.power[MOREF] is PowerState.OFF, "never two of one VM at work"
    assert "its Instance is still there" in problems[EffectKind.SOURCE_POWER]
    assert not any(each.problem for each in undo.run(["web-01"], named=["web-01"]))
    assert rig.source.power[MOREF] is PowerState.ON


def _killed_with(tmp_path: Path, on_record: EffectState) -> Rig:
    """Killed at the first commit that finds the source off and its shutdown so on record."""
    for commits in range(2, 40):
        rig = rig_of(tmp_path / str(commits), consistency=Consistency.COLD)
        rig.run_until_death(commits)
        states = [e.state for e in rig.state.effects.values() if e.kind is EffectKind.SOURCE_POWER]
        if states == [on_record] and rig.source.power[MOREF] is PowerState.OFF:
            return rig
    raise AssertionError(f"no commit leaves it {on_record.value}")
