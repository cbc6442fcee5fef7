"""A wave that touches the power of its sources: said in red and in words before it starts, and asked."""

from dataclasses import replace
from pathlib import Path

import pytest
from app_under_test import NAMES, app_on_fakes, batch_in_flight, settled, watched
from textual.content import Content
from textual.pilot import Pilot
from textual.widgets import Static

from v2s_tui.domain.execution.snapshot import BatchSnapshot
from v2s_tui.domain.planning.edit import without_vms
from v2s_tui.domain.planning.plan import PostMigration
from v2s_tui.domain.planning.plan_options import Consistency
from v2s_tui.domain.planning.source_power import TouchedPower
from v2s_tui.tui.app import V2sApp
from v2s_tui.tui.looks import alarm_style
from v2s_tui.tui.modals.confirm import Confirm

SIZE = (100, 40)
COLD = tuple(f"db-{number}" for number in range(9))


def at_gate(touched: TouchedPower | None) -> BatchSnapshot:
    return replace(batch_in_flight(gate=True), power_ahead=touched)


def red_and_plain(static: Static) -> tuple[str, str]:
    """What is shown in red, and all of it as the words that a terminal without colours has."""
    shown = static.content
    assert isinstance(shown, Content)
    alarm = alarm_style(static.app)
    red = "\n".join(shown.plain[span.start : span.end] for span in shown.spans if span.style == alarm)
    return red, shown.plain


async def on_run_screen(pilot: Pilot[int], touched: TouchedPower | None) -> V2sApp:
    await settled(pilot)
    await pilot.press("5")
    assert isinstance(pilot.app, V2sApp)
    watched(pilot.app, at_gate(touched))
    await pilot.pause()
    return pilot.app


async def test_the_gate_names_how_many_and_which_in_red(tmp_path: Path) -> None:
    touched = TouchedPower("rest", before_copy=COLD, when_complete=("web-1",), hard=("db-0",))
    async with app_on_fakes(tmp_path).run_test(size=SIZE) as pilot:
        app = await on_run_screen(pilot, touched)
        red, plain = red_and_plain(app.screen.query_one("#run-gate", Static))
        assert red.splitlines() == [
            "POWER  SHUTS DOWN 9 sources before the copy: db-0, db-1, db-2, db-3, db-4, db-5 and 3 more",
            "POWER  POWERS OFF 1 source once migrated: web-1",
            "POWER  PULLS THE PLUG of 1 source where the guest does not go down: db-0",
        ]
        assert all(line in plain.splitlines() for line in red.splitlines())
        assert plain.splitlines()[-1].startswith("keys "), "the keys are still to be seen"


@pytest.mark.parametrize("touched", [None, TouchedPower("rest")])
async def test_a_gate_before_mere_copies_shows_no_alarm(tmp_path: Path, touched: TouchedPower | None) -> None:
    async with app_on_fakes(tmp_path).run_test(size=SIZE) as pilot:
        app = await on_run_screen(pilot, touched)
        red, plain = red_and_plain(app.screen.query_one("#run-gate", Static))
        assert red == ""
        assert "POWER" not in plain


@pytest.mark.parametrize(("key", "command"), [("c", "approve"), ("C", "approve_retry_failed")])
async def test_opening_it_is_asked_with_every_name_and_cancel_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, command: str
) -> None:
    app, told = app_on_fakes(tmp_path), list[str]()
    monkeypatch.setattr(app.runs, "command", lambda name, **_: told.append(name))
    async with app.run_test(size=SIZE) as pilot:
        await on_run_screen(pilot, TouchedPower("rest", before_copy=COLD))
        await pilot.press(key)
        await pilot.pause()
        assert isinstance(app.screen, Confirm)
        red, _ = red_and_plain(app.screen.query_one(".modal-lines Static", Static))
        assert red == f"POWER  SHUTS DOWN 9 sources before the copy: {', '.join(COLD)}"
        await pilot.press("enter")
        await pilot.pause()
        assert told == []
        await pilot.press(key, "right", "enter")
        await pilot.pause()
        assert told == [command]


