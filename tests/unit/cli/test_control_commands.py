"""Every control action from a second terminal: `v2s batch attach WORDS` against a living runner."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.plans import batch_of, plan_of, vm_named
from fakes.rig import Rig
from fakes.stages import STAGES
from fakes.world import failing

from v2s_tui.adapters.store.batch_state import BatchStateFile
from v2s_tui.adapters.store.reading import read_batch
from v2s_tui.cli.batch_attach import give_command
from v2s_tui.domain.errors import InputError, StateError, ToolError
from v2s_tui.domain.execution.artifacts import Artifacts
from v2s_tui.domain.execution.batch import BatchState
from v2s_tui.domain.execution.events import Decision
from v2s_tui.domain.planning.limits import Limit
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.stages import JobStatus, Stage
from v2s_tui.engine.attach import BlockingRunnerClient
from v2s_tui.engine.commands import COMMAND_NAMES, planned_to_json
from v2s_tui.engine.outcome import BatchOutcome, Stop
from v2s_tui.engine.runner import run_in_foreground
from v2s_tui.engine.settings import GateMode
from v2s_tui.engine.stage_contract import StageContext, StageInput

BROKEN = ToolError("qemu-img ended with exit code 1", command="qemu-img", exit_code=1, stderr_tail="odd")


class Terminal:
    """A runner in a thread whose first wave has one VM that failed and stands at its gate."""

    def __init__(self, folder: Path) -> None:
        waves = [
            ("one", [vm_named("vm-0"), vm_named("vm-1")], PausePolicy.PAUSE_ON_FAILURE),
            ("two", [vm_named("vm-2")], PausePolicy.CONTINUE),
        ]
        self.may_verify = threading.Event()
        stages = {**STAGES, Stage.VERIFY: self._verify}
        self.rig = Rig(plan_of(waves), folder, stages=stages, evidence={})
        self.rig.world.rules.append(failing("check", BROKEN, about="00000001"))
        self.store = BatchStateFile.create(folder, batch_of(self.rig.plan))
        self.path = self.store.path
        self.outcome: BatchOutcome | None = None
        self.thread = threading.Thread(target=self._run)

    def _verify(self, task: StageInput, context: StageContext) -> Artifacts:
        """The VM of the second wave waits here until it may end, or is cancelled."""
        while task.planned.name == "vm-2" and not self.may_verify.is_set():
            context.pause(0.01)
        return STAGES[Stage.VERIFY](task, context)

    def _run(self) -> None:
        request = self.rig.request(self.store, GateMode.WAIT)
        self.outcome = run_in_foreground(request)
        self.store.close()

    @property
    def state(self) -> BatchState:
        return read_batch(self.path)

    def say(self, *words: str, **more: object) -> str:
        return give_command(self.path, words, take_over=False, **more)  # type: ignore[arg-type]

    def until(self, holds: Callable[[BatchState], object]) -> None:
        """Until the state on disk is so."""
        deadline = time.monotonic() + 20
        while not holds(self.state):
            assert time.monotonic() < deadline, self.state.header
            time.sleep(0.01)

    def status(self, name: str, wanted: JobStatus) -> None:
        self.until(lambda state: state.jobs[name].status is wanted)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    terminal.thread.start()
    terminal.until(lambda state: state.header.gate is not None)
    yield terminal
    terminal.may_verify.set()
    with contextlib.suppress(StateError):  # it may have ended already
        give_command(terminal.path, ["abort"], take_over=True)
    terminal.thread.join(30)
    assert not terminal.thread.is_alive()


def test_approve_opens_the_gate(terminal: Terminal) -> None:
    terminal.say("approve")
    terminal.may_verify.set()
    terminal.status("vm-2", JobStatus.COMPLETE)
    assert terminal.state.jobs["vm-0"].status is JobStatus.FAILED
    assert terminal.state.header.approvals[0].origin.startswith("batch attach on ")


def test_approve_with_retry_runs_the_failed_one_first(terminal: Terminal) -> None:
    terminal.say("approve_retry_failed")
    terminal.status("vm-0", JobStatus.COMPLETE)
    terminal.may_verify.set()
    terminal.status("vm-2", JobStatus.COMPLETE)


def test_hold_keeps_the_gate_closed_on_record(terminal: Terminal) -> None:
    terminal.say("hold")
    terminal.until(lambda state: state.header.approvals)
    assert terminal.state.header.approvals[0].decision is Decision.HOLD
    assert terminal.state.header.gate is not None


def test_abort_ends_the_runner(terminal: Terminal) -> None:
    terminal.say("abort")
    terminal.thread.join(20)
    assert terminal.outcome is not None
    assert terminal.outcome.stopped is Stop.ABORT


def test_retry_as_it_is(terminal: Terminal) -> None:
    assert "runs again" in terminal.say("retry", "vm-0")
    terminal.status("vm-0", JobStatus.COMPLETE)


def test_retry_from_a_stage(terminal: Terminal) -> None:
    terminal.say("retry", "vm-0", "export")
    terminal.status("vm-0", JobStatus.COMPLETE)
    assert [lease.vm_moref for lease in terminal.rig.source.leases].count("vm-vm-0") == 2


def test_retry_with_an_edited_entry(terminal: Terminal) -> None:
    edited = replace(terminal.rig.plan.vms[0], target_type="POP2-4C-16G")
    terminal.say("retry", "vm-0", entry_of=lambda _: planned_to_json(edited))
    terminal.status("vm-0", JobStatus.COMPLETE)
    assert terminal.state.jobs["vm-0"].target_type == "POP2-4C-16G"
    with pytest.raises(InputError, match="takes no plan"):
        terminal.say("skip", "vm-0", entry_of=lambda _: {})


def test_skip_leaves_a_vm_out(terminal: Terminal) -> None:
    terminal.say("skip", "vm-2", "not this week")
    terminal.status("vm-2", JobStatus.SKIPPED)
    assert "not this week" in terminal.state.jobs["vm-2"].note


def test_cancel_stops_a_running_vm(terminal: Terminal) -> None:
    terminal.say("approve")
    terminal.status("vm-2", JobStatus.VERIFYING)
    terminal.say("cancel", "vm-2")
    terminal.status("vm-2", JobStatus.CANCELLED)


def test_pause_and_resume_the_batch(terminal: Terminal) -> None:
    terminal.say("pause")
    terminal.until(lambda state: state.header.paused)
    terminal.say("resume")
    terminal.until(lambda state: not state.header.paused)


def test_pause_resume_and_change_one_limit(terminal: Terminal) -> None:
    terminal.say("pause_limit", "disk_io")
    terminal.until(lambda state: state.header.paused_limits == (Limit.DISK_IO,))
    terminal.say("resume_limit", "disk_io")
    terminal.until(lambda state: not state.header.paused_limits)
    terminal.say("set_limit", "s3_upload", "9")
    terminal.until(lambda state: state.header.limits.s3_upload == 9)


def test_the_write_token_is_taken_over_on_request_only(terminal: Terminal) -> None:
    first = BlockingRunnerClient(terminal.path, origin="first")
    first.send("hold")
    with pytest.raises(InputError, match="commands this batch"):
        terminal.say("approve")
    give_command(terminal.path, ["approve"], take_over=True)
    first.close()
    terminal.status("vm-2", JobStatus.VERIFYING)


def test_every_command_has_its_test_here() -> None:
    said = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in COMMAND_NAMES if f'"{name}"' not in said] == []
