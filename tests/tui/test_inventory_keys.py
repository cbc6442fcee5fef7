"""Facets, saved filters, sorting, columns, export and the listing kept from last time."""

import csv
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from app_under_test import NOW, app_on_fakes, inventory_vms, services_on_fakes, settled
from memory_session import MemorySession
from textual.pilot import Pilot

from v2s_tui.adapters.formats.inventory_files import save_cache
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.tui.app import V2sApp
from v2s_tui.tui.modals.ask import Ask
from v2s_tui.tui.modals.choose import Choose
from v2s_tui.tui.modals.columns import ChooseColumns
from v2s_tui.tui.screens.inventory import InventoryScreen
from v2s_tui.tui.widgets.facet_pane import FacetPane
from v2s_tui.tui.widgets.filter_bar import FilterBar
from v2s_tui.usecases.load_inventory import load_inventory

SIZE = (100, 30)


def inventory_of(app: V2sApp) -> InventoryScreen:
    screen = app.screen
    assert isinstance(screen, InventoryScreen)
    return screen


def shown_names(app: V2sApp) -> list[str]:
    return [vm.name for vm in inventory_of(app).table.rows]


async def counted(pilot: Pilot[int]) -> FacetPane:
    """The facets, once they have counted."""
    await pilot.pause(FacetPane.REST_SECONDS + 0.1)
    return pilot.app.screen.query_one(FacetPane)


