"""A headless run never waits without saying what for."""

from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.plans import batch_of, plan_of, vm_named

from v2s_tui.cli.run_output import LineOutput
from v2s_tui.domain.execution.batch import GateState
from v2s_tui.domain.execution.snapshot import BatchSnapshot, picture_of
from v2s_tui.domain.planning.plan import PausePolicy


def at_gate() -> BatchSnapshot:
    state = batch_of(plan_of([("canary", [vm_named("vm-0")], PausePolicy.PAUSE)]))
    picture = picture_of(state, state.header.created_at)
    return replace(picture, gate=GateState("canary", 0, "policy is pause", picture.at))


def said(output: LineOutput, capsys: pytest.CaptureFixture[str], picture: BatchSnapshot, second: int) -> str:
    output.on_picture(replace(picture, at=picture.at + timedelta(seconds=second)))
    return capsys.readouterr().err


def test_a_wait_is_said_when_it_begins_and_once_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    output, picture = LineOutput(), at_gate()
    assert said(output, capsys, picture, 0) == ""
    assert "waiting for an operator at the gate after wave canary" in said(output, capsys, picture, 6)
    assert said(output, capsys, picture, 30) == ""
    assert "at the gate after wave canary" in said(output, capsys, picture, 70)
    assert said(output, capsys, replace(picture, gate=None), 90) == ""
