"""`v2s demo` and `v2s lab up` in a folder that the operator names: nothing of anybody else's goes."""

import fcntl
from pathlib import Path

import pytest

from v2s_tui.cli.lab import require_lab_folder, start_anew
from v2s_tui.domain.errors import InputError

LAB_CONFIG = "# Written by v2s lab; usable as --config.\nvmware: {}\n"


def lab_folder(folder: Path) -> Path:
    """What a lab leaves: its lock, its configuration, what was migrated, disks."""
    for name in ("work/batch-state", "scaleway", "objectstorage", "disks", "secrets"):
        (folder / name).mkdir(parents=True)
    (folder / "lab.lock").touch()
    (folder / "migration.yaml").write_text(LAB_CONFIG)
    (folder / "plan.yaml").write_text("version: '1.0'\n")
    return folder


def test_starting_anew_removes_what_the_lab_made_and_nothing_else(tmp_path: Path) -> None:
    folder = lab_folder(tmp_path)
    (folder / "thesis").mkdir()
    (folder / "thesis" / "chapter-1.txt").write_text("years of work")
    (folder / "plans.txt").write_text("mine")
    start_anew(folder)
    assert sorted(each.name for each in folder.iterdir()) == [
        "disks", "lab.lock", "plans.txt", "secrets", "thesis",
    ]  # fmt: skip
    assert (folder / "thesis" / "chapter-1.txt").read_text() == "years of work"


def test_a_folder_that_no_lab_made_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "invoice.txt").write_text("mine")
    start_anew(tmp_path)
    assert (tmp_path / "work" / "invoice.txt").read_text() == "mine"


def test_a_lab_that_runs_keeps_its_state(tmp_path: Path) -> None:
    folder = lab_folder(tmp_path)
    with (folder / "lab.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="already running"):
            start_anew(folder)
    assert (folder / "work" / "batch-state").is_dir()


def test_a_configuration_of_the_operators_own_is_never_written_over(tmp_path: Path) -> None:
    config = tmp_path / "migration.yaml"
    config.write_text("vmware:\n  vcenter: vcenter.example.com\n")
    with pytest.raises(InputError, match="not the lab's"):
        require_lab_folder(tmp_path)
    config.write_text(LAB_CONFIG)
    require_lab_folder(tmp_path)
    require_lab_folder(tmp_path / "new")
