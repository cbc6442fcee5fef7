"""What an operator gets wrong: one clear message, the right exit code, nothing started and nothing left."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from lab_process import RunningLab, lab_process, v2s
from plans_as_is import copies_only

pytestmark = [pytest.mark.e2e, pytest.mark.lab, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with lab_process(tmp_path_factory.mktemp("mistakes") / "lab", "--scenario", "tiny") as running:
        yield running


def changed_config(lab: RunningLab, folder: Path, section: str, **values: object) -> Path:
    """The lab's configuration with some keys replaced."""
    settings = lab.settings
    settings[section] |= values
    path = folder / "changed.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def assert_refused(result: object, code: int, *words: str) -> None:
    """Exit code, one message that names the words, no traceback."""
    stderr = getattr(result, "stderr", "")
    assert getattr(result, "returncode", None) == code, stderr
    assert "Traceback" not in stderr
    for word in words:
        assert word in stderr, stderr


def test_wrong_password(lab: RunningLab, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("wrong")
    (tmp_path / "password").chmod(0o600)
    config = changed_config(lab, tmp_path, "vmware", password_file=str(tmp_path / "password"))
    assert_refused(v2s(None, "inventory", "--config", str(config)), 2, "password")


def test_unreachable_host(lab: RunningLab, tmp_path: Path) -> None:
    config = changed_config(lab, tmp_path, "vmware", port=9)
    assert_refused(v2s(None, "inventory", "--config", str(config)), 4, "127.0.0.1:9")


def test_certificate_of_a_stranger(lab: RunningLab, tmp_path: Path) -> None:
    config = changed_config(lab, tmp_path, "vmware", thumbprint="AA:" * 19 + "AA", ca_file=None)
    assert_refused(v2s(None, "inventory", "--config", str(config)), 4, "certificate")


def test_unknown_filter_key_points_at_it(lab: RunningLab) -> None:
    assert_refused(v2s(lab, "inventory", "-f", "os:linux nmae:web-*"), 2, "nmae", "name")


def test_broken_yaml_names_the_line(lab: RunningLab, tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("version: 1\nmigrations:\n  - {vm_name: tiny-01\n")
    assert_refused(v2s(lab, "--run", str(plan), "--yes"), 2, "plan.yaml:")


def test_unknown_key_is_suggested(lab: RunningLab, tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("version: 1\nmigrations:\n  - {vm_name: tiny-01, target_typ: PRO2-S}\n")
    assert_refused(v2s(lab, "--run", str(plan), "--yes"), 2, "plan.yaml:3", "target_type")


def test_unknown_vm_is_named(lab: RunningLab, tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("version: 1\nmigrations:\n  - {vm_name: tiny-99}\n")
    assert_refused(v2s(lab, "--run", str(plan), "--yes"), 2, "tiny-99")


def test_missing_plan_file(lab: RunningLab, tmp_path: Path) -> None:
    assert_refused(v2s(lab, "--run", str(tmp_path / "none.yaml"), "--yes"), 2, "none.yaml")


def test_literal_secret_in_a_file_others_may_read(lab: RunningLab, tmp_path: Path) -> None:
    settings = lab.settings
    settings["vmware"].pop("password_file")
    settings["vmware"]["password"] = "in-the-clear"
    path = tmp_path / "open.yaml"
    path.write_text(yaml.safe_dump(settings))
    path.chmod(0o644)
    result = v2s(None, "inventory", "--config", str(path))
    assert_refused(result, 2, "password_env")
    assert "in-the-clear" not in result.stderr


@pytest.mark.timeout(400)
def test_a_gate_without_an_operator_stops_with_3_and_approval_goes_on(
    lab: RunningLab, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        "version: 1\nmigrations: [{vm_name: tiny-01}, {vm_name: tiny-02}]\n"
        "waves: [{name: first, vms: [tiny-01], pause_after: pause}, {name: second, vms: [tiny-02]}]\n"
    )
    copies_only(plan, plan)
    before = set(lab.batch_ids())
    stopped = v2s(lab, "--run", str(plan))
    assert stopped.returncode == 3, stopped.stderr[-3000:]
    (batch_id,) = set(lab.batch_ids()) - before
    again = v2s(lab, "batch", "resume", "--batch-id", batch_id)
    assert again.returncode == 3, again.stderr[-3000:]
    approved = v2s(lab, "batch", "resume", "--batch-id", batch_id, "--approve")
    assert approved.returncode == 0, approved.stderr[-3000:]
    lab.assert_nothing_left_behind()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A work folder on a file system of 20 MiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "v2s-test", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_work_disk_that_is_too_small_forbids_the_start(
    lab: RunningLab, tmp_path: Path, small_disk: Path
) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("version: 1\nmigrations: [{vm_pattern: tiny-*}]\n")
    copies_only(plan, plan)
    config = changed_config(lab, tmp_path, "conversion", work_dir=str(small_disk))
    result = v2s(None, "--config", str(config), "--run", str(plan), "--yes")
    assert_refused(result, 4, "work disk")
    lab.assert_nothing_left_behind()


def test_nothing_was_started_by_mistakes(lab: RunningLab) -> None:
    started = [each for each in lab.resources("server") if each["name"] not in {"tiny-01", "tiny-02"}]
    assert started == []
    lab.assert_nothing_left_behind()
