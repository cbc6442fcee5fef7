"""A canary flies through the lab's real importer and export; what it finds decides how disks are stored."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from v2s_tui.adapters.store.canaries import read_canary
from v2s_tui.bootstrap import build_services
from v2s_tui.config.load import load_config
from v2s_tui.domain.errors import StorageUnavailable
from v2s_tui.lab.up import Lab
from v2s_tui.usecases import canary as canary_module
from v2s_tui.usecases.canary import run_canary
from v2s_tui.usecases.cluster_mode import canary_target, cluster_mode
from v2s_tui.usecases.leftovers import find_leftovers

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("canary") / "lab"
    lab = Lab(folder, scenario="tiny", speed=50)
    lab.start()
    yield folder / "migration.yaml"
    lab.stop()


@pytest.fixture
def services(config, tmp_path):
    settings = load_config(config, {})
    conversion = settings.conversion.model_copy(update={"work_dir": tmp_path / "work"})
    opened = build_services(settings.model_copy(update={"conversion": conversion}))
    yield opened
    opened.close()


def mode_of(services) -> str:
    return cluster_mode(services.settings, datetime.now(UTC))


def fly(services):
    said: list[str] = []
    found = run_canary(services, say=said.append, pause=lambda _: time.sleep(0.1))
    return found, said


def nothing_is_left(services) -> None:
    assert not [each for each in find_leftovers(services) if "canary" in each.found.name]
    assert not list(Path(services.work_dir).glob("canary-*"))


def test_what_passed_decides_how_disks_are_stored_and_nothing_is_left(services):
    assert mode_of(services) == "w12"
    found, said = fly(services)
    assert found.passed, found.detail
    assert found.detail == "200 clusters came back as they were sent"
    assert [line.split()[0] for line in said] == ["sending", "importing", "exporting"]
    assert mode_of(services) == "pass"
    nothing_is_left(services)
    record = read_canary(services.work_dir, canary_target(services.settings.scaleway))
    assert record == found
    assert not replace(record, begun_at=record.begun_at - timedelta(days=91)).proves(datetime.now(UTC))


def test_an_importer_that_reads_something_else_is_found_out(services, monkeypatch):
    make = canary_module.make_canary_image

    def another_content(path: Path) -> int:
        """The manifest is not of what is sent."""
        size = make(path, seed=2)
        made = path.read_bytes()
        make(path)
        path.write_bytes(made)
        return size

    monkeypatch.setattr(canary_module, "make_canary_image", another_content)
    found, _ = fly(services)
    assert found.passed is False
    assert "came back different" in found.detail
    assert mode_of(services) == "w12"
    nothing_is_left(services)


def test_trouble_on_the_way_says_nothing_about_the_importer(services, monkeypatch):
    def away(*_: object) -> None:
        raise StorageUnavailable("away")

    monkeypatch.setattr(canary_module, "_export", away)
    with pytest.raises(StorageUnavailable):
        fly(services)
    record = read_canary(services.work_dir, canary_target(services.settings.scaleway))
    assert record is not None
    assert record.passed is None
    assert mode_of(services) == "w12"
    nothing_is_left(services)


def test_what_a_killed_canary_made_is_found(services, monkeypatch):
    class Killed(BaseException):
        """The process is gone, nothing is cleaned up."""

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(canary_module, "_settled", killed)
        patched.setattr(canary_module, "_clean_up", lambda _: None)
        with pytest.raises(Killed):
            fly(services)
    left = {each.found.kind.value for each in find_leftovers(services)}
    assert left == {"block_snapshot", "object"}
