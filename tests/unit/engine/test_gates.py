"""Gates: the three policies by declared order, who approved, holding, aborting, and leaving with exit 3."""

import asyncio
import threading
from pathlib import Path

import pytest
from fakes.plans import plan_of, vm_named
from fakes.rig import ALICE, Rig, until
from fakes.world import failing

from v2s_tui.domain.errors import InputError, ToolError
from v2s_tui.domain.execution.artifacts import Artifacts
from v2s_tui.domain.execution.batch import BatchStatus, GateState, WaveStatus
from v2s_tui.domain.execution.events import Actor, Decision, Event
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.stages import JobStatus, Stage
from v2s_tui.engine.batch_runner import BatchRunner
from v2s_tui.engine.commands import Command
from v2s_tui.engine.outcome import Stop, exit_code
from v2s_tui.engine.runner import Interrupts
from v2s_tui.engine.settings import GateMode
from v2s_tui.engine.stage_contract import StageContext, StageInput

BOB = Actor("bob", "second terminal")
BROKEN = ToolError("qemu-img ended with exit code 1", command="qemu-img", exit_code=1, stderr_tail="odd")


def _rig(tmp_path: Path, *policies: PausePolicy, empty: int = -1) -> Rig:
    waves = [
        (f"wave-{index}", [] if index == empty else [vm_named(f"vm-{index}")], policy)
        for index, policy in enumerate(policies)
    ]
    return Rig(plan_of(waves), tmp_path)


def _fail_first_convert(rig: Rig, times: int = 1) -> None:
    rig.world.rules.append(failing("check", BROKEN, times=times))


async def _at_gate(runner: BatchRunner) -> "asyncio.Task[object]":
    running = asyncio.create_task(runner.run())
    await until(lambda: runner.gates.waiting)
    return running


def test_without_an_operator_it_finishes_the_wave_and_exits_3(tmp_path: Path) -> None:
    rig = _rig(tmp_path, PausePolicy.PAUSE, PausePolicy.PAUSE)
    outcome = rig.run(gate_mode=GateMode.STOP)
    assert exit_code(outcome) == 3
    assert outcome.stopped is Stop.GATE
    assert rig.state.jobs["vm-0"].status is JobStatus.COMPLETE
    assert rig.state.jobs["vm-1"].status is JobStatus.PENDING
    assert rig.state.header.gate is not None
    assert rig.state.header.status is BatchStatus.PAUSED


def test_resume_with_approval_goes_on_and_is_recorded(tmp_path: Path) -> None:
    rig = _rig(tmp_path, PausePolicy.PAUSE, PausePolicy.PAUSE)
    rig.run(gate_mode=GateMode.STOP)
    outcome = rig.run(gate_mode=GateMode.STOP, approve=True, actor=BOB)
    assert exit_code(outcome) == 0
    (approval,) = rig.state.header.approvals
    assert (approval.who, approval.origin, approval.wave) == ("bob", "second terminal", "wave-0")
    assert rig.cloud.created["instance"] == 2


def test_resume_without_approval_stays_at_the_gate(tmp_path: Path) -> None:
    rig = _rig(tmp_path, PausePolicy.PAUSE, PausePolicy.CONTINUE)
    rig.run(gate_mode=GateMode.STOP)
    since = rig.state.header.gate
    assert exit_code(rig.run(gate_mode=GateMode.STOP)) == 3
    assert rig.state.header.gate == since


def test_pause_on_failure_goes_on_when_all_is_well(tmp_path: Path) -> None:
    rig = _rig(tmp_path, PausePolicy.PAUSE_ON_FAILURE, PausePolicy.CONTINUE)
    assert exit_code(rig.run(gate_mode=GateMode.STOP)) == 0


def test_pause_on_failure_stops_after_a_failure(tmp_path: Path) -> None:
    rig = _rig(tmp_path, PausePolicy.PAUSE_ON_FAILURE, PausePolicy.CONTINUE)
    _fail_first_convert(rig)
    outcome = rig.run(gate_mode=GateMode.STOP)
    assert outcome.stopped is Stop.GATE
    assert "1 of 1 VMs failed" in outcome.reason


