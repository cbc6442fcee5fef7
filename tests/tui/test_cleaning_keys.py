"""Undo and leftovers by keys: everything is named, the irreversible is typed, a runner at work forbids it."""

from dataclasses import replace
from pathlib import Path

import pytest
from app_under_test import NOW, app_on_fakes, settled
from fakes.plans import BATCH_ID, batch_of, plan_of, vm_named

from v2s_tui.adapters.store.batch_state import BatchStateFile
from v2s_tui.domain.execution.ledger import Effect, EffectKind, EffectState
from v2s_tui.domain.execution.undoing import UndoStep
from v2s_tui.domain.leftovers import Found, Leftover
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.engine.undo import UndoResult
from v2s_tui.tui.app import V2sApp
from v2s_tui.tui.cleaning import undo_lines
from v2s_tui.tui.modals.choose import Choose
from v2s_tui.tui.modals.confirm import Confirm
from v2s_tui.tui.modals.leftovers import LeftoversView
from v2s_tui.tui.modals.text_view import TextView
from v2s_tui.usecases.undo import UndoPreview

SIZE = (100, 30)


def with_batch(app: V2sApp) -> None:
    """A batch on record, nobody works on it."""
    plan = plan_of([("first", [vm_named("web-01"), vm_named("web-02")], PausePolicy.CONTINUE)])
    BatchStateFile.create(app.services.work_dir, batch_of(plan)).close()


def made(vm: str) -> UndoStep:
    effect = Effect(
        "1", EffectKind.VOLUME, vm, "v2s:b:m", "fr-par-1", EffectState.MADE, NOW, resource_id="vol-7"
    )
    return UndoStep(effect, "the data is lost", certain=True)


async def test_undo_names_what_goes_and_wants_the_batch_id_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_on_fakes(tmp_path)
    with_batch(app)
    undone: list[tuple[str, ...]] = []

    def undo(_services: object, _batch: str, names: tuple[str, ...]) -> tuple[UndoResult, ...]:
        undone.append(names)
        return (UndoResult(made("web-02")),)

    preview = UndoPreview(BATCH_ID, (made("web-02"),), ("web-02",))
    monkeypatch.setattr("v2s_tui.tui.cleaning.preview_undo", lambda *_: preview)
    monkeypatch.setattr("v2s_tui.tui.cleaning.undo_batch", undo)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("6", "u")
        await settled(pilot)
        assert isinstance(app.screen, Choose)
        await pilot.press(*"web-02", "enter")
        await settled(pilot)
        assert isinstance(app.screen, Confirm)
        await pilot.press("enter")
        await settled(pilot)
        assert undone == []
        await pilot.press(*BATCH_ID, "enter")
        await settled(pilot)
        assert undone == [("web-02",)]
        assert isinstance(app.screen, TextView)
        assert app.screen.text == "web-02: volume removed"


def test_the_question_tells_what_becomes_of_a_running_instance() -> None:
    preview = UndoPreview(BATCH_ID, (made("web-02"),), ("web-02",))
    assert undo_lines(preview, ())[-1] == "web-02: its Instance is running and stays"
    assert undo_lines(preview, ["web-02"])[-1].endswith("will be stopped and deleted")


async def test_only_marked_leftovers_are_removed_and_only_after_the_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_on_fakes(tmp_path)
    one = Leftover(
        Found(EffectKind.OBJECT, "bucket", "key-1", "bucket/key-1", "m1"), 3.0, 0.5, "web-01", "complete"
    )
    other = replace(one, found=replace(one.found, id="key-2", name="bucket/key-2"))
    removed: list[str] = []
    monkeypatch.setattr("v2s_tui.tui.cleaning.find_leftovers", lambda _: (one, other))
    monkeypatch.setattr("v2s_tui.tui.cleaning.remove_leftover", lambda _, each: removed.append(each.found.id))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("6", "l")
        await settled(pilot)
        assert isinstance(app.screen, LeftoversView)
        await pilot.press("down", "space", "d")
        await settled(pilot)
        assert isinstance(app.screen, Confirm)
        await pilot.press(*"remov", "enter")
        await settled(pilot)
        assert removed == []
        await pilot.press("e", "enter")
        await settled(pilot)
        assert removed == ["key-2"]


async def test_what_a_runner_works_on_cannot_be_undone(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    with_batch(app)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        store = BatchStateFile.open(next((app.services.state_dir).glob("batch-*.json")))
        try:
            await pilot.press("6", "u")
            await settled(pilot)
            assert app.current_mode == "batches"
            assert not isinstance(app.screen, Choose)
        finally:
            store.close()


@pytest.mark.parametrize("keys", ["o", "u", "R", "L", "w", "y"])
async def test_no_key_on_an_unreadable_batch_ends_the_app(tmp_path: Path, keys: str) -> None:
    app = app_on_fakes(tmp_path)
    app.services.state_dir.mkdir(parents=True)
    (app.services.state_dir / "batch-deadbeef.json").write_text("{ half a fi")
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("6", keys)
        await settled(pilot)
        assert app.is_running
        if keys in "ouRw":
            assert any("no state file" in f"{said.title} {said.message}" for said in app._notifications)


async def test_the_report_is_read_by_key(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    with_batch(app)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("6", "o")
        await settled(pilot)
        assert isinstance(app.screen, TextView)
        assert BATCH_ID in app.screen.text


async def test_resume_says_first_where_each_vm_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_on_fakes(tmp_path)
    with_batch(app)
    started: list[str] = []
    monkeypatch.setattr(
        "v2s_tui.tui.starting.start_runner", lambda _, batch_id, *__, **___: started.append(batch_id)
    )
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("6", "R")
        await settled(pilot)
        assert isinstance(app.screen, Confirm)
        await pilot.press("escape")
        await settled(pilot)
        assert started == []
        await pilot.press("R")
        await settled(pilot)
        await pilot.press("right", "enter")
        for _ in range(100):
            if app.current_mode == "run":
                break
            await pilot.pause(0.05)
        assert started == [BATCH_ID]