async def test_the_answer_is_about_the_gate_that_was_asked_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, told = app_on_fakes(tmp_path), list[object]()
    monkeypatch.setattr(app.runs, "command", lambda name, **values: told.append((name, values)))
    async with app.run_test(size=SIZE) as pilot:
        await on_run_screen(pilot, TouchedPower("rest", before_copy=COLD))
        await pilot.press("c")
        await pilot.pause()
        picture = at_gate(TouchedPower("last", before_copy=("db-99",)))
        assert picture.gate is not None
        watched(app, replace(picture, gate=replace(picture.gate, index=2)))
        await pilot.press("right", "enter")
        await pilot.pause()
        assert told == [("approve", {"gate": 1})]


async def planned(pilot: Pilot[int], *, cold: bool) -> V2sApp:
    """The Linux VMs planned on screen 3: copied cold, or powered off in the end."""
    await settled(pilot)
    await pilot.press("a", "p", "3")
    await settled(pilot)
    app = pilot.app
    assert isinstance(app, V2sApp)
    plan = app.workspace.plan
    if cold:
        changes: dict[str, object] = {
            "defaults": plan.defaults.model_copy(update={"consistency": Consistency.COLD})
        }
    else:
        changes = {"post_migration": PostMigration(power_off_source=True)}
    app.workspace.edit(without_vms(plan.model_copy(update=changes), ["win-app-01"]))
    await settled(pilot)
    return app


@pytest.mark.parametrize(
    ("cold", "words"),
    [(True, "SHUTS DOWN {} before the copy: "), (False, "POWERS OFF {} once migrated: ")],
)
async def test_the_plan_screen_and_the_start_say_it_too(tmp_path: Path, *, cold: bool, words: str) -> None:
    names = [name for name in NAMES if not name.startswith("win")]
    count = len(names)
    async with app_on_fakes(tmp_path).run_test(size=SIZE) as pilot:
        app = await planned(pilot, cold=cold)
        red, _ = red_and_plain(app.screen.query_one("#plan-sum", Static))
        assert red == f" POWER of {count} sources "
        red, _ = red_and_plain(app.screen.query_one("#plan-findings", Static))
        assert red.startswith(f"POWER {words.format(f'{count} sources')}")
        assert red.endswith(f"and {count - 4} more")
        await pilot.press("j")
        await pilot.pause()
        red, _ = red_and_plain(app.screen.query_one("#plan-findings", Static))
        assert red.startswith(f"POWER {words.format('1 source')}")
        app.ask_to_start()
        await settled(pilot)
        assert isinstance(app.screen, Confirm)
        red, _ = red_and_plain(app.screen.query_one(".modal-lines Static", Static))
        assert words.format(f"{count} sources") in red
        assert all(name in red for name in names)


async def test_the_start_names_who_would_be_migrated_a_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = "ALREADY MIGRATED by batch 1f2e3d4c, would be made a second time: db-prod-01"
    monkeypatch.setattr("v2s_tui.tui.starting.migrated_before", lambda *_: [again])
    async with app_on_fakes(tmp_path).run_test(size=SIZE) as pilot:
        app = await planned(pilot, cold=False)
        app.ask_to_start()
        await settled(pilot)
        assert isinstance(app.screen, Confirm)
        red, plain = red_and_plain(app.screen.query_one(".modal-lines Static", Static))
        assert again in red
        assert plain.splitlines()[0] == again


async def test_many_failures_push_neither_power_nor_keys_out_of_the_box(tmp_path: Path) -> None:
    picture = at_gate(TouchedPower("rest", before_copy=COLD))
    bad = next(row for row in picture.vms if row.failure_title)
    many = tuple(replace(bad, name=f"db-{number:02d}") for number in range(20))
    async with app_on_fakes(tmp_path).run_test(size=(80, 24)) as pilot:
        app = await on_run_screen(pilot, None)
        watched(app, replace(picture, vms=(*many, *picture.vms)))
        await settled(pilot)
        lines = ["".join(part.text for part in line) for line in app.screen._compositor.render_strips()]
        box = "\n".join(lines[lines.index(next(line for line in lines if "GATE after" in line)) :])
        for words in ("db-00 FAILED", "more, see the list", "why ", "next ", "POWER ", "keys   c go on"):
            assert words in box
