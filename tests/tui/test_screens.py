"""What an operator does by keys, screen by screen: state first."""

from dataclasses import replace
from pathlib import Path

import pytest
from app_under_test import app_on_fakes, batch_in_flight, settled, watched
from textual.widgets import Input

from v2s_tui.domain.errors import InputError, SourceUnreachable
from v2s_tui.domain.planning.edit import without_vms
from v2s_tui.domain.planning.plan import BatchPlan, PausePolicy, SizingStrategy
from v2s_tui.tui.app import V2sApp
from v2s_tui.tui.modals.choose import Choose
from v2s_tui.tui.modals.confirm import Confirm
from v2s_tui.tui.modals.failure import FailurePanel
from v2s_tui.tui.screens.inventory import InventoryScreen
from v2s_tui.tui.screens.plan import PlanScreen
from v2s_tui.tui.screens.run import RunScreen
from v2s_tui.tui.widgets.filter_bar import FilterBar
from v2s_tui.tui.widgets.key_hints import KeyHints
from v2s_tui.tui.widgets.virtual_table import VirtualTable

SIZE = (100, 30)


async def test_a_filter_narrows_the_list_at_every_key_and_a_wrong_one_keeps_it(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        screen = app.screen
        assert isinstance(screen, InventoryScreen)
        await pilot.press("slash", *"name:web-*")
        assert {vm.name for vm in screen.table.rows} >= {"web-dev-01", "web-prod-03"}
        shown = len(screen.table.rows)
        assert shown == 5
        await pilot.press("space", *"nmae:x")
        assert screen.query_one(FilterBar).error is not None
        assert len(screen.table.rows) == shown


async def test_single_letters_are_text_while_a_filter_is_typed(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("slash", "q", "p", "1")
        assert app.is_running
        assert app.screen.query_one(FilterBar).input.value == "qp1"


async def test_marks_survive_a_filter_and_are_counted(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("a", "slash", *"os:windows", "enter")
        assert len(app.workspace.marked) == 10
        assert app.workspace.hidden_marks(app.screen.query_one("#vms", VirtualTable).rows) == 9
        await pilot.press("A")
        assert not app.workspace.marked


async def test_planning_sizing_and_undo(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("space", "space", "p")
        await settled(pilot)
        assert app.current_mode == "sizing"
        assert [line.vm_name for line in app.workspace.plan.migrations] == ["web-dev-01", "web-dev-02"]
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(app.screen, Choose)
        await pilot.press(*"2-xs", "enter")
        await settled(pilot)
        assert app.workspace.plan.migrations[0].target_type == "PRO2-XS"
        await pilot.press("u")
        assert app.workspace.plan.migrations[0].target_type is None
        await pilot.press("c")
        assert app.workspace.plan.defaults.sizing_strategy is not SizingStrategy.OPTIMIZE


async def planned_app(pilot: object) -> None:
    """All ten VMs planned."""
    await settled(pilot)  # type: ignore[arg-type]
    await pilot.press("a", "p")  # type: ignore[attr-defined]
    await settled(pilot)  # type: ignore[arg-type]


async def test_waves_policies_and_saving(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await planned_app(pilot)
        await pilot.press("3")
        await settled(pilot)
        screen = app.screen
        assert isinstance(screen, PlanScreen)
        await pilot.press("down", "w", *"new", "enter")
        await pilot.pause()
        await pilot.press(*"canary", "enter")
        await settled(pilot)
        assert [wave.name for wave in app.workspace.plan.waves] == ["canary"]
        await pilot.press("g", "o")
        await settled(pilot)
        assert app.workspace.plan.waves[0].pause_after is not PausePolicy.PAUSE_ON_FAILURE
        target = tmp_path / "plan.yaml"
        await pilot.press("ctrl+s")
        await pilot.pause()
        app.screen.query_one("#answer").value = str(target)  # type: ignore[attr-defined]
        await pilot.press("enter")
        await pilot.pause()
        assert "canary" in target.read_text()
        assert not app.workspace.dirty


async def test_what_if_limits_answer_and_can_be_kept(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await planned_app(pilot)
        await pilot.press("4")
        await settled(pilot)
        await pilot.press("l", "plus", "plus", "p")
        await settled(pilot)
        assert app.workspace.plan.concurrency.disk_io == 5


@pytest.mark.parametrize(("key", "command"), [("c", "approve"), ("C", "approve_retry_failed"), ("h", "hold")])
async def test_gate_keys_tell_the_runner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, command: str
) -> None:
    app = app_on_fakes(tmp_path)
    told: list[str] = []
    monkeypatch.setattr(app.runs, "command", lambda name, **_: told.append(name))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("5")
        watched(app, batch_in_flight(gate=True))
        await pilot.pause()
        await pilot.press(key)
        assert told == [command]


async def test_dangerous_keys_ask_first_and_cancel_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_on_fakes(tmp_path)
    told: list[tuple[str, object]] = []
    monkeypatch.setattr(app.runs, "command", lambda name, **values: told.append((name, values.get("vm"))))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("5")
        watched(app, batch_in_flight())
        await pilot.pause()
        await pilot.press("down", "x")
        await pilot.pause()
        assert isinstance(app.screen, Confirm)
        await pilot.press("enter")
        await pilot.pause()
        assert told == []
        await pilot.press("x")
        await pilot.pause()
        await pilot.press("right", "enter")
        await pilot.pause()
        assert told == [("cancel", "web-prod-01")]


async def test_a_failed_vm_shows_cause_and_fix_and_can_be_retried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_on_fakes(tmp_path)
    told: list[tuple[str, object]] = []
    monkeypatch.setattr(app.runs, "command", lambda name, **values: told.append((name, values.get("vm"))))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("5")
        watched(app, batch_in_flight())
        await pilot.pause()
        screen = app.screen
        assert isinstance(screen, RunScreen)
        names = [row.name for row in screen.table.rows]
        screen.table.move_cursor(names.index("db-prod-01"))
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, FailurePanel)
        await pilot.press("escape", "t")
        await pilot.pause()
        assert told == [("retry", "db-prod-01")]


async def test_a_failed_vm_can_be_retried_from_a_chosen_stage_and_not_from_a_later_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_on_fakes(tmp_path)
    told: list[dict[str, object]] = []
    monkeypatch.setattr(app.runs, "command", lambda name, **values: told.append({"name": name, **values}))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("5")
        watched(app, batch_in_flight())
        await pilot.pause()
        screen = app.screen
        assert isinstance(screen, RunScreen)
        screen.table.move_cursor([row.name for row in screen.table.rows].index("db-prod-01"))
        await pilot.press("enter")
        await pilot.pause()
        await pilot.press("f")
        await pilot.pause()
        assert isinstance(app.screen, Choose)
        stages = [stage.value for stage in app.screen.table.rows]
        assert stages[-1] == "upload_s3"
        assert "import_scw" not in stages
        await pilot.press(*"export", "enter")
        await pilot.pause()
        assert told == [{"name": "retry", "vm": "db-prod-01", "from_stage": "export"}]


async def test_help_lists_the_keys_of_the_screen(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("question_mark")
        await pilot.pause()
        assert isinstance(app.screen, Choose)
        lines = {line.id: line for line in app.screen.table.rows}
        assert lines["inventory.plan"].keys == ("p",)
        assert lines["app.quit"].keys[0] == "q"


async def test_help_is_searched_and_does_what_is_chosen(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("question_mark")
        await pilot.pause()
        await pilot.press(*"mark shown", "enter")
        await settled(pilot)
        assert len(app.workspace.marked) == 10


async def test_a_rebound_key_works_is_shown_and_the_old_one_is_dead(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    app.set_keymap({"inventory.mark_visible": "ctrl+a", "app.quit": "Q"})
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("a", "q")
        assert not app.workspace.marked
        assert app.is_running
        await pilot.press("ctrl+a")
        assert len(app.workspace.marked) == 10
        assert "^a Mark shown" in str(app.screen.query_one(KeyHints).render())


async def test_help_and_quit_are_hinted_on_every_screen_however_narrow(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        for step in "123456":
            await pilot.press(step)
            await settled(pilot)
            hints = str(app.screen.query_one(KeyHints).render())
            assert hints.endswith("? Help  : All  q Quit")
            assert len(hints) <= 80


async def test_the_palette_lists_every_action_of_the_screen_and_every_step(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        titles = {command.title for command in app.get_system_commands(app.screen)}
        assert {"Filter", "Mark range", "Reverse order", "Theme", "Go to Run", "Quit"} <= titles
        await pilot.press("colon")
        await pilot.pause()
        await pilot.press(*"go to estimate")
        await pilot.pause(0.5)
        await pilot.press("enter")
        await settled(pilot)
        assert app.current_mode == "estimate"


async def test_a_vcenter_that_is_down_is_said_and_the_app_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_on_fakes(tmp_path)

    def refuse(*_: object, **__: object) -> None:
        from v2s_tui.domain.errors import SourceUnreachable

        raise SourceUnreachable("nothing listens at vcenter.example.com:443", hint="check vmware.vcenter")

    monkeypatch.setattr("v2s_tui.tui.background.load_inventory", refuse)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert app.inventory_note.startswith("reading failed")
        assert app.is_running


async def test_on_a_tiny_terminal_the_list_has_the_room(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=(40, 10)) as pilot:
        await planned_app(pilot)
        for step, table in (("3", "#plan-table"), ("5", "#run-table")):
            await pilot.press(step)
            await settled(pilot)
            assert app.screen.query_one(table, VirtualTable).size.height >= 4


def shown(app: V2sApp) -> str:
    """What stands on the screen."""
    return "\n".join("".join(part.text for part in line) for line in app.screen._compositor.render_strips())


@pytest.mark.parametrize("step", ["2", "3", "4"])
async def test_a_plan_that_cannot_be_worked_out_says_why_in_full(tmp_path: Path, step: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("version: 1\nmigrations:\n  - vm_name: batch-77-that-was-taken-out-of-vcenter\n")
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.press(step)
        app.open_plan(path)
        await settled(pilot)
        words = " ".join(shown(app).split())
        assert "no VM 'batch-77-that-was-taken-out-of-vcenter' is in the inventory. correct the name" in words
        assert "planned yet" not in words
        assert "no findings" not in words


async def test_an_error_that_is_not_the_plans_is_told_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise InputError("nobody knows zone fr-par-9", hint="choose another")

    monkeypatch.setattr("v2s_tui.tui.background._check", refused)
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("a", "p")
        await settled(pilot)
        assert "nobody knows zone fr-par-9. choose another" in shown(app)


async def test_a_plan_waits_for_an_inventory_that_cannot_be_read(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)

    def lost(*_: object) -> None:
        raise SourceUnreachable("vcenter.example.com does not answer")

    app.services.source().inventory = lost  # type: ignore[method-assign]
    app.workspace.plan = BatchPlan.model_validate({"migrations": [{"vm_name": "batch-01"}]})
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("2")
        await settled(pilot)
        assert "waits for the inventory (screen 1: reading failed: r tries again)" in shown(app)
        assert "working it out" not in shown(app)


async def test_what_if_stays_when_quotas_and_rights_come_in(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await planned_app(pilot)
        await pilot.press("4")
        await settled(pilot)
        await pilot.press("plus", "plus")
        assert "per_esxi_host 6" in shown(app)
        assert app.outlook is not None
        app.background.succeeded("facts", replace(app.outlook))
        await settled(pilot)
        assert "per_esxi_host 6" in shown(app)


async def test_a_filter_being_typed_stays_when_more_of_the_inventory_comes(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        typed = "nmae:web os:linux"
        await pilot.press("slash", *typed)
        app.refresh_screen("partial")
        await pilot.pause()
        assert app.screen.query_one(FilterBar).input.value == typed


async def test_a_plan_whose_file_was_changed_by_someone_else_is_saved_under_another_name(
    tmp_path: Path,
) -> None:
    app, path, other = app_on_fakes(tmp_path), tmp_path / "plan.yaml", tmp_path / "other.yaml"
    path.write_text("version: 1\nmigrations:\n  - vm_name: batch-01\n")
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        app.open_plan(path)
        await pilot.press("3")
        app.workspace.edit(without_vms(app.workspace.plan, ["batch-01"]))
        path.write_text("version: 1\n# by a colleague\nmigrations:\n  - vm_name: batch-01\n")
        await pilot.press("ctrl+s")
        for wanted in (path, other):
            await pilot.pause()
            app.screen.query_one("#answer", Input).value = str(wanted)
            await pilot.press("enter")
        await settled(pilot)
        assert not app.workspace.dirty
        assert app.workspace.plan_path == other
        assert "by a colleague" in path.read_text()
