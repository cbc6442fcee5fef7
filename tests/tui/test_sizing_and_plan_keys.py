"""Bulk edits, comparison of strategies, windows, findings and differences, by keys."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from app_under_test import app_on_fakes, settled
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widgets import Input, Static

from v2s_tui.adapters.formats.plan_yaml import read_plan
from v2s_tui.domain.planning.plan import SizingStrategy
from v2s_tui.domain.planning.plan_options import VolumeClass
from v2s_tui.tui.app import V2sApp
from v2s_tui.tui.modals.ask import Ask
from v2s_tui.tui.modals.choose import Choose
from v2s_tui.tui.modals.confirm import Confirm
from v2s_tui.tui.modals.findings import FindingsView
from v2s_tui.tui.modals.text_view import TextView
from v2s_tui.tui.screens.plan import PlanScreen
from v2s_tui.tui.widgets.cell_editor import CellEditor
from v2s_tui.tui.widgets.virtual_table import VirtualTable

SIZE = (100, 30)


async def planned(pilot: Pilot[int], step: str) -> V2sApp:
    """All ten VMs planned, on that step."""
    await settled(pilot)
    await pilot.press("a", "p")
    await settled(pilot)
    await pilot.press(step)
    await settled(pilot)
    assert isinstance(pilot.app, V2sApp)
    return pilot.app


async def test_a_filter_marks_and_one_edit_changes_all_of_them_and_one_undo_brings_all_back(
    tmp_path: Path,
) -> None:
    async with app_on_fakes(tmp_path).run_test(size=SIZE) as pilot:
        app = await planned(pilot, "2")
        before = app.workspace.plan
        await pilot.press("m", *"name:web-*", "enter", "v")
        await pilot.pause()
        assert isinstance(app.screen, Choose)
        await pilot.press(*"15k", "enter")
        await settled(pilot)
        fast = {m.vm_name for m in app.workspace.plan.migrations if m.volume_class is VolumeClass.SBS_15K}
        assert fast == {"web-dev-01", "web-dev-02", "web-prod-01", "web-prod-02", "web-prod-03"}
        await pilot.press("u")
        assert app.workspace.plan == before


async def test_a_wrong_filter_is_said_and_marks_nothing(tmp_path: Path) -> None:
    async with app_on_fakes(tmp_path).run_test(size=SIZE) as pilot:
        app = await planned(pilot, "2")
        await pilot.press("m", *"nmae:web", "enter")
        await pilot.pause()
        assert isinstance(app.screen, Ask)


async def test_strategies_are_compared_and_one_is_taken_over(tmp_path: Path) -> None:
    async with app_on_fakes(tmp_path).run_test(size=SIZE) as pilot:
        app = await planned(pilot, "2")
        await pilot.press("C")
        await settled(pilot)
        assert isinstance(app.screen, Choose)
        rows = {row.strategy: row for row in app.screen.table.rows}
        assert rows[SizingStrategy.OPTIMIZE].current
        assert rows[SizingStrategy.COST].monthly_eur <= rows[SizingStrategy.OPTIMIZE].monthly_eur
        await pilot.press(*"cost", "enter")
        await settled(pilot)
        assert app.workspace.plan.defaults.sizing_strategy is SizingStrategy.COST


async def test_a_finding_is_accepted_with_a_reason_and_no_longer(tmp_path: Path) -> None:
    async with app_on_fakes(tmp_path).run_test(size=SIZE) as pilot:
        app = await planned(pilot, "3")
        await pilot.press("f")
        await pilot.pause()
        view = app.screen
        assert isinstance(view, FindingsView)
        at = next(i for i, each in enumerate(view.table.rows) if each.vm == "web-dev-01" and each.overridable)
        view.table.move_cursor(at)
        code = view.table.rows[at].code
        await pilot.press("o", *"known", "enter")
        await settled(pilot)
        line = next(m for m in app.workspace.plan.migrations if m.vm_name == "web-dev-01")
        assert line.accept == {code: "known"}
        assert app.outlook is not None
        assert [f.accepted for f in app.outlook.findings if (f.vm, f.code) == ("web-dev-01", code)] == [
            "known"
        ]


async def test_enter_on_a_finding_goes_to_its_vm(tmp_path: Path) -> None:
    async with app_on_fakes(tmp_path).run_test(size=SIZE) as pilot:
        app = await planned(pilot, "3")
        await pilot.press("f")
        await pilot.pause()
        view = app.screen
        assert isinstance(view, FindingsView)
        at = next(i for i, each in enumerate(view.table.rows) if each.vm == "batch-01")
        view.table.move_cursor(at)
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, PlanScreen)
        row = app.screen.table.current
        assert row is not None
        assert row.planned is not None
        assert row.planned.name == "batch-01"


async def test_a_window_is_typed_refused_when_it_closes_first_and_saved(tmp_path: Path) -> None:
    async with app_on_fakes(tmp_path).run_test(size=SIZE) as pilot:
        app = await planned(pilot, "3")
        await pilot.press("down", "w", *"new", "enter")
        await pilot.pause()
        await pilot.press(*"night", "enter")
        await settled(pilot)
        await pilot.press("g", "W")
        await pilot.pause()
        answer = app.screen.query_one("#answer")
        answer.value = "2026-05-02T04:00Z .. 2026-05-01T22:00Z"  # type: ignore[attr-defined]
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, Ask)
        answer.value = "2026-05-01T22:00Z .. 2026-05-02T04:00Z"  # type: ignore[attr-defined]
        await pilot.press("enter")
        await settled(pilot)
        target = tmp_path / "plan.yaml"
        app.save_plan(target)
        wave = read_plan(target).plan.waves[0]
        assert (wave.not_before, wave.not_after) == (
            datetime(2026, 5, 1, 22, tzinfo=UTC),
            datetime(2026, 5, 2, 4, tzinfo=UTC),
        )


async def test_the_difference_to_the_saved_file_is_shown(tmp_path: Path) -> None:
    async with app_on_fakes(tmp_path).run_test(size=SIZE) as pilot:
        app = await planned(pilot, "3")
        app.save_plan(tmp_path / "plan.yaml")
        await pilot.press("down", "x")
        await settled(pilot)
        await pilot.press("D")
        await pilot.pause()
        assert isinstance(app.screen, TextView)
        assert "- migration web-dev-01" in app.screen.text


async def test_a_type_is_typed_into_its_cell_with_completion_and_the_next_vm_follows(tmp_path: Path) -> None:
    async with app_on_fakes(tmp_path).run_test(size=SIZE) as pilot:
        app = await planned(pilot, "2")
        await pilot.press("e", *"pro2-", "tab")
        editor = app.screen.focused
        assert isinstance(editor, CellEditor)
        assert editor.value.startswith("PRO2-")
        named = editor.value
        await pilot.press("enter")
        await settled(pilot)
        assert app.workspace.plan.migrations[0].target_type == named
        assert app.screen.query_one("#sizing-table", VirtualTable).cursor == 1
        assert app.screen.query_one("#sizing-table", VirtualTable).has_focus
        await pilot.press("u")
        assert app.workspace.plan.migrations[0].target_type is None


async def test_what_is_no_type_is_not_taken_and_escape_changes_nothing(tmp_path: Path) -> None:
    async with app_on_fakes(tmp_path).run_test(size=SIZE) as pilot:
        app = await planned(pilot, "2")
        before = app.workspace.plan
        await pilot.press("e", *"zzz", "enter")
        assert isinstance(app.screen.focused, CellEditor)
        await pilot.press("escape")
        await settled(pilot)
        assert app.workspace.plan == before
        assert not app.screen.query(CellEditor)


async def test_a_cell_without_any_type_that_fits_has_none_to_step_through(tmp_path: Path) -> None:
    async with app_on_fakes(tmp_path).run_test(size=SIZE) as pilot:
        app = await planned(pilot, "2")
        editor = CellEditor(Region(0, 5, 20, 1), [])
        await app.screen.mount(editor)
        editor.focus()
        await pilot.press("down", "up", "x", "tab")
        assert editor.value == "x"


async def test_a_typed_type_goes_to_all_marked_and_an_emptied_cell_is_automatic(
    tmp_path: Path,
) -> None:
    async with app_on_fakes(tmp_path).run_test(size=SIZE) as pilot:
        app = await planned(pilot, "2")
        await pilot.press("m", *"name:web-*", "enter", "e", "down", "down", "enter")
        await settled(pilot)
        typed = {m.vm_name: m.target_type for m in app.workspace.plan.migrations if m.target_type}
        assert set(typed) == {"web-dev-01", "web-dev-02", "web-prod-01", "web-prod-02", "web-prod-03"}
        assert len(set(typed.values())) == 1
        await pilot.press("A", "g", "e", "backspace", "enter")
        await settled(pilot)
        assert app.workspace.plan.migrations[0].target_type is None


async def test_vms_are_excluded_by_a_filter_written_out_and_let_in_again(tmp_path: Path) -> None:
    async with app_on_fakes(tmp_path).run_test(size=SIZE) as pilot:
        app = await planned(pilot, "3")
        app.workspace.saved_filters["windows"] = "os:windows"
        await pilot.press("X", "enter")
        await pilot.pause()
        await pilot.press(*"@windows", "enter")
        await settled(pilot)
        assert [each.filter for each in app.workspace.plan.exclude] == ["os:windows"]
        assert app.outlook is not None
        assert [name for name, _ in app.outlook.resolved.excluded] == ["win-app-01"]
        await pilot.press("X")
        await pilot.pause()
        await pilot.press("down", "enter")
        await settled(pilot)
        assert app.workspace.plan.exclude == ()


def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let $EDITOR be this shell script, and the screen give way to it without a terminal."""
    path = tmp_path / "editor"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    monkeypatch.setenv("VISUAL", str(path))
    monkeypatch.setattr(V2sApp, "suspend", lambda _: contextlib.nullcontext())


