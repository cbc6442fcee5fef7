"""Every control action from the app: the key on the Run screen, and what the runner is told by it.

What the runner then does is tested in tests/unit/engine, the same from a second terminal in
tests/unit/cli/test_control_commands.py, undo and leftovers in test_cleaning_keys.py.
"""

from dataclasses import replace
from pathlib import Path

import pytest
from app_under_test import app_on_fakes, batch_in_flight, settled, watched
from fakes.plans import BATCH_ID
from textual.pilot import Pilot
from textual.widgets import Static

from v2s_tui.domain.execution.snapshot import BatchSnapshot
from v2s_tui.engine.commands import COMMAND_NAMES, Command, command_from_json
from v2s_tui.engine.settings import GateMode
from v2s_tui.tui import starting
from v2s_tui.tui.app import V2sApp
from v2s_tui.tui.modals.confirm import Confirm
from v2s_tui.tui.screens.run import RunScreen

SIZE = (120, 40)
RUNNING, FAILED = "web-prod-01", "db-prod-01"
Told = list[tuple[str, dict[str, object]]]


def in_flight() -> BatchSnapshot:
    return batch_in_flight()


def at_gate() -> BatchSnapshot:
    return batch_in_flight(gate=True)


def paused() -> BatchSnapshot:
    picture = batch_in_flight()
    return replace(picture, paused=True, limits=tuple(replace(each, paused=True) for each in picture.limits))


ACTIONS = [
    (at_gate, FAILED, ["c"], ("approve", {"gate": 1})),
    (at_gate, FAILED, ["C"], ("approve_retry_failed", {"gate": 1})),
    (at_gate, FAILED, ["h"], ("hold", {"gate": 1})),
    (in_flight, RUNNING, ["X", *BATCH_ID, "enter"], ("abort", {})),
    (in_flight, FAILED, ["t"], ("retry", {"vm": FAILED})),
    (in_flight, FAILED, ["f", "enter"], ("retry", {"vm": FAILED, "from_stage": "upload_s3"})),
    (in_flight, RUNNING, ["z", "right", "enter"], ("skip", {"vm": RUNNING})),
    (in_flight, RUNNING, ["x", "right", "enter"], ("cancel", {"vm": RUNNING})),
    (in_flight, RUNNING, ["p"], ("pause", {})),
    (paused, RUNNING, ["p"], ("resume", {})),
    (in_flight, RUNNING, ["P"], ("pause_limit", {"limit": "disk_io"})),
    (paused, RUNNING, ["l", "P"], ("resume_limit", {"limit": "s3_upload"})),
    (in_flight, RUNNING, ["plus"], ("set_limit", {"limit": "disk_io", "value": 4})),
    (in_flight, RUNNING, ["l", "minus"], ("set_limit", {"limit": "s3_upload", "value": 5})),
    (in_flight, RUNNING, ["w"], ("take_over", {})),
]


async def told_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, picture: BatchSnapshot, vm: str, keys: list[str]
) -> Told:
    """What the runner hears when these keys are pressed with the cursor on that VM."""
    app, told = app_on_fakes(tmp_path), Told()
    monkeypatch.setattr(app.runs, "command", lambda name, **values: told.append((name, values)))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("a", "p")
        await settled(pilot)
        await pilot.press("5")
        watched(app, picture)
        await pilot.pause()
        screen = app.screen
        assert isinstance(screen, RunScreen)
        screen.table.move_cursor([row.name for row in screen.table.rows].index(vm))
        await pilot.pause()
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
    return told


@pytest.mark.parametrize(
    ("picture", "vm", "keys", "command"), ACTIONS, ids=[each[3][0] + each[2][-1] for each in ACTIONS]
)
async def test_a_key_tells_the_runner(  # noqa: PLR0917 - two fixtures and one line of the table
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, picture, vm: str, keys: list[str], command
) -> None:
    assert await told_by(tmp_path, monkeypatch, picture(), vm, keys) == [command]


