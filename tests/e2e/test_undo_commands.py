"""`v2s batch undo` and `v2s leftovers` on what really stands at the target: shown, and removed when told."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from lab_process import RunningLab, lab_process, v2s
from plans_as_is import write_plan_as_is

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.lab, pytest.mark.timeout(240)]

FAILING = "tiny-02"
"""Its import ends in error, so its object stays for the retry that may come."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    folder = tmp_path_factory.mktemp("undo")
    rule = {
        "server": "scaleway",
        "operation": "POST */import-from-object-storage",
        "subject": f"*{FAILING}*",
        "fault": "import_error",
    }
    faults = folder / "faults.yaml"
    faults.write_text(yaml.safe_dump({"rules": [rule]}))
    with lab_process(folder / "lab", "--scenario", "tiny", "--faults", str(faults)) as running:
        yield running


def run_one(lab: RunningLab, folder: Path, name: str, *, code: int) -> str:
    """Migrate one VM; returns the batch's id."""
    plan, before = folder / f"{name}.yaml", set(lab.batch_ids())
    write_plan_as_is(lab, plan, name)
    result = v2s(lab, "--run", str(plan), "--yes")
    assert result.returncode == code, result.stderr[-3000:]
    (batch_id,) = set(lab.batch_ids()) - before
    return batch_id


def test_undo_shows_then_keeps_a_running_instance_until_its_vm_is_named(
    lab: RunningLab, tmp_path: Path
) -> None:
    batch_id = run_one(lab, tmp_path, "tiny-01", code=0)
    shown = v2s(lab, "batch", "undo", "--batch-id", batch_id, "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "--vm tiny-01" in shown.stderr
    kept = v2s(lab, "batch", "undo", "--batch-id", batch_id, "--yes")
    assert kept.returncode == 1, kept.stderr
    assert "NOT removed: its Instance runs" in kept.stderr
    assert [each["name"] for each in lab.resources("server")] == ["tiny-01"]

    gone = v2s(lab, "batch", "undo", "--batch-id", batch_id, "--vm", "tiny-01", "--yes")
    assert gone.returncode == 0, gone.stderr
    assert "instance removed" in gone.stderr.lower()
    assert lab.resources("server") == []
    assert lab.resources("volume") == []
    again = v2s(lab, "batch", "undo", "--batch-id", batch_id, "--vm", "tiny-01", "--yes")
    assert "nothing to undo" in again.stderr


def test_leftovers_are_listed_priced_and_removed_on_request(lab: RunningLab, tmp_path: Path) -> None:
    batch_id = run_one(lab, tmp_path, FAILING, code=1)
    listed = json.loads(v2s(lab, "leftovers", "--format", "json").stdout)
    assert {each["batch_id"] for each in listed} == {batch_id}
    assert any(each["kind"] == "object" and each["size_bytes"] > 0 for each in listed)
    assert all(each["resumable"] for each in listed)
    assert "per month" in v2s(lab, "leftovers").stdout

    removed = v2s(lab, "leftovers", "--delete", "--yes")
    assert removed.returncode == 0, removed.stderr
    assert "nothing was left behind" in v2s(lab, "leftovers").stdout
    lab.assert_nothing_left_behind()