def test_continue_goes_on_after_a_failure_and_exits_1(tmp_path: Path) -> None:
    rig = _rig(tmp_path, PausePolicy.CONTINUE, PausePolicy.CONTINUE)
    _fail_first_convert(rig)
    outcome = rig.run(gate_mode=GateMode.STOP)
    assert exit_code(outcome) == 1
    assert outcome.status is BatchStatus.PARTIAL
    assert rig.state.jobs["vm-1"].status is JobStatus.COMPLETE


def test_an_empty_wave_keeps_its_own_policy(tmp_path: Path) -> None:
    rig = _rig(tmp_path, PausePolicy.CONTINUE, PausePolicy.PAUSE, PausePolicy.CONTINUE, empty=1)
    outcome = rig.run(gate_mode=GateMode.STOP)
    assert outcome.stopped is Stop.GATE
    assert rig.state.header.gate is not None
    assert rig.state.header.gate.wave == "wave-1"
    assert rig.state.jobs["vm-0"].status is JobStatus.COMPLETE


def test_the_last_wave_has_no_gate_and_says_so(tmp_path: Path) -> None:
    rig = _rig(tmp_path, PausePolicy.PAUSE)
    assert exit_code(rig.run(gate_mode=GateMode.STOP)) == 0
    assert "no gate" in rig.state.header.waves[0].note


async def test_a_command_approves_a_waiting_gate(tmp_path: Path) -> None:
    rig = _rig(tmp_path, PausePolicy.PAUSE, PausePolicy.CONTINUE)
    runner = rig.runner(gate_mode=GateMode.WAIT)
    running = await _at_gate(runner)
    assert rig.state.header.waves[0].status is WaveStatus.GATE
    await runner.command(Command("approve", BOB))
    await running
    assert rig.state.header.approvals[0].who == "bob"
    assert rig.state.header.status is BatchStatus.COMPLETE


async def test_a_decision_about_one_gate_never_opens_the_next(tmp_path: Path) -> None:
    rig = _rig(tmp_path, PausePolicy.PAUSE, PausePolicy.PAUSE, PausePolicy.CONTINUE, empty=1)
    runner = rig.runner(gate_mode=GateMode.WAIT)
    running = await _at_gate(runner)
    await runner.command(Command("approve", BOB, gate=0))
    with pytest.raises(InputError, match="open already; the one closed now is after wave wave-1"):
        await runner.command(Command("approve", BOB, gate=0))
    assert rig.state.jobs["vm-2"].status is JobStatus.PENDING
    await runner.command(Command("approve", BOB, gate=1))
    await running
    assert rig.state.header.status is BatchStatus.COMPLETE


async def test_hold_keeps_waiting_and_names_who_holds(tmp_path: Path) -> None:
    rig = _rig(tmp_path, PausePolicy.PAUSE, PausePolicy.CONTINUE)
    runner = rig.runner(gate_mode=GateMode.WAIT)
    running = await _at_gate(runner)
    await runner.command(Command("hold", BOB))
    await until(lambda: runner.gates.waiting and bool(rig.state.header.approvals))
    assert rig.state.header.gate is not None
    assert rig.state.header.gate.held_by == "bob"
    await runner.command(Command("approve", ALICE))
    await running


async def test_approve_with_retry_runs_the_failed_ones_again(tmp_path: Path) -> None:
    rig = _rig(tmp_path, PausePolicy.PAUSE_ON_FAILURE, PausePolicy.CONTINUE)
    _fail_first_convert(rig)
    runner = rig.runner(gate_mode=GateMode.WAIT)
    running = await _at_gate(runner)
    await runner.command(Command("approve_retry_failed", BOB))
    outcome = await running
    assert outcome.status is BatchStatus.COMPLETE  # type: ignore[attr-defined]


async def test_retry_at_the_gate_looks_at_the_gate_again(tmp_path: Path) -> None:
    rig = _rig(tmp_path, PausePolicy.PAUSE_ON_FAILURE, PausePolicy.CONTINUE)
    _fail_first_convert(rig)
    runner = rig.runner(gate_mode=GateMode.WAIT)
    running = await _at_gate(runner)
    await runner.command(Command("retry", BOB, vm="vm-0"))
    outcome = await running
    assert outcome.status is BatchStatus.COMPLETE  # type: ignore[attr-defined]
    assert rig.state.jobs["vm-0"].retries[0].actor == "bob (second terminal)"