async def test_a_failed_vm_is_retried_with_its_edited_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ((name, values),) = await told_by(tmp_path, monkeypatch, in_flight(), FAILED, ["E"])
    sent = command_from_json({"name": name, **values, "actor": {"who": "alice", "origin": "app"}})
    assert isinstance(sent, Command)
    assert sent.planned is not None
    assert (sent.vm, sent.planned.name) == (FAILED, FAILED)
    assert len(sent.planned.vm.disks) == 2


def test_no_command_is_left_without_a_key() -> None:
    reached = {command for *_, (command, _) in ACTIONS}
    assert set(COMMAND_NAMES) <= reached


async def on_run_screen(pilot: Pilot[int], picture: BatchSnapshot) -> None:
    await settled(pilot)
    await pilot.press("5")
    assert isinstance(pilot.app, V2sApp)
    watched(pilot.app, picture)
    await pilot.pause()


def without_runner(picture: BatchSnapshot) -> BatchSnapshot:
    return replace(picture, gate=None, live=False, completed_at=picture.at)


@pytest.mark.parametrize("failed", [True, False])
async def test_a_batch_that_ended_with_failures_is_resumed_from_where_it_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, failed: bool
) -> None:
    app, resumed = app_on_fakes(tmp_path), list[str]()
    monkeypatch.setattr(app, "resume_batch", resumed.append)
    picture = without_runner(at_gate())
    if not failed:
        picture = replace(picture, counters=replace(picture.counters, failed=0, complete=8))
    async with app.run_test(size=SIZE) as pilot:
        await on_run_screen(pilot, picture)
        await pilot.press("R")
        await pilot.pause()
        assert resumed == ([BATCH_ID] if failed else [])


@pytest.mark.parametrize(
    ("keys", "from_stage", "asked"),
    [
        (["t"], None, f"{FAILED} runs again."),
        (["f", "enter"], "upload_s3", f"{FAILED} runs again from upload_s3."),
    ],
)
async def test_a_vm_of_a_batch_without_a_runner_is_retried_after_a_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: list[str], from_stage: str | None, asked: str
) -> None:
    app, done = app_on_fakes(tmp_path), list[object]()
    monkeypatch.setattr(starting, "reopen_vm", lambda _, *of, **how: done.append((of, how)))
    monkeypatch.setattr(starting, "start_runner", lambda _, *how: done.append(how))
    monkeypatch.setattr(app.starting, "_started", done.append)
    async with app.run_test(size=SIZE) as pilot:
        await on_run_screen(pilot, without_runner(at_gate()))
        screen = app.screen
        assert isinstance(screen, RunScreen)
        screen.table.move_cursor([row.name for row in screen.table.rows].index(FAILED))
        await pilot.pause()
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
        assert isinstance(app.screen, Confirm)
        assert asked in str(app.screen.query_one(".modal-lines Static", Static).render())
        await pilot.press("right", "enter")
        await settled(pilot)
    reopened = ((BATCH_ID, FAILED), {"from_stage": from_stage, "planned": None})
    assert done == [reopened, (BATCH_ID, GateMode.WAIT), BATCH_ID]


async def test_a_runner_on_its_way_is_not_told_as_missing(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        app.runs.watch("00000000", started=True)
        await on_run_screen(pilot, replace(without_runner(in_flight()), completed_at=None))
        said = str(app.screen.query_one("#run-sum", Static).render())
        assert "its runner is starting" in said
        assert "NO RUNNER" not in said
        assert app.step_facts()["run"].fact == "starting"
        app.ask_to_start()
        await pilot.pause()
        assert any("running here already" in each.message for each in app._notifications)


async def test_the_question_before_an_abort_says_what_is_at_work(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        for picture, words in ((in_flight(), f"where they are: {RUNNING}"), (at_gate(), "No VM is at work")):
            await on_run_screen(pilot, picture)
            await pilot.press("X")
            await pilot.pause()
            assert words in str(app.screen.query_one(".modal-lines Static", Static).render())
            await pilot.press("escape")
