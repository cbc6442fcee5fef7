"""Where a headless run writes report and events: tried before it starts, taken along when it detaches."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from fakes.plans import BATCH_ID, plan_of, vm_named
from fakes.rig import Rig
from fakes.rig_services import services_over

from v2s_tui.cli import headless
from v2s_tui.domain.errors import InputError
from v2s_tui.domain.execution.batch import BatchStatus
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.engine.outcome import BatchOutcome
from v2s_tui.usecases import start_runner
from v2s_tui.usecases.run_batch import RunOptions
from v2s_tui.usecases.services import Services


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return services_over(Rig(plan_of([("all", [vm_named("a")], PausePolicy.CONTINUE)]), tmp_path))


@pytest.mark.parametrize("option", ["report", "events"])
@pytest.mark.parametrize("place", ["missing/report.md", "."])
def test_what_cannot_be_written_is_told_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, place: str
) -> None:
    monkeypatch.setattr(headless, "open_services", lambda *_, **__: pytest.fail("it went on"))
    where: dict[str, object] = {"report": None, "events": None}
    where[option] = tmp_path / place if option == "report" else str(tmp_path / place)
    with pytest.raises(InputError, match=r"no folder|no file can be written"):
        headless.run_plan(None, tmp_path / "plan.yaml", yes=True, detach=False, **where)  # type: ignore[arg-type]
    with pytest.raises(InputError):
        headless.resume(None, BATCH_ID, approve=False, yes=False, gates=None, **where)  # type: ignore[arg-type]


def test_a_run_in_the_background_writes_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, services: Services
) -> None:
    started: list[list[str]] = []
    outlook = SimpleNamespace(findings=(), resolved=plan_of([]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(headless, "open_services", lambda *_, **__: nullcontext(services))
    monkeypatch.setattr(headless, "check_plan_file", lambda *_: outlook)
    monkeypatch.setattr(headless, "_show", lambda _: None)
    monkeypatch.setattr(headless, "create_batch", lambda *_, **__: BATCH_ID)
    monkeypatch.setattr(start_runner, "start_detached", lambda argv, _: started.append(argv))
    headless.run_plan(
        None, Path("plan.yaml"), yes=True, report=Path("report.md"), events="events.jsonl", detach=True
    )
    (argv,) = started
    assert argv[argv.index("--report") + 1] == str(tmp_path / "report.md")
    assert argv[argv.index("--events") + 1] == str(tmp_path / "events.jsonl")


def test_a_report_that_cannot_be_written_in_the_end_changes_nothing_of_the_outcome(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    services: Services,
    capsys: pytest.CaptureFixture[str],
) -> None:
    outcome = BatchOutcome(BATCH_ID, BatchStatus.COMPLETE, None, 1, 1, 0, 0, tmp_path)
    report = tmp_path / "gone" / "report.md"
    monkeypatch.setattr(headless, "run_batch", lambda *_: outcome)
    monkeypatch.setattr(headless, "batch_report", lambda *_: "# what happened")
    code = headless.run_to_report(services, BATCH_ID, RunOptions(origin="--run"), report=report, events=None)
    assert code == 0
    assert f"report NOT written to {report}" in capsys.readouterr().err