@pytest.mark.parametrize("edited", [True, False])
async def test_a_vm_that_is_retried_twice_at_once_runs_once(tmp_path: Path, *, edited: bool) -> None:
    rig = _rig(tmp_path, PausePolicy.PAUSE_ON_FAILURE, PausePolicy.CONTINUE)
    _fail_first_convert(rig)
    runner = rig.runner(gate_mode=GateMode.WAIT)
    running = await _at_gate(runner)
    planned = rig.state.planned["vm-0"] if edited else None
    retry = Command("retry", BOB, vm="vm-0", planned=planned)
    said = await asyncio.gather(runner.command(retry), runner.command(retry), return_exceptions=True)
    assert sorted(isinstance(each, InputError) for each in said) == [False, True]
    outcome = await running
    assert outcome.status is BatchStatus.COMPLETE  # type: ignore[attr-defined]
    assert rig.state.jobs["vm-0"].runs == 2


async def test_a_retry_beside_an_approval_with_retry_runs_the_vm_once(tmp_path: Path) -> None:
    rig = _rig(tmp_path, PausePolicy.PAUSE_ON_FAILURE, PausePolicy.CONTINUE)
    _fail_first_convert(rig)
    runner = rig.runner(gate_mode=GateMode.WAIT)
    running = await _at_gate(runner)
    await runner.command(Command("approve_retry_failed", BOB))
    await runner.command(Command("retry", ALICE, vm="vm-0"))
    outcome = await running
    assert outcome.status is BatchStatus.COMPLETE  # type: ignore[attr-defined]
    assert rig.state.jobs["vm-0"].runs == 2


async def test_a_retry_that_comes_as_the_last_wave_ends_still_runs(tmp_path: Path) -> None:
    rig, loop = _rig(tmp_path, PausePolicy.CONTINUE), asyncio.get_running_loop()
    _fail_first_convert(rig)
    sent = []

    def retry_at_end(event: Event) -> None:
        if event.kind == "wave_ended" and not sent:
            command = Command("retry", BOB, vm="vm-0")
            loop.call_soon_threadsafe(lambda: sent.append(loop.create_task(runner.command(command))))

    runner = rig.runner(listeners=[retry_at_end])
    outcome = await asyncio.wait_for(runner.run(), 10)
    assert "runs again" in await sent[0] or "when the batch is resumed" in await sent[0]
    assert (outcome.status is BatchStatus.COMPLETE) == ("runs again" in await sent[0])


async def test_a_decision_while_a_vm_of_the_wave_runs_again_is_refused_with_the_reason(
    tmp_path: Path,
) -> None:
    rig, go = _rig(tmp_path, PausePolicy.PAUSE_ON_FAILURE, PausePolicy.CONTINUE), threading.Event()
    _fail_first_convert(rig)
    convert = rig.stages[Stage.CONVERT]

    def slow(task: StageInput, context: StageContext) -> Artifacts:
        if rig.state.header.gate is not None:
            go.wait(5)
        return convert(task, context)

    rig.stages = {**rig.stages, Stage.CONVERT: slow}
    runner = rig.runner(gate_mode=GateMode.WAIT)
    running = await _at_gate(runner)
    await runner.command(Command("retry", BOB, vm="vm-0"))
    with pytest.raises(InputError, match="VMs of this wave run again"):
        await asyncio.wait_for(runner.command(Command("approve", BOB)), 2)
    go.set()
    await running


async def test_a_stop_that_comes_just_as_the_gate_closes_is_not_lost(tmp_path: Path) -> None:
    rig, loop = _rig(tmp_path, PausePolicy.PAUSE, PausePolicy.CONTINUE), asyncio.get_running_loop()

    def stop_at_gate(event: Event) -> None:
        if event.kind == "gate_reached":
            loop.call_soon_threadsafe(runner.stop, Stop.SIGTERM)

    runner = rig.runner(gate_mode=GateMode.WAIT, listeners=[stop_at_gate])
    outcome = await asyncio.wait_for(runner.run(), 10)
    assert outcome.stopped is Stop.SIGTERM


