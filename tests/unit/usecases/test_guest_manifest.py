"""The manifest that guest stages leave, as the report reads it."""

from pathlib import Path

import pytest
from fakes.bench import make_bench

from v2s_tui.domain.guest.changes import ChangeKind, ChangeRecord
from v2s_tui.domain.ports import GuestWork
from v2s_tui.engine.stages.guest_work import with_manifest
from v2s_tui.usecases.report_batch import read_guest_manifest


def record(path: str) -> ChangeRecord:
    return ChangeRecord(ChangeKind.WRITE, path, "because", existed=True)


def test_what_stages_wrote_is_read_back(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    work = GuestWork((record("/etc/fstab"), record("/boot/grub/grub.cfg")), ("no swap",))
    artifacts = with_manifest(bench.input(), bench.artifacts, "adapt_guest", work)
    again = GuestWork((record("/etc/fstab"),), ("no swap", "no console"))
    artifacts = with_manifest(bench.input(), artifacts, "ensure_uefi", again)
    read = read_guest_manifest(Path(artifacts.guest_manifest))
    assert read.paths == ("/etc/fstab", "/boot/grub/grub.cfg")
    assert read.warnings == ("no swap", "no console")


@pytest.mark.parametrize("content", ["", "[]", '{"adapt_guest": {}}', '{"adapt_guest": 1}'])
def test_anything_else_is_not_taken_for_one(tmp_path: Path, content: str) -> None:
    path = tmp_path / "guest-manifest.json"
    path.write_text(content)
    with pytest.raises((ValueError, KeyError, TypeError)):
        read_guest_manifest(path)
