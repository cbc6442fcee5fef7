"""The first start: a guide, a form, and what it writes."""

from dataclasses import replace
from pathlib import Path

import pytest
from app_under_test import app_on_fakes, services_on_fakes, settled

from v2s_tui.config.load import load_config
from v2s_tui.config.settings import Settings, VmwareSettings
from v2s_tui.domain.checks import Check, CheckState
from v2s_tui.presentation.first_config import CONFIG_FIELDS, config_data, config_problem
from v2s_tui.tui.app import V2sApp
from v2s_tui.tui.modals.connect import Connect
from v2s_tui.tui.modals.text_view import TextView
from v2s_tui.tui.modals.welcome import Welcome

SIZE = (80, 24)
PROJECT = "11111111-2222-3333-4444-555555555555"
FILLED = {
    **{field.name: field.value for field in CONFIG_FIELDS},
    "vcenter": "vc.example.com", "username": "me", "project_id": PROJECT,
}  # fmt: skip


def first_start(tmp_path: Path) -> V2sApp:
    return V2sApp(replace(services_on_fakes(tmp_path), settings=Settings(vmware=VmwareSettings(vcenter=""))))


async def test_the_form_writes_a_config_that_loads_and_doctor_looks_at_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    seen: list[str] = []

    def doctor(services: object, _cache: Path) -> tuple[Check, ...]:
        seen.append(services.settings.vmware.vcenter)  # type: ignore[attr-defined]
        return (Check("vcenter", "inventory", CheckState.FAIL, "refused", "check the name"),)

    monkeypatch.setattr("v2s_tui.tui.connecting.run_doctor", doctor)
    monkeypatch.setattr("v2s_tui.tui.background.load_inventory", lambda *_: None)
    app = first_start(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, Welcome)
        await pilot.press("c")
        await pilot.pause()
        assert isinstance(app.screen, Connect)
        await pilot.press(*"vc.example.com", "tab", *"me", "ctrl+s")
        await pilot.pause()
        assert app.screen.focused is not None
        assert app.screen.focused.id == "project_id"
        await pilot.press(*PROJECT, "ctrl+s")
        await settled(pilot)
        written = load_config(tmp_path / "migration.yaml", {})
        assert (written.vmware.vcenter, written.scaleway.project_id) == ("vc.example.com", PROJECT)
        assert seen == ["vc.example.com"]
        assert isinstance(app.screen, TextView)
        assert "fix: check the name" in app.screen.text


async def test_a_file_that_is_there_is_never_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "migration.yaml").write_text("vmware: {vcenter: mine}\n")
    app = first_start(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("c")
        await pilot.pause()
        for name, value in FILLED.items():
            app.screen.query_one(f"#{name}").value = value  # type: ignore[attr-defined]
        await pilot.press("ctrl+s")
        await settled(pilot)
        assert "mine" in (tmp_path / "migration.yaml").read_text()


async def test_whoever_wants_to_try_first_is_sent_to_the_demo(tmp_path: Path) -> None:
    app = first_start(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("t")
        await pilot.pause()
    assert not app.is_running


async def test_a_configured_app_shows_no_guide(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert app.screen.id == "inventory-screen"


@pytest.mark.parametrize(
    ("name", "value"),
    [("vcenter", ""), ("password", "hunter2!"), ("project_id", "mine"), ("zone", "paris")],
)
def test_what_cannot_be_is_named(name: str, value: str) -> None:
    wrong = config_problem({**FILLED, name: value})
    assert wrong is not None
    assert wrong[0] == name


def test_a_secret_is_a_reference_by_variable_or_file() -> None:
    data = config_data({**FILLED, "password": "/run/secrets/vc"})
    assert data["vmware"]["password_file"] == "/run/secrets/vc"
    assert data["scaleway"]["access_key_env"] == "SCW_ACCESS_KEY"
    assert data["scaleway"]["s3_region"] == "fr-par"
