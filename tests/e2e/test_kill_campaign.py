"""At least 25 SIGKILLs at random moments over several batches: nothing lost, doubled or left behind."""

import json
import random
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from lab_process import RunningLab, lab_process, v2s, v2s_argv
from plans_as_is import write_plan_as_is
from test_kill_and_resume import run_until_killed

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.lab, pytest.mark.timeout(900)]

BATCHES = (("tiny-01", "tiny-02"), ("tiny-03",), ("tiny-win-01",))
KILLS_EACH = 12
WORK_SECONDS = (0.1, 0.7)
"""How long a runner works before it is killed: short, so that a quick machine does not end a batch first."""


def run_under_fire(lab: RunningLab, names: tuple[str, ...], folder: Path, chance: random.Random) -> int:
    """One batch from its plan to its end with SIGKILLs on the way; returns how many."""
    plan, events = folder / "plan.yaml", folder / "events.jsonl"
    write_plan_as_is(lab, plan, *names)
    known = set(lab.batch_ids())
    argv = v2s_argv(lab, "--run", str(plan), "--yes", "--events", str(events))
    kills = int(run_until_killed(argv, chance.uniform(*WORK_SECONDS), folder / "run.log"))
    assert kills == 1, (folder / "run.log").read_text()
    (batch_id,) = set(lab.batch_ids()) - known
    argv = v2s_argv(lab, "batch", "resume", "--batch-id", batch_id, "--yes", "--events", str(events))
    while kills < KILLS_EACH and run_until_killed(argv, chance.uniform(*WORK_SECONDS), folder / "resume.log"):
        kills += 1
    result = subprocess.run(argv, capture_output=True, text=True, timeout=400, check=False)
    assert result.returncode == 0, result.stderr[-4000:]
    happened = [json.loads(line) for line in events.read_text().splitlines() if line.endswith("}")]
    completed = Counter(each["vm"] for each in happened if each["kind"] == "vm_completed")
    assert set(completed.values()) <= {1}, "no VM completes twice"
    status = v2s(lab, "batch", "status", "--batch-id", batch_id, "--format", "json")
    assert {row["status"] for row in json.loads(status.stdout)["vms"]} == {"complete"}
    return kills


def check_target(lab: RunningLab, names: list[str]) -> None:
    """One of everything: an Instance and an image for each VM, a snapshot and a volume for each disk."""
    assert Counter(each["name"] for each in lab.resources("server")) == Counter(names)
    assert len(lab.resources("image")) == len(names)
    for kind in ("snapshot", "volume"):
        made = Counter(each["name"] for each in lab.resources(kind))
        assert set(made.values()) == {1}, kind
        assert len(made) == len(names) + 1, "tiny-03 has two disks"


def test_nothing_is_lost_doubled_or_left_behind(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    chance, started, kills = random.Random(seed), time.monotonic(), 0
    print(f"seed {seed}")
    with lab_process(tmp_path / "lab", "--scenario", "tiny") as lab:
        for number, names in enumerate(BATCHES):
            folder = tmp_path / f"batch-{number}"
            folder.mkdir()
            kills += run_under_fire(lab, names, folder, chance)
        names = [name for batch in BATCHES for name in batch]
        check_target(lab, names)
        lab.assert_nothing_left_behind()
    print(
        f"{kills} SIGKILLs over {len(BATCHES)} batches in {time.monotonic() - started:.0f} s: "
        f"{len(names)} VMs complete, 0 lost, 0 doubled, 0 left behind"
    )
    assert kills >= 25
