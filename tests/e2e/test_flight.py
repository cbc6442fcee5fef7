"""A flight: hundreds of VMs through the lab with everything going wrong now and then, watched from outside.

V2S_FLIGHT_VMS sets how many (60). It prints wall time, retries, the runner's peak memory, the lag of its
event loop as a watcher on its socket sees it, the size of its state, and the schedule's efficiency.
"""

import asyncio
import contextlib
import json
import math
import os
import re
import shutil
import subprocess
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from lab_process import RunningLab, lab_process, v2s_argv
from plans_as_is import AS_IS

from v2s_tui.adapters.store.reading import read_batch
from v2s_tui.domain.errors import V2sError
from v2s_tui.domain.execution.work_space import later_work_bytes, peak_work_bytes
from v2s_tui.domain.planning.limits import Limit, Limits
from v2s_tui.domain.planning.scheduling import WORK_SPACE
from v2s_tui.domain.planning.stages import LIMITS_OF_STAGE, Stage, stage_order
from v2s_tui.engine.attach import RunnerClient

VMS = int(os.environ.get("V2S_FLIGHT_VMS", "60"))
MOST_RSS_KB = 400 * 1024
API_RATE = 100
PICTURE_SECONDS = 0.1
pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.lab, pytest.mark.timeout(120 + 5 * VMS)]

FAULTS: dict[str, Any] = {
    "seed": 11,
    "rules": [
        {"server": "scaleway", "operation": "POST *", "probability": 0.01, "status": 429},
        {"server": "scaleway", "operation": "GET *", "probability": 0.02, "status": 503, "body": "<html>"},
        {"server": "objectstorage", "operation": "UploadPart", "probability": 0.02, "status": 503},
        {"server": "objectstorage", "operation": "*", "probability": 0.01, "delay_seconds": 3},
        {"server": "vcenter", "operation": "GET /nfc/*", "probability": 0.03, "cut_after_bytes": 200_000},
        {"server": "vcenter", "operation": "GET /nfc/*", "probability": 0.02, "stall_seconds": 4,
         "stall_after_bytes": 100_000},
        {"server": "vcenter", "operation": "ExportSnapshot", "probability": 0.02, "lease": "error"},
        {"server": "vcenter", "operation": "ExportSnapshot", "probability": 0.01, "lease": "timeout"},
        {"server": "vcenter", "operation": "CreateSnapshot_Task", "probability": 0.01,
         "fault": "TaskInProgress"},
        {"server": "vcenter", "operation": "RetrievePropertiesEx", "nth": [400, 900, 1500],
         "fault": "NotAuthenticated"},
    ],
}  # fmt: skip
LIMITS = Limits(per_esxi_host=8, disk_io=8, s3_upload=16, scw_api=32, global_=48)
PLAN: dict[str, Any] = {
    "version": 1,
    "defaults": {"zone": "fr-par-1", "sizing_strategy": "cost", **AS_IS},
    "concurrency": LIMITS.model_dump(by_alias=True),
    "migrations": [{"vm_pattern": "*"}],
}


@dataclass
class Watch:
    """What a second process sees of the runner. gaps: seconds between pictures, beyond the usual ones."""

    lags: list[float] = field(default_factory=list)
    peak_kb: int = 0

    def look_at_memory(self, pid: int) -> None:
        with contextlib.suppress(OSError):
            found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
            self.peak_kb = max(self.peak_kb, int(found[1]) if found else 0)

    def lag(self, share: float) -> float:
        ordered = sorted(self.lags) or [0.0]
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def watch(process: subprocess.Popen[bytes], lab: RunningLab) -> Watch:
    """Attach to the runner as the app does, and measure how late its pictures come."""
    seen = Watch()
    while process.poll() is None:
        seen.look_at_memory(process.pid)
        await asyncio.sleep(0.5)
        states = list((lab.work_dir / "batch-state").glob("batch-*.json"))
        if not states:
            continue
        with contextlib.suppress(V2sError):
            client = await RunnerClient.connect(states[0])
            last = time.monotonic()
            async for _ in client.snapshots():
                now = time.monotonic()
                seen.lags.append(max(0.0, now - last - PICTURE_SECONDS))
                seen.look_at_memory(process.pid)
                last = now
            await client.close()
    return seen


def host_of(vm: str) -> int:
    """The fleet scenario deals its VMs out to six hosts in turn."""
    return int(vm.rpartition("-")[2]) % 6


def held_seconds(events: list[dict[str, Any]]) -> dict[str, float]:
    """Limit -> VM-seconds that it was really needed for, from the stages' own times."""
    held: dict[str, float] = defaultdict(float)
    for each in events:
        if each["kind"] != "stage_ended":
            continue
        held[Limit.GLOBAL.value] += each["seconds"]
        for limit in LIMITS_OF_STAGE.get(Stage(each["stage"]), frozenset()):
            name = limit.value
            if limit is Limit.PER_ESXI_HOST:
                name = f"{name}:{host_of(each['vm'])}"
            held[name] += each["seconds"]
    return held