async def test_unsaved_edits_go_through_the_editor_and_come_back_as_an_edit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(tmp_path, monkeypatch, "sed -i '/vm_name: win-app-01/d' \"$1\"")
    async with app_on_fakes(tmp_path).run_test(size=SIZE) as pilot:
        app = await planned(pilot, "3")
        before = app.workspace.plan
        await pilot.press("e")
        await settled(pilot)
        assert "win-app-01" not in [line.vm_name for line in app.workspace.plan.migrations]
        await pilot.press("u")
        assert app.workspace.plan == before


async def test_an_editor_that_is_not_there_gives_the_terminal_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suspended: list[bool] = []

    @contextlib.contextmanager
    def suspend(_: V2sApp) -> Iterator[None]:
        """As Textual's: what is raised inside leaves the app without its terminal."""
        suspended.append(True)
        yield
        suspended.append(False)

    monkeypatch.setenv("VISUAL", "/nowhere/nano -w")
    monkeypatch.setattr(V2sApp, "suspend", suspend)
    async with app_on_fakes(tmp_path).run_test(size=SIZE) as pilot:
        app = await planned(pilot, "3")
        before = app.workspace.plan
        await pilot.press("e")
        await settled(pilot)
        assert suspended == [True, False]
        assert app.workspace.plan == before
        assert any("No such file" in each.message for each in app._notifications)


