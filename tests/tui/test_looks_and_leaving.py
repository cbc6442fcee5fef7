"""Themes, ASCII, first start, signals, notices: what holds on every screen."""

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from app_under_test import app_on_fakes, batch_in_flight, services_on_fakes, settled
from memory_session import MemorySession

from v2s_tui.domain.errors import StateError
from v2s_tui.domain.execution.snapshot import BatchSnapshot
from v2s_tui.tui.app import V2sApp
from v2s_tui.tui.looks import THEMES, wants_ascii
from v2s_tui.tui.notice import desktop_notice
from v2s_tui.tui.session import WorkspaceKeeper, recall_workspace
from v2s_tui.tui.table_look import TableLook
from v2s_tui.tui.workspace import Workspace

SIZE = (80, 24)


async def test_a_chosen_theme_and_ascii_are_kept_for_the_next_start(tmp_path: Path) -> None:
    session = MemorySession()
    app = V2sApp(services_on_fakes(tmp_path), session=session)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+t")
        await pilot.pause()
        await pilot.press(*"contrast", "enter")
        await pilot.pause()
        assert app.theme == "high-contrast"
        app.action_ascii()
    again = V2sApp(services_on_fakes(tmp_path), session=session)
    async with again.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert again.theme == "high-contrast"
        assert again.has_class("-ascii")
        again.action_ascii()


async def test_every_offered_theme_exists(tmp_path: Path) -> None:
    assert set(THEMES) <= set(app_on_fakes(tmp_path).available_themes)


def test_ascii_is_for_those_who_ask_and_for_other_character_sets() -> None:
    assert wants_ascii({"V2S_ASCII": "1"})
    assert not wants_ascii({"V2S_ASCII": "0"})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_the_app_with_the_session_kept(tmp_path: Path, number: signal.Signals) -> None:
    session = MemorySession()
    app = V2sApp(services_on_fakes(tmp_path), session=session)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("slash", *"os:linux")
        os.kill(os.getpid(), number)
        await pilot.pause(0.3)
    assert app.return_value == 128 + number
    assert session.get("workspace")["filter"] == "os:linux"
    assert signal.getsignal(number) in {signal.SIG_DFL, None}


async def test_a_gate_and_a_failure_ring_and_tell_the_desktop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_on_fakes(tmp_path)
    called: list[str] = []
    monkeypatch.setattr(
        "v2s_tui.tui.run_control.call_operator", lambda _, title, __, **___: called.append(title)
    )
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        gate: BatchSnapshot = batch_in_flight(gate=True)
        before = replace(batch_in_flight(), counters=replace(gate.counters, failed=0))
        before = replace(before, vms=tuple(replace(row, failure_title="") for row in before.vms))
        app.runs._show(before)
        app.runs._show(gate)
        assert called == ["GATE after wave production", "db-prod-01 failed"]


@pytest.mark.parametrize(("keys", "told"), [(("5",), False), (("5", "question_mark"), True), (("1",), True)])
async def test_a_gate_is_told_where_the_run_screen_does_not_show_it(
    tmp_path: Path, keys: tuple[str, ...], *, told: bool
) -> None:
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press(*keys)
        app.runs._show(batch_in_flight())
        app.runs._show(batch_in_flight(gate=True))
        await pilot.pause()
        assert any(each.title == "GATE after wave production" for each in app._notifications) is told


def test_no_control_character_of_a_name_reaches_the_terminal() -> None:
    sequence = desktop_notice("web\x1b]0;owned\x07\x9b31m failed")
    assert sequence.startswith("\x1b]9;")
    assert sequence.count("\x1b") == 1
    assert sequence.count("\x07") == 1
    assert "\x9b" not in sequence


def test_a_session_is_written_when_something_changed_only(monkeypatch: pytest.MonkeyPatch) -> None:
    session, work = MemorySession(), Workspace()
    written: list[object] = []
    put = session.put
    monkeypatch.setattr(session, "put", lambda name, content: (written.append(content), put(name, content)))
    keeper = WorkspaceKeeper(session)
    keeper.keep(work)
    keeper.keep(work)
    assert len(written) == 1
    work.filter_text = "os:linux"
    work.looks["inventory"] = TableLook(sort="cpu")
    keeper.keep(work)
    keeper.keep(work)
    assert len(written) == 2
    again = recall_workspace(session)
    assert (again.filter_text, again.looks["inventory"].sort) == ("os:linux", "cpu")


async def test_a_disk_that_takes_nothing_ends_the_keeping_and_not_the_app(tmp_path: Path) -> None:
    class FullDisk(MemorySession):
        def put(self, section: str, content: dict[str, Any]) -> None:
            raise StateError("session-default.json cannot be written (No space left on device)")

    app = V2sApp(services_on_fakes(tmp_path), session=FullDisk())
    async with app.run_test() as pilot:
        await settled(pilot)
        await pilot.press("a")
        app.keep_session()
        app.keep_session()
        await pilot.press("2")
        app.action_ascii()
        await pilot.pause()
        assert app.current_mode == "sizing"
        (said,) = [each for each in app._notifications if each.severity == "error"]
        assert "No space left" in said.title
        assert "not kept" in said.message