async def test_facets_filter_and_count_what_a_click_would_show(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("f")
        pane = await counted(pilot)
        counts = {(row.key, row.title): row.count for row in pane.rows if row.term}
        assert counts["os", "linux"] == 9
        assert counts["folder", "/DC1"] == 10
        assert counts["folder", "Production"] == 8
        pane.move_cursor([(row.key, row.title) for row in pane.rows].index(("os", "windows")))
        await pilot.press("space")
        pane = await counted(pilot)
        assert app.workspace.filter_text == "os:windows"
        assert shown_names(app) == ["win-app-01"]
        counts = {(row.key, row.title): (row.count, row.chosen) for row in pane.rows if row.term}
        assert counts["os", "windows"] == (1, True)
        assert counts["os", "linux"] == (9, False)
        assert counts["folder", "/DC1"] == (1, False)
        await pilot.press("space", "escape")
        assert app.workspace.filter_text == ""
        assert inventory_of(app).table.has_focus


async def test_sort_by_a_chosen_column_again_turns_it_round_and_the_session_keeps_it(tmp_path: Path) -> None:
    session = MemorySession()
    app = V2sApp(services_on_fakes(tmp_path), session=session)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("s")
        await pilot.pause()
        await pilot.press(*"vcpu", "enter")
        await pilot.pause()
        cpus = [vm.cpu_count for vm in inventory_of(app).table.rows]
        assert cpus == sorted(cpus)
        await pilot.press("S")
        assert [vm.cpu_count for vm in inventory_of(app).table.rows] == sorted(cpus, reverse=True)
    again = V2sApp(services_on_fakes(tmp_path), session=session)
    async with again.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert inventory_of(again).table.sort_column == "cpu"
        assert [vm.cpu_count for vm in inventory_of(again).table.rows] == sorted(cpus, reverse=True)


async def test_a_click_on_a_title_sorts(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.click("#vms", offset=(4, 0))
        assert shown_names(app) == sorted(shown_names(app), key=str.lower)


async def test_columns_are_hidden_moved_and_kept(tmp_path: Path) -> None:
    session = MemorySession()
    app = V2sApp(services_on_fakes(tmp_path), session=session)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("O")
        await pilot.pause()
        assert isinstance(app.screen, ChooseColumns)
        await pilot.press("down", "space", "down", "K", "enter")
        await pilot.pause()
        names = [column.name for column in inventory_of(app).table.columns]
        assert names[:2] == ["name", "os"]
        assert "power" not in names
    again = V2sApp(services_on_fakes(tmp_path), session=session)
    async with again.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert [column.name for column in inventory_of(again).table.columns] == names


async def test_a_filter_is_kept_by_name_used_as_a_word_and_forgotten(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("slash", *"os:windows", "enter", "F", "enter")
        await pilot.pause()
        assert isinstance(app.screen, Ask)
        await pilot.press(*"win", "enter")
        await pilot.pause()
        assert app.workspace.saved_filters == {"win": "os:windows"}
        inventory_of(app).query_one(FilterBar).input.value = "!@win"
        inventory_of(app).query_one(FilterBar).input.value = "@win"
        await settled(pilot)
        assert shown_names(app) == ["win-app-01"]
        await pilot.press("escape", "F", *"forget", "enter")
        await pilot.pause()
        assert isinstance(app.screen, Choose)
        await pilot.press("enter")
        await pilot.pause()
        assert app.workspace.saved_filters == {}


async def test_what_is_shown_is_written_and_no_file_is_overwritten(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    target = tmp_path / "shown.csv"
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("slash", *"name:web-*", "enter", "e")
        await pilot.pause()
        ask = app.screen
        assert isinstance(ask, Ask)
        ask.query_one("#answer").value = str(target)  # type: ignore[attr-defined]
        await pilot.press("enter")
        await settled(pilot)
        with target.open(encoding="utf-8") as file:
            written = list(csv.DictReader(file))
        assert len(written) == 5
        await pilot.press("e")
        await pilot.pause()
        app.screen.query_one("#answer").value = str(target)  # type: ignore[attr-defined]
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, Ask)


async def test_the_app_opens_on_the_listing_of_last_time_and_says_its_age(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from v2s_tui.domain.errors import SourceUnreachable

    services = services_on_fakes(tmp_path)
    load_inventory(services)
    path = next(services.work_dir.glob("inventory-*.json"))
    kept = Inventory(tuple(inventory_vms().values())[:4], "vcenter", NOW - timedelta(hours=18))
    save_cache(kept, path)

    def refuse(*_: object, **__: object) -> None:
        raise SourceUnreachable("nothing listens", hint="check vmware.vcenter")

    monkeypatch.setattr("v2s_tui.tui.background.load_inventory", refuse)
    app = V2sApp(services)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert len(shown_names(app)) == 4
        assert "reading failed" in str(app.screen.query_one("#filter-state").render())  # type: ignore[attr-defined]
        app.background.inventory_note = ""
        app.refresh_screen("marks")
        assert "as of 18h00m ago" in str(app.screen.query_one("#filter-state").render())  # type: ignore[attr-defined]


async def test_a_range_says_how_much_it_holds_and_marks_it(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("v", "down", "down")
        assert "range of 3 VMs" in str(app.screen.query_one("#filter-state").render())  # type: ignore[attr-defined]
        await pilot.press("v")
        assert len(app.workspace.marked) == 3
        assert "3 marked" in str(app.screen.query_one("#filter-state").render())  # type: ignore[attr-defined]
        await pilot.press("v", "down", "escape")
        assert len(app.workspace.marked) == 3


async def test_the_cursor_shows_which_table_has_the_keyboard(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("f")
        pane = await counted(pilot)
        table = inventory_of(app).table
        colours = [next(iter(each.render_line(1))).style.bgcolor for each in (pane, table)]  # type: ignore[union-attr]
        assert colours[0] != colours[1]
        await pilot.press("escape")
        await pilot.pause()
        assert next(iter(table.render_line(1))).style.bgcolor == colours[0]  # type: ignore[union-attr]


async def test_a_list_without_rows_says_why(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("slash", *"name:zzz", "enter")
        await pilot.pause()
        assert isinstance(app.screen, InventoryScreen)
        assert app.screen.table.if_empty[0] == "no VM passes this filter"
        listed = app.workspace.inventory
        assert listed is not None
        app.workspace.set_inventory(replace(listed, vms=()))
        await pilot.pause()
        assert app.screen.table.if_empty[0] == "this account sees no VM in vCenter"
