"""The first start: how to begin, a form with checks, what it writes, and going on without a restart."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from app_under_test import app_on_fakes, services_on_fakes, settled

from v2s_tui.config.load import load_config
from v2s_tui.config.settings import Settings, VmwareSettings
from v2s_tui.domain.checks import Check, CheckState
from v2s_tui.tui.app import V2sApp
from v2s_tui.tui.beginning import TRY_THE_LAB
from v2s_tui.tui.modals.connect import Connect
from v2s_tui.tui.modals.welcome import Welcome
from v2s_tui.usecases.services import Services

SIZE = (80, 24)
THUMBPRINT = ":".join(["AB"] * 20)


@pytest.fixture(autouse=True)
def doctor(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """Settings that doctor was asked about; it trusts the certificate with that thumbprint only."""
    asked: list[Settings] = []

    def look(services: Services, _cache: Path) -> Iterator[Check]:
        asked.append(services.settings)
        yield Check("host", "qemu-img", CheckState.OK, "there")
        yield Check("host", "KVM", CheckState.WARN, "slow", "another host")
        if services.settings.vmware.thumbprint != THUMBPRINT:
            yield Check("vcenter", "inventory", CheckState.FAIL, "not trusted", f"thumbprint {THUMBPRINT}")

    monkeypatch.setattr("v2s_tui.usecases.run_doctor.run_doctor", look)
    return asked


def first_start(tmp_path: Path) -> V2sApp:
    settings = Settings(vmware=VmwareSettings(vcenter=""))
    return V2sApp(replace(services_on_fakes(tmp_path), settings=settings))


def shown(app: V2sApp) -> str:
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


async def test_both_ends_are_checked_and_written_and_the_app_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, doctor: list[Settings]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    connected = services_on_fakes(tmp_path)
    app = first_start(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, Welcome)
        assert "Try the lab" in shown(app)
        assert "esc look around" in shown(app)
        await pilot.press("c")
        await pilot.pause()
        assert isinstance(app.screen, Connect)
        await pilot.press(*"vc.example.com", "down", *"me", "down", *"hunter2", "enter")
        await settled(pilot)
        assert "all checked  1 ok  1 warn  1 FAIL" in shown(app)
        assert "ctrl+y takes" in shown(app)
        before = shown(app)
        await pilot.press("pagedown")
        await pilot.pause()
        assert "not trusted" in before
        assert "slow" in shown(app)
        assert "hunter2" not in shown(app)
        assert not (tmp_path / "config").exists()
        await pilot.press("ctrl+y")
        await settled(pilot)
        assert "1 ok  1 warn  0 FAIL" in shown(app)
        assert doctor[-1].vmware.password.resolve() == "hunter2"
        monkeypatch.setattr(
            "v2s_tui.bootstrap.build_services", lambda settings: replace(connected, settings=settings)
        )
        await pilot.press("ctrl+s")
        await settled(pilot)
        assert app.workspace.inventory is not None
        assert len(app.workspace.inventory) == 10
    written = load_config(tmp_path / "config" / "v2s" / "migration.yaml", {})
    assert (written.vmware.vcenter, written.vmware.thumbprint) == ("vc.example.com", THUMBPRINT)


async def test_a_form_that_cannot_be_settings_says_why_and_stays(tmp_path: Path) -> None:
    app = first_start(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("c")
        await pilot.pause()
        app.screen.query_one("#default_zone").value = "paris"  # type: ignore[attr-defined]
        for key in ("ctrl+s", "enter"):
            await pilot.press(key)
            await settled(pilot)
            assert isinstance(app.screen, Connect)
            assert "scaleway.default_zone" in shown(app)
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, Welcome)


async def test_a_form_without_a_vcenter_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    app = first_start(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("c", "ctrl+s")
        await settled(pilot)
        assert isinstance(app.screen, Connect)
        assert "name a vCenter first" in shown(app)
        assert not (tmp_path / "config").exists()


async def test_the_template_is_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    app = first_start(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("w")
        await pilot.pause()
        written = tmp_path / "migration.yaml"
        assert load_config(written, {}).vmware.vcenter == "vcenter.example.com"
        written.write_text("vmware: {vcenter: mine}\n")
        await pilot.press("w")
        await pilot.pause()
        assert "mine" in written.read_text()
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen.id == "inventory-screen"


async def test_the_lab_is_asked_for_in_place_of_the_app(tmp_path: Path) -> None:
    app = first_start(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("l")
        await pilot.pause()
    assert app.return_value == TRY_THE_LAB


async def test_a_configured_app_shows_no_guide(tmp_path: Path) -> None:
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert app.screen.id == "inventory-screen"
