"""Waiting for tasks, without a clock that really runs."""

from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from v2s_tui.adapters.vsphere.address import Timeouts
from v2s_tui.adapters.vsphere.faults import GONE, VimFault, VimFaultError
from v2s_tui.adapters.vsphere.tasks import Tasks
from v2s_tui.adapters.vsphere.values import Ref, Value
from v2s_tui.adapters.vsphere.waiting import Waiting
from v2s_tui.domain.errors import Cancelled, SourceError, SourceUnreachable

BUSY: Value = {"fault": {"@type": "TaskInProgress"}, "localizedMessage": "busy"}


class StillClock:
    """Time that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sleeps: list[float] = []
        self.said: list[str] = []

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


class ScriptedSession:
    """A session and retriever in one: the task shows these states, one after the other, then the last."""

    def __init__(self, *states: Mapping[str, Value]) -> None:
        self.address = SimpleNamespace(timeouts=Timeouts(task=60, busy=20))
        self.states = list(states)

    def attempt(self, action: Callable[[], Any], *, repeatable: bool) -> Any:
        return action()

    def read(self, _doing: str, _ref: Ref, *_paths: str) -> Mapping[str, Value]:
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]


def state(word: str, **more: Value) -> Mapping[str, Value]:
    return {"info.state": word, **{f"info.{name}": value for name, value in more.items()}}


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


def tasks(session: ScriptedSession, clock: StillClock) -> Tasks:
    waiting = Waiting(clock.sleep, lambda: clock.now, clock.said.append)
    return Tasks(session, session, waiting)  # type: ignore[arg-type]


def started(*outcomes: Exception | str) -> Callable[[], Any]:
    """A start that raises or gives a task, call by call."""
    left: Iterator[Exception | str] = iter(outcomes)

    def start() -> Any:
        outcome = next(left)
        if isinstance(outcome, Exception):
            raise outcome
        return SimpleNamespace(_moId=outcome)

    return start


def test_the_result_of_a_task_is_its_value(clock: StillClock) -> None:
    result = Ref("VirtualMachineSnapshot", "snapshot-1")
    session = ScriptedSession(state("queued"), state("running"), state("success", result=result))
    assert tasks(session, clock).run("Snapshot", started("task-1")) == result
    assert len(clock.sleeps) == 2


def test_polling_slows_down_but_not_for_ever(clock: StillClock) -> None:
    session = ScriptedSession(*[state("running")] * 20, state("success"))
    tasks(session, clock).run("Snapshot", started("task-1"))
    assert clock.sleeps[0] < clock.sleeps[-1] <= 2


def test_a_task_that_never_ends_is_given_up(clock: StillClock) -> None:
    with pytest.raises(SourceError, match="has not ended after 60 seconds"):
        tasks(ScriptedSession(state("running")), clock).run("Snapshot", started("task-1"))


def test_busy_is_tried_again_whether_the_call_or_the_task_says_so(clock: StillClock) -> None:
    session = ScriptedSession(state("error", error=BUSY), state("success"))
    tasks(session, clock).run("Snapshot", started(VimFault("TaskInProgress"), "task-1", "task-2"))
    assert len(clock.sleeps) == 2


def test_busy_for_too_long_is_an_error(clock: StillClock) -> None:
    with pytest.raises(VimFaultError, match="another task is running") as raised:
        tasks(ScriptedSession(state("error", error=BUSY)), clock).run("Snapshot", started(*["task-1"] * 99))
    assert raised.value.transient
    assert clock.now <= 20


def test_a_long_wait_says_what_it_waits_for_and_since_when(clock: StillClock) -> None:
    with pytest.raises(VimFaultError):
        tasks(ScriptedSession(state("error", error=BUSY)), clock).run("Snapshot", started(*["task-1"] * 99))
    said = [each for each in clock.said if each]
    assert said[0] == "Snapshot: the VM is busy with another task at vCenter for 3.5s, at most 20s"
    assert clock.said[-1] == ""


def test_a_short_wait_is_no_news(clock: StillClock) -> None:
    tasks(ScriptedSession(state("running"), state("success")), clock).run("Snapshot", started("task-1"))
    assert not any(clock.said)


def test_a_listener_that_has_enough_ends_the_wait(clock: StillClock) -> None:
    def enough(_seconds: float) -> None:
        raise Cancelled("stopped")

    session = ScriptedSession(state("running"))
    waiting = Waiting(enough, lambda: clock.now, clock.said.append)
    with pytest.raises(Cancelled):
        Tasks(session, session, waiting).run("Snapshot", started("task-1"))  # type: ignore[arg-type]
    assert clock.said[-1] == ""


def test_a_task_that_vcenter_forgot_is_worth_another_try(clock: StillClock) -> None:
    """It restarted; whoever tries again looks first at what the task did."""

    class Restarted(ScriptedSession):
        def read(self, doing: str, _ref: Ref, *_paths: str) -> Mapping[str, Value]:
            raise VimFaultError(doing, hint="", kind=GONE)

    with pytest.raises(SourceUnreachable, match="does not know the task") as raised:
        tasks(Restarted(), clock).run("Snapshot", started("task-1"))
    assert raised.value.transient


@pytest.mark.parametrize("kind", [GONE, "NoPermission"])
def test_a_task_that_is_not_told_of_does_not_run(clock: StillClock, kind: str) -> None:
    """Looking whether somebody is at work is a precaution; it must not stop what could go on."""

    class Silent(ScriptedSession):
        def read(self, doing: str, _ref: Ref, *_paths: str) -> Mapping[str, Value]:
            raise VimFaultError(doing, hint="", kind=kind)

    assert not tasks(Silent(), clock).runs("Looking", Ref("Task", "task-1"), "VirtualMachine.createSnapshot")


def test_other_faults_are_not_tried_again(clock: StillClock) -> None:
    denied: Value = {"fault": {"@type": "NoPermission", "privilegeId": "VApp.Export"}}
    with pytest.raises(VimFaultError, match=r"lacks a privilege: VApp\.Export"):
        tasks(ScriptedSession(state("error", error=denied)), clock).run("Export", started("task-1"))
    assert clock.sleeps == []
