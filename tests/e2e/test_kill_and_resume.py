"""The runner dies by SIGKILL at random moments; resume goes on, every VM completes exactly once."""

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from lab_process import RunningLab, lab_process, v2s, v2s_argv
from plans_as_is import copies_only

pytestmark = [pytest.mark.e2e, pytest.mark.lab, pytest.mark.timeout(420)]

KILLS = 12
VMS = ("tiny-01", "tiny-02", "tiny-03", "tiny-win-01")


def run_until_killed(argv: list[str], seconds: float, log: Path) -> bool:
    """Start it, let it work for a while, kill its whole process group; True when it was killed."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv, stdout=output, stderr=output, stdin=subprocess.DEVNULL, process_group=0
        )
        deadline = time.monotonic() + 30
        while b"batch " not in log.read_bytes() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
    return False


def test_every_vm_completes_once_whatever_dies(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    print(f"seed {seed}")
    plan, events = tmp_path / "plan.yaml", tmp_path / "events.jsonl"
    with lab_process(tmp_path / "lab", "--scenario", "tiny") as lab:
        made = v2s(lab, "inventory-plan", "-f", "name:tiny-*", "-o", str(plan))
        assert made.returncode == 0, made.stderr
        copies_only(plan, plan)
        argv = v2s_argv(lab, "--run", str(plan), "--yes", "--events", str(events))
        kills = int(run_until_killed(argv, chance.uniform(0.2, 0.8), tmp_path / "run.log"))
        assert kills == 1, (tmp_path / "run.log").read_text()
        (batch_id,) = lab.batch_ids()
        argv = v2s_argv(lab, "batch", "resume", "--batch-id", batch_id, "--yes", "--events", str(events))
        while kills < KILLS and run_until_killed(argv, chance.uniform(0.2, 0.8), tmp_path / "resume.log"):
            kills += 1
        result = subprocess.run(argv, capture_output=True, text=True, timeout=200, check=False)
        assert result.returncode == 0, result.stderr[-4000:]
        print(f"{kills} kills, then {result.stderr.splitlines()[-1]}")
        assert kills >= 10
        check_once(lab, events)
        lab.assert_nothing_left_behind()


def check_once(lab: RunningLab, events: Path) -> None:
    """Each VM is complete on record, never twice, and has one of everything at Scaleway.

    A kill between a commit and its event's line costs the line, never the record.
    """
    happened = [json.loads(line) for line in events.read_text().splitlines() if line.endswith("}")]
    completed = Counter(each["vm"] for each in happened if each["kind"] == "vm_completed")
    assert set(completed.values()) == {1}
    (batch_id,) = lab.batch_ids()
    status = v2s(lab, "batch", "status", "--batch-id", batch_id, "--format", "json")
    rows = json.loads(status.stdout)["vms"]
    assert {row["name"]: row["status"] for row in rows} == dict.fromkeys(VMS, "complete")
    assert Counter(each["name"] for each in lab.resources("server")) == Counter(VMS)
    assert len(lab.resources("image")) == len(VMS)
    for kind in ("snapshot", "volume"):
        names = Counter(each["name"] for each in lab.resources(kind))
        assert not [name for name, count in names.items() if count > 1], kind
        assert len(names) == 5