async def test_a_command_that_comes_just_as_the_gate_closes_is_not_lost(tmp_path: Path) -> None:
    rig, loop = _rig(tmp_path, PausePolicy.PAUSE_ON_FAILURE, PausePolicy.CONTINUE), asyncio.get_running_loop()
    _fail_first_convert(rig)
    sent = []

    def skip_at_gate(event: Event) -> None:
        if event.kind == "gate_reached":
            command = Command("skip", BOB, vm="vm-0")
            loop.call_soon_threadsafe(lambda: sent.append(loop.create_task(runner.command(command))))

    runner = rig.runner(gate_mode=GateMode.WAIT, listeners=[skip_at_gate])
    await asyncio.wait_for(runner.run(), 10)
    assert await sent[0] == "vm-0 is left out"
    assert rig.state.jobs["vm-1"].status is JobStatus.COMPLETE


async def test_abort_leaves_the_rest_resumable(tmp_path: Path) -> None:
    rig = _rig(tmp_path, PausePolicy.PAUSE, PausePolicy.CONTINUE)
    runner = rig.runner(gate_mode=GateMode.WAIT)
    running = await _at_gate(runner)
    await runner.command(Command("abort", BOB))
    outcome = await running
    assert exit_code(outcome) == 130  # type: ignore[arg-type]
    assert exit_code(await rig.runner(approve=True).run()) == 0


@pytest.mark.parametrize(
    ("answer", "code"), [(Decision.APPROVE, 0), (Decision.HOLD, 3), (None, 3), (Decision.ABORT, 130)]
)
def test_the_terminal_is_asked(tmp_path: Path, answer: Decision | None, code: int) -> None:
    rig = _rig(tmp_path, PausePolicy.PAUSE, PausePolicy.CONTINUE)
    outcome = rig.run(gate_mode=GateMode.ASK, ask_gate=lambda _: answer)
    assert exit_code(outcome) == code


async def test_what_the_terminal_was_asked_about_one_gate_opens_no_other(tmp_path: Path) -> None:
    rig = _rig(tmp_path, PausePolicy.PAUSE, PausePolicy.PAUSE, PausePolicy.CONTINUE)
    asked: list[str] = []
    answers: list[threading.Event] = [threading.Event(), threading.Event()]

    def ask(gate: GateState) -> Decision:
        asked.append(gate.wave)
        answers[len(asked) - 1].wait(5)
        return Decision.APPROVE

    runner = rig.runner(gate_mode=GateMode.ASK, ask_gate=ask)
    running = await _at_gate(runner)
    await runner.command(Command("approve", BOB))
    await until(lambda: runner.gates.waiting and len(rig.state.header.approvals) == 1)
    answers[0].set()  # about the gate that Bob has opened already
    await until(lambda: len(asked) == 2)
    assert asked == ["wave-0", "wave-1"]
    assert len(rig.state.header.approvals) == 1, "nobody has seen that gate yet"
    assert rig.state.jobs["vm-2"].status is JobStatus.PENDING
    answers[1].set()
    await running
    assert [(each.wave, each.who) for each in rig.state.header.approvals] == [
        ("wave-0", "bob"),
        ("wave-1", "alice"),
    ]


async def test_ctrl_c_at_a_gate_leaves_it_closed_and_asks_no_second_question(tmp_path: Path) -> None:
    rig = _rig(tmp_path, PausePolicy.PAUSE, PausePolicy.CONTINUE)
    runner = rig.runner(gate_mode=GateMode.WAIT)
    running = await _at_gate(runner)
    asked: list[str] = []

    def ask() -> str:
        asked.append("h/a/c")
        return "hold"

    Interrupts(runner, ask, ALICE).interrupt()
    outcome = await asyncio.wait_for(running, 10)
    assert exit_code(outcome) == 130  # type: ignore[arg-type]
    assert asked == []
    assert rig.state.header.gate is not None


async def test_approving_without_a_gate_is_refused(tmp_path: Path) -> None:
    rig = _rig(tmp_path, PausePolicy.CONTINUE)
    with pytest.raises(InputError, match="no gate is waiting"):
        await rig.runner().command(Command("approve", BOB))
