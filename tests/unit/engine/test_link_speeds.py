"""Speeds outlive the runner, follow the link, and never get in the way of a transfer."""

import json
from pathlib import Path

import pytest

from v2s_tui.domain.execution.transfer import LinkSpeeds
from v2s_tui.domain.units import MIB
from v2s_tui.engine.link_speeds import FILE_NAME, note_download, note_upload, speeds_between


def test_speeds_are_kept_by_host_and_storage(tmp_path: Path) -> None:
    note_download(tmp_path, "esxi-01", size_bytes=100 * MIB, seconds=1)
    note_upload(tmp_path, "fr-par", size_bytes=50 * MIB, seconds=1)
    assert speeds_between(tmp_path, host="esxi-01", storage="fr-par") == LinkSpeeds(100 * MIB, 50 * MIB)
    assert speeds_between(tmp_path, host="esxi-02", storage="nl-ams") == LinkSpeeds()


def test_newer_measurements_count_more_and_small_ones_not_at_all(tmp_path: Path) -> None:
    for seconds in (1, 10, 10, 10, 10):
        note_download(tmp_path, "h", size_bytes=100 * MIB, seconds=seconds)
    found = speeds_between(tmp_path, host="h", storage="").down
    assert 10 * MIB < found < 35 * MIB
    note_download(tmp_path, "h", size_bytes=MIB, seconds=0.3)
    note_download(tmp_path, "h", size_bytes=100 * MIB, seconds=0.0)
    assert speeds_between(tmp_path, host="h", storage="").down == found


@pytest.mark.parametrize("content", ["{", "[1]", '{"from h": "fast"}'])
def test_a_file_that_cannot_be_read_is_measured_anew(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE_NAME).write_text(content)
    assert speeds_between(tmp_path, host="h", storage="s") == LinkSpeeds()
    note_download(tmp_path, "h", size_bytes=10 * MIB, seconds=1)
    assert json.loads((tmp_path / FILE_NAME).read_text()) == {"from h": 10 * MIB}


def test_a_folder_that_cannot_be_written_fails_nothing(tmp_path: Path) -> None:
    note_download(tmp_path / "gone", "h", size_bytes=10 * MIB, seconds=1)
    assert speeds_between(tmp_path / "gone", host="h", storage="s") == LinkSpeeds()
