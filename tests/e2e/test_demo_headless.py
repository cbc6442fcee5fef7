"""The main job through the real protocols: twelve VMs, four waves, every disk compared."""

import json
from importlib.resources import files
from pathlib import Path

import pytest
from lab_process import RunningLab, compare_images, lab_process, v2s
from plans_as_is import copies_only

pytestmark = [pytest.mark.e2e, pytest.mark.lab, pytest.mark.timeout(420)]

PLAN = files("v2s_tui.lab.scenarios").joinpath("demo-plan.yaml")


def source_disks(lab: RunningLab) -> dict[str, list[Path]]:
    """VM name -> its raw disks in order, as the lab lays them out: `{vm}-{hash}-{index}.raw`."""
    disks: dict[str, list[Path]] = {}
    for path in sorted((lab.folder / "disks").glob("*.raw")):
        disks.setdefault(path.stem.rsplit("-", 2)[0], []).append(path)
    return disks


def test_twelve_vms_arrive_byte_for_byte_and_nothing_is_left(tmp_path: Path) -> None:
    report, events = tmp_path / "report.md", tmp_path / "events.jsonl"
    with lab_process(tmp_path / "lab", "--scenario", "demo") as lab:
        plan = copies_only(Path(str(PLAN)), tmp_path / "plan.yaml")
        result = v2s(
            lab, "--run", str(plan), "--yes", "--report", str(report), "--events", str(events), timeout=400
        )
        assert result.returncode == 0, result.stderr[-4000:]
        happened = [json.loads(line) for line in events.read_text().splitlines()]
        completed = [each["vm"] for each in happened if each["kind"] == "vm_completed"]
        assert len(completed) == len(set(completed)) == 12
        assert [each["wave"] for each in happened if each["kind"] == "wave_started"] == [
            "canary", "dev", "production", "windows",
        ]  # fmt: skip
        lab.assert_nothing_left_behind()
        check_servers(lab, completed)
        check_disks(lab)
        assert all(name in report.read_text() for name in completed)


def check_servers(lab: RunningLab, names: list[str]) -> None:
    """One running Instance for each VM, with all its volumes."""
    servers = lab.resources("server")
    assert sorted(each["name"] for each in servers) == sorted(names)
    assert {each["state"] for each in servers} == {"running"}
    disks = source_disks(lab)
    attached = {each["name"]: len(each["volumes"]) for each in servers if "volumes" in each}
    assert all(count == len(disks[name]) for name, count in attached.items())


def check_disks(lab: RunningLab) -> None:
    """Every imported disk has the source's content."""
    snapshots = {each["name"]: each for each in lab.resources("snapshot")}
    compared = 0
    for name, disks in source_disks(lab).items():
        for index, raw in enumerate(disks):
            ours = [each for title, each in snapshots.items() if title.startswith(f"v2s-{name}-")]
            imported = next(each for each in ours if each["name"].endswith(f"-disk-{index}"))
            compare_images(raw, Path(imported["_raw_path"]))
            compared += 1
    assert compared >= 14
