"""What `batch status` says of a closed gate: commands of the shell it is read in, never keys of the app."""

from dataclasses import replace

import pytest
from fakes.plans import BATCH_ID, batch_of, plan_of, vm_named
from fakes.source import MADE_AT

from v2s_tui.cli.batch_attach import _put_changes, parse_command
from v2s_tui.cli.batch_status import put_status
from v2s_tui.domain.execution.batch import GateState
from v2s_tui.domain.execution.snapshot import BatchSnapshot, picture_of
from v2s_tui.domain.planning.plan import PausePolicy


@pytest.fixture
def at_gate() -> BatchSnapshot:
    waves = [("canary", [vm_named("a")], PausePolicy.PAUSE), ("rest", [vm_named("b")], PausePolicy.CONTINUE)]
    picture = picture_of(batch_of(plan_of(waves)), MADE_AT)
    return replace(picture, gate=GateState("canary", 0, "the wave's policy is pause", MADE_AT), live=True)


def test_status_and_watching_name_the_command(
    at_gate: BatchSnapshot, capsys: pytest.CaptureFixture[str]
) -> None:
    put_status(at_gate, as_json=False)
    _put_changes(at_gate, {})
    said = capsys.readouterr().out.splitlines()
    ways = [line.removeprefix("act    ") for line in said if line.startswith("act ")]
    assert len(ways) == 2
    assert not [line for line in said if line.startswith("keys")]
    first, _, others = ways[0].partition(" (or ")
    assert first == f"v2s batch attach --batch-id {BATCH_ID} approve"
    for word in ("approve", *others.rstrip(")").split(", ")):
        assert parse_command([word]) == (word, {})


def test_a_gate_nobody_works_at_is_resumed(
    at_gate: BatchSnapshot, capsys: pytest.CaptureFixture[str]
) -> None:
    put_status(replace(at_gate, live=False), as_json=False)
    *_, last = capsys.readouterr().out.splitlines()
    assert last == f"go on: v2s batch resume --batch-id {BATCH_ID} --approve"