def space_seconds(lab: RunningLab, events: list[dict[str, Any]]) -> float:
    """How long the VMs need at least when only so many fit on the work disk at once: each its peak until its
    disks are here, then what it may add until they are uploaded.
    """
    (path,) = (lab.work_dir / "batch-state").glob("batch-*.json")
    planned, reserved = read_batch(path).planned, 0.0
    for each in events:
        order = stage_order(Stage(each["stage"])) if each["kind"] == "stage_ended" else math.inf
        if order <= stage_order(Stage.UPLOAD_S3):
            need = later_work_bytes if order > stage_order(Stage.EXPORT) else peak_work_bytes
            reserved += each["seconds"] * need(planned[each["vm"]])
    return reserved / shutil.disk_usage(lab.work_dir).free


def efficiency(lab: RunningLab, events: list[dict[str, Any]], wall_seconds: float) -> tuple[float, str]:
    """Lower bound of the makespan (most work / capacity of any limit, or the longest VM) divided by what was
    reached.
    """
    own: dict[str, float] = defaultdict(float)
    for each in events:
        own[each.get("vm", "")] += each.get("seconds", 0.0) if each["kind"] == "stage_ended" else 0.0
    bounds = {
        name: seconds / LIMITS.of(Limit(name.partition(":")[0]))
        for name, seconds in held_seconds(events).items()
        if name.partition(":")[0] != Limit.SCW_API.value  # not held while polling, which its stages mostly do
    }
    bounds["the longest VM"] = max(own.values())
    bounds[WORK_SPACE] = space_seconds(lab, events)
    name = max(bounds, key=lambda each: bounds[each])
    return bounds[name] / wall_seconds, name


def with_api_rate(lab: RunningLab, path: Path) -> Path:
    """The lab's configuration for a fleet: more requests per second than Scaleway's API may take."""
    settings = lab.settings
    settings["scaleway"]["api_rate"] = API_RATE
    path.write_text(yaml.safe_dump(settings))
    return path


def at(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["at"]).timestamp()


def test_a_fleet_arrives_whatever_goes_wrong(tmp_path: Path) -> None:
    (tmp_path / "faults.yaml").write_text(yaml.safe_dump(FAULTS))
    plan, events_path = tmp_path / "plan.yaml", tmp_path / "events.jsonl"
    plan.write_text(yaml.safe_dump(PLAN))
    lab_options = (
        "--scenario",
        "fleet",
        "--vms",
        str(VMS),
        "--speed",
        "10",
        "--lease-timeout",
        "60",
        "--faults",
    )
    with lab_process(tmp_path / "lab", *lab_options, str(tmp_path / "faults.yaml")) as lab:
        config = with_api_rate(lab, tmp_path / "migration.yaml")
        argv = v2s_argv(None, "--config", str(config), "--run", str(plan), "--yes")
        argv += ["--events", str(events_path)]
        with (tmp_path / "run.log").open("wb") as log:
            process = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
            try:
                seen = asyncio.run(watch(process, lab))
            finally:
                process.kill()
                process.wait()
        events = [json.loads(line) for line in events_path.read_text().splitlines()]
        kinds = Counter(each["kind"] for each in events)
        assert process.returncode in (0, 1), (tmp_path / "run.log").read_text()[-4000:]
        assert kinds["vm_completed"] + kinds["vm_failed"] == VMS
        failed = [each for each in events if each["kind"] == "vm_failed"]
        assert all(each["failure"]["cause"] and each["failure"]["fix"] for each in failed)
        assert kinds["vm_completed"] >= VMS * 0.98
        assert kinds["stage_retrying"] > 0, "no fault struck"
        if not failed:  # a VM that failed keeps what resume needs
            lab.assert_nothing_left_behind()
        completed = {each["vm"] for each in events if each["kind"] == "vm_completed"}
        assert Counter(each["name"] for each in lab.resources("server")) >= Counter(completed)
        report(lab, events, seen, kinds)
    assert seen.peak_kb < MOST_RSS_KB
    assert seen.lag(0.5) < 0.5


def report(lab: RunningLab, events: list[dict[str, Any]], seen: Watch, kinds: Counter[str]) -> None:
    wall_seconds = at(events[-1]) - at(events[0])
    state_bytes = sum(path.stat().st_size for path in (lab.work_dir / "batch-state").glob("batch-*"))
    reached, limit = efficiency(lab, events, wall_seconds)
    print(
        f"\n{VMS} VMs in {wall_seconds:.0f} s: {kinds['vm_completed']} complete, {kinds['vm_failed']} failed,"
        f" {kinds['stage_retrying']} retries, {len(events)} events\n"
        f"runner: peak {seen.peak_kb / 1024:.0f} MB; loop lag p50 {seen.lag(0.5) * 1000:.0f} ms, "
        f"p99 {seen.lag(0.99) * 1000:.0f} ms, most {seen.lag(1) * 1000:.0f} ms ({len(seen.lags)} pictures)\n"
        f"state: {state_bytes / 1e6:.1f} MB; schedule efficiency {reached:.2f} (bound by {limit})"
    )
