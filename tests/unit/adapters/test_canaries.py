"""Canary records: one of each target, durable, and never misread."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from v2s_tui.adapters.store.canaries import FILE_NAME, read_canary, write_canary
from v2s_tui.config.settings import ConversionSettings, Settings
from v2s_tui.domain.errors import StateError
from v2s_tui.domain.execution.canary import CanaryRecord, Target
from v2s_tui.usecases.cluster_mode import canary_target, cluster_mode

NOW = datetime(2026, 11, 25, tzinfo=UTC)
PARIS, WARSAW = Target("fr-par", "https://api", "https://s3"), Target("pl-waw", "https://api", "https://s3")


def test_each_target_has_its_newest_record(tmp_path: Path) -> None:
    assert read_canary(tmp_path / "none", PARIS) is None
    for record in (CanaryRecord("1", NOW), CanaryRecord("1", NOW, passed=True, detail="200 clusters")):
        write_canary(tmp_path / "work", PARIS, record)
        assert read_canary(tmp_path / "work", PARIS) == record
    assert read_canary(tmp_path / "work", WARSAW) is None


@pytest.mark.parametrize("content", ["{", "[]", '{"fr-par https://api https://s3": {"id": 1}}'])
def test_a_damaged_file_is_told_not_taken_for_no_canary(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE_NAME).write_text(content)
    with pytest.raises(StateError, match="cannot be read"):
        read_canary(tmp_path, PARIS)


@pytest.mark.parametrize(
    ("options", "passed", "mode"),
    [
        ({}, None, "w12"),
        ({}, False, "w12"),
        ({}, True, "pass"),
        ({"cluster_mode": "w12"}, True, "w12"),
        ({"cluster_mode": "pass"}, False, "pass"),
        ({"compress_qcow2": False}, True, "plain"),
    ],
)
def test_pass_is_chosen_only_where_a_canary_passed_or_by_the_operator(
    tmp_path: Path, options: dict[str, object], passed: bool | None, mode: str
) -> None:
    settings = Settings(conversion=ConversionSettings(work_dir=tmp_path, **options))  # type: ignore[arg-type]
    if passed is not None:
        write_canary(tmp_path, canary_target(settings.scaleway), CanaryRecord("1", NOW, passed=passed))
    assert cluster_mode(settings, NOW) == mode
