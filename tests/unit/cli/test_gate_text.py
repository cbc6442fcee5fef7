"""What a headless run says before a wave that touches the power of its sources: in red, and in words."""

import os
import pty
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from fakes.plans import BATCH_ID, batch_of, plan_of, vm_named
from fakes.rig import Rig
from fakes.rig_services import services_over
from fakes.source import MADE_AT

from v2s_tui.adapters.store.batch_state import BatchStateFile
from v2s_tui.cli import headless, run_output
from v2s_tui.domain.execution.batch import GateState
from v2s_tui.domain.execution.events import Decision
from v2s_tui.domain.execution.snapshot import picture_of
from v2s_tui.domain.planning.plan import PausePolicy, PostMigration
from v2s_tui.domain.planning.plan_options import Consistency
from v2s_tui.domain.planning.stages import JobStatus
from v2s_tui.engine.outcome import BatchOutcome
from v2s_tui.engine.settings import GateMode
from v2s_tui.usecases.run_batch import RunOptions
from v2s_tui.usecases.services import Services

POWER = (
    "POWER  SHUTS DOWN 2 sources before the copy: db-1, db-2\n"
    "POWER  POWERS OFF 1 source once migrated: web-1\n"
)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """Two waves; behind the gate of the first are two cold VMs and one that is powered off in the end."""
    waves = [
        ("canary", [vm_named("a")], PausePolicy.PAUSE),
        ("night", [vm_named("db-1"), vm_named("web-1"), vm_named("db-2")], PausePolicy.PAUSE),
    ]
    plan = plan_of(waves, post_migration=PostMigration(power_off_source=True))
    vms = (
        replace(each, consistency=Consistency.COLD) if each.name.startswith("db") else each
        for each in plan.vms
    )
    rig = Rig(replace(plan, vms=tuple(vms)), tmp_path)
    rig.store = BatchStateFile.create(tmp_path, batch_of(rig.plan))  # type: ignore[assignment]
    return rig


@pytest.fixture
def outcome(rig: Rig) -> BatchOutcome:
    """The batch after a run that stopped at the gate."""
    stopped = rig.run(gate_mode=GateMode.STOP)
    rig.store.close()
    return stopped


@pytest.fixture
def services(rig: Rig) -> Services:
    return services_over(rig)


def test_the_question_at_a_gate_names_the_sources(
    services: Services,
    outcome: BatchOutcome,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answers: list[Decision | None] = []

    def run_batch(_services: Services, _batch_id: str, options: RunOptions) -> BatchOutcome:
        assert options.ask_gate is not None
        answers.append(options.ask_gate(GateState("canary", 0, "policy is pause", MADE_AT)))
        return outcome

    monkeypatch.setattr(headless, "run_batch", run_batch)
    monkeypatch.setattr(run_output, "ask_line", lambda *_, **__: "a")
    options = RunOptions(origin="--run", gate_mode=GateMode.ASK)
    headless.run_to_report(services, BATCH_ID, options, report=None, events=None)
    asked, left = capsys.readouterr().err.split("report written to")
    assert answers == [Decision.APPROVE]
    assert "GATE after wave canary" in asked
    assert POWER in asked
    assert POWER in left, "who comes back to approve reads it too"


def test_resuming_at_a_gate_says_it_before_anything_is_looked_at(
    services: Services,
    outcome: BatchOutcome,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(headless, "open_services", lambda *_, **__: nullcontext(services))
    monkeypatch.setattr(headless, "restart_lines", lambda *_: ())
    monkeypatch.setattr(headless, "run_batch", lambda *_: outcome)
    headless.resume(None, BATCH_ID, approve=True, yes=False, gates=None, report=None, events=None)
    before, _ = capsys.readouterr().err.split("looking at what its VMs have left")
    assert POWER in before


def test_the_start_of_a_plan_says_it_for_all_waves(
    rig: Rig, services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    rig.store.close()
    forecast = SimpleNamespace(p50_seconds=60.0)
    outlook = SimpleNamespace(
        findings=(), resolved=rig.plan, cost=SimpleNamespace(monthly=1.0), forecast=forecast
    )
    headless._show(outlook)  # type: ignore[arg-type]
    said = capsys.readouterr().err
    assert "wave canary POWERS OFF 1 source once migrated: a\n" in said
    assert "wave night SHUTS DOWN 2 sources before the copy: db-1, db-2\n" in said


def test_who_is_through_already_is_not_named(rig: Rig, outcome: BatchOutcome) -> None:
    assert outcome.complete == 1
    state = rig.state
    jobs = dict(state.jobs) | {"db-1": replace(state.jobs["db-1"], status=JobStatus.SKIPPED)}
    ahead = picture_of(replace(state, jobs=jobs), MADE_AT).power_ahead
    assert ahead is not None
    assert (ahead.wave, ahead.before_copy, ahead.when_complete) == ("night", ("db-2",), ("web-1",))


IN_RED = 'from v2s_tui.cli.console import say_in_red; say_in_red("POWER  x")'


@pytest.mark.parametrize(
    ("environ", "red"),
    [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_red_is_for_terminals_that_show_it_and_the_words_for_all(
    environ: dict[str, str], *, red: bool
) -> None:
    ours, theirs = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in {"TERM", "NO_COLOR"}}
    subprocess.run([sys.executable, "-c", IN_RED], stderr=theirs, env=kept | environ, check=True, timeout=30)
    os.close(theirs)
    said = os.read(ours, 1000).decode()
    os.close(ours)
    assert "POWER  x" in said
    assert ("\x1b[31m" in said) is red
    assert ("\x1b" in said) is red
