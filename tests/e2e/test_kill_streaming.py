"""SIGKILLs while a disk of several parts is uploaded as it arrives: nothing lost, doubled or left behind."""

import json
import random
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from lab_process import RunningLab, compare_images, lab_process, v2s_argv
from plans_as_is import write_plan_as_is
from test_kill_and_resume import run_until_killed

pytestmark = [pytest.mark.e2e, pytest.mark.lab, pytest.mark.timeout(300)]

KILLS = 5
SMALL = {"size_gib": 1, "content": "random", "payload_mib": 2}
LARGE = {"size_gib": 1, "content": "random", "payload_mib": 140}
"""Half of it does not compress: at least four parts of 16 MiB."""
VMS = {"large-01": [LARGE], "both-01": [SMALL, LARGE]}


def write_scenario(path: Path) -> Path:
    """Powered-off VMs on one host."""
    place = {"folder": "/DC1/Production", "host": "esxi-01", "firmware": "efi", "power": "poweredOff"}
    vms = [{"name": name, "disks": disks, **place} for name, disks in VMS.items()]
    scenario = {
        "name": "streaming",
        "hosts": [{"name": "esxi-01", "cluster": "prod"}],
        "datastores": ["datastore1"],
        "networks": ["VM Network"],
        "vms": vms,
    }
    path.write_text(yaml.safe_dump(scenario))
    return path


@dataclass(frozen=True)
class LabWith(RunningLab):
    """A lab whose operator asked for an export strategy."""

    strategy: str = ""

    @property
    def config(self) -> Path:
        path = self.folder / f"{self.strategy}.yaml"
        settings = yaml.safe_load((self.folder / "migration.yaml").read_text())
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(settings | {"migration": {"export_strategy": self.strategy}}))
        return path


@pytest.mark.parametrize("strategy", ["streaming", pytest.param("auto", marks=pytest.mark.slow)])
def test_parts_on_their_way_outlive_their_runner(tmp_path: Path, strategy: str) -> None:
    """With `auto` these disks pass through: what was received is nowhere but in the parts."""
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    print(f"seed {seed}")
    plan, events = tmp_path / "plan.yaml", tmp_path / "events.jsonl"
    scenario = write_scenario(tmp_path / "scenario.yaml")
    quick = ("--speed", "4")
    with lab_process(tmp_path / "lab", "--scenario", str(scenario), *quick) as running:
        lab = LabWith(running.folder, strategy)
        write_plan_as_is(lab, plan, "*-01")
        argv = v2s_argv(lab, "--run", str(plan), "--yes", "--events", str(events))
        kills = int(run_until_killed(argv, chance.uniform(1.0, 3.0), tmp_path / "run.log"))
        assert kills == 1, (tmp_path / "run.log").read_text()
        (batch_id,) = lab.batch_ids()
        argv = v2s_argv(lab, "batch", "resume", "--batch-id", batch_id, "--yes", "--events", str(events))
        while kills < KILLS and run_until_killed(argv, chance.uniform(0.5, 6.0), tmp_path / "resume.log"):
            kills += 1
        result = subprocess.run(argv, capture_output=True, text=True, timeout=200, check=False)
        assert result.returncode == 0, result.stderr[-4000:]
        assert kills >= 2, "the run was too quick to be killed"
        print(f"{kills} kills, then {result.stderr.splitlines()[-1]}")
        check_volumes(lab)
        check_that_parts_went_out_early(events, passing=strategy == "auto")
        lab.assert_nothing_left_behind()


def check_volumes(lab: RunningLab) -> None:
    """One Instance each, and every volume equals its source disk."""
    assert Counter(each["name"] for each in lab.resources("server")) == Counter(list(VMS))
    volumes = {each["name"]: each for each in lab.resources("volume")}
    assert len(volumes) == len(lab.resources("volume")) == 3
    for vm, disks in VMS.items():
        for number in range(len(disks)):
            (raw,) = (lab.folder / "disks").glob(f"{vm}-*-{number}.raw")
            (volume,) = [
                each
                for name, each in volumes.items()
                if name.startswith(f"v2s-{vm}") and name.endswith(f"disk-{number}")
            ]
            compare_images(raw, Path(volume["_raw_path"]))


def check_that_parts_went_out_early(events: Path, *, passing: bool) -> None:
    """Some export ended with parts on record, and no copy kept where none is needed."""
    happened = [json.loads(line) for line in events.read_text().splitlines() if line.endswith("}")]
    ended = [each for each in happened if each["kind"] == "stage_ended" and each["stage"] == "export"]
    disks = [disk for each in ended for disk in each["artifacts"]["disks"]]
    assert any(disk["early_parts"] for disk in disks)
    assert {disk["passing"] for disk in disks} == {passing}