async def test_a_mistake_made_in_the_editor_is_shown_and_the_plan_in_hand_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "plan.yaml"
    editor(tmp_path, monkeypatch, "echo 'wavse: []' >> \"$1\"")
    async with app_on_fakes(tmp_path).run_test(size=SIZE) as pilot:
        app = await planned(pilot, "3")
        app.save_plan(target)
        before = app.workspace.plan
        await pilot.press("e")
        await settled(pilot)
        assert isinstance(app.screen, Confirm)
        assert app.workspace.plan == before
        editor(tmp_path, monkeypatch, "sed -i '/wavse/d' \"$1\"")
        await pilot.press("right", "enter")
        await settled(pilot)
        assert isinstance(app.screen, PlanScreen)
        assert app.workspace.plan == before
        assert not app.workspace.dirty


async def test_the_inventory_shows_what_preflight_found_on_a_planned_vm(tmp_path: Path) -> None:
    async with app_on_fakes(tmp_path).run_test(size=(140, 40)) as pilot:
        app = await planned(pilot, "1")
        await pilot.press("G")
        await settled(pilot)
        shown = str(app.screen.query_one("#vm-detail", Static).render())
        assert "in the plan" in shown
        assert "BLOCK win-app-01: no virtio drivers for Windows" in shown


async def test_a_start_says_first_what_it_will_do_and_what_is_in_its_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []
    monkeypatch.setattr("v2s_tui.tui.starting.create_batch", lambda *_, **__: "0a1b2c3d")
    monkeypatch.setattr("v2s_tui.tui.starting.start_runner", lambda *_, **__: started.append(1))
    async with app_on_fakes(tmp_path).run_test(size=SIZE) as pilot:
        app = await planned(pilot, "5")
        await pilot.press("n")
        await settled(pilot)
        assert not isinstance(app.screen, Confirm)
        await pilot.press("2", "m", *"os:windows", "enter", "x")
        await settled(pilot)
        await pilot.press("5", "n")
        await settled(pilot)
        assert isinstance(app.screen, Confirm)
        await pilot.press("enter")
        await settled(pilot)
        assert started == []
        await pilot.press("n")
        await settled(pilot)
        await pilot.press("right", "enter")
        await settled(pilot)
        assert started == [1]


async def test_another_plan_is_opened_over_unsaved_edits_only_after_a_question(tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("version: 1\nmigrations:\n  - vm_name: batch-01\n")
    async with app_on_fakes(tmp_path).run_test(size=SIZE) as pilot:
        app = await planned(pilot, "3")
        edited = app.workspace.plan
        for keys in (("escape",), ("right", "enter")):
            assert app.workspace.plan == edited
            await pilot.press("ctrl+o")
            app.screen.query_one("#answer", Input).value = str(other)
            await pilot.press("enter")
            await settled(pilot)
            assert isinstance(app.screen, Confirm)
            await pilot.press(*keys)
            await settled(pilot)
        assert [each.vm_name for each in app.workspace.plan.migrations] == ["batch-01"]
        await pilot.press("ctrl+o", "enter")
        await settled(pilot)
        assert not isinstance(app.screen, Confirm)


async def test_a_plan_saved_by_a_short_name_is_found_again_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with app_on_fakes(tmp_path).run_test(size=SIZE) as pilot:
        app = await planned(pilot, "3")
        await pilot.press("ctrl+s", "enter")
        await settled(pilot)
        assert app.workspace.plan_path == tmp_path / "plan.yaml"
        await pilot.press("ctrl+o")
        app.screen.query_one("#answer", Input).value = "plan.yaml"
        await pilot.press("enter")
        await settled(pilot)
        assert app.workspace.plan_path == tmp_path / "plan.yaml"


async def test_comparing_strategies_begins_at_the_one_in_use(tmp_path: Path) -> None:
    async with app_on_fakes(tmp_path).run_test(size=SIZE) as pilot:
        app = await planned(pilot, "2")
        before = app.workspace.plan
        await pilot.press("C")
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert app.workspace.plan == before
