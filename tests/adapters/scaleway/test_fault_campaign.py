"""Twelve VMs through the real engine while both APIs fail in every way they know: each arrives once, and what
is left is nothing.
"""

import asyncio
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from fakes.plans import BATCH_ID, batch_of
from lab_stages import ZONE, LabSite, RealClock

from v2s_tui.adapters.scaleway.access import ScalewayAccess
from v2s_tui.adapters.store.batch_state import BatchStateFile
from v2s_tui.config.settings import ConversionSettings, ScalewaySettings, Settings, VmwareSettings
from v2s_tui.domain.execution.events import Actor, Event
from v2s_tui.domain.execution.ledger import EffectKind
from v2s_tui.domain.execution.retry import policies_with
from v2s_tui.domain.planning.limits import Limits
from v2s_tui.domain.planning.plan import BatchPlan
from v2s_tui.domain.planning.resolve import resolve
from v2s_tui.domain.planning.stages import JobStatus
from v2s_tui.engine.batch_runner import BatchRunner
from v2s_tui.engine.recorder import Recorder
from v2s_tui.engine.settings import GateMode, RunnerSettings
from v2s_tui.engine.stage_contract import StageSettings
from v2s_tui.engine.stages.registry import EVIDENCE, GIVING_UP, STAGES
from v2s_tui.engine.undo import Undo
from v2s_tui.lab.faults import FaultRule, FaultRules
from v2s_tui.usecases.leftovers import find_leftovers
from v2s_tui.usecases.services import Lazy, Services

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(240)]

VMS = 12
LATE_SECONDS = 3.0
"""Longer than the client waits for an answer: the call is carried out when nobody listens any more."""
ME = Actor("tester", "test")

STUCK = '{"id": "x", "name": "x", "status": "creating", "size": 1, "zone": "fr-par-1", "tags": []}'
TRANSIENT = '{"type": "transient_state", "resource": "server", "current_state": "starting"}'
S3_ERROR = '<?xml version="1.0"?><Error><Code>InternalError</Code><Message>busy</Message></Error>'


def api(operation: str, **fault: Any) -> dict[str, Any]:
    return {"server": "scaleway", "operation": operation} | fault


def s3(operation: str, **fault: Any) -> dict[str, Any]:
    return {"server": "objectstorage", "operation": operation} | fault


BROKEN_IMPORT = api("POST */import-from-object-storage", subject="*vm-05*", fault="import_error")
"""Begins well and ends in error; by name, since a call that is throttled first would use a count up."""
API_FAULTS = [
    BROKEN_IMPORT,
    api("POST */import-from-object-storage", nth=[4, 9], cut_after_bytes=0),
    api("POST */import-from-object-storage", nth=[6], status=500, after_effect=True),
    api("POST */import-from-object-storage", nth=[8], delay_seconds=LATE_SECONDS),
    api("POST */volumes", nth=[3], cut_after_bytes=0),
    api("POST */volumes", nth=[5], status=502, body="<html>Bad gateway</html>", after_effect=True),
    api("POST */volumes", nth=[7], delay_seconds=LATE_SECONDS),
    api("GET */volumes/*", subject="*vm-04*", first=6, status=200, body=STUCK),
    api("POST */servers", nth=[1], cut_after_bytes=0),
    api("POST */servers", nth=[3], status=500, after_effect=True),
    api("POST */servers", nth=[5], status=502, body="<html>Bad gateway</html>"),
    api("POST */private-networks", nth=[1], status=503, body="<html>busy</html>", after_effect=True),
    api("POST */private_nics", nth=[2, 6], cut_after_bytes=0),
    api("POST /ipam/*", nth=[1], cut_after_bytes=0),
    api("POST /ipam/*", nth=[3], delay_seconds=LATE_SECONDS),
    api("POST /instance/*/ips", nth=[1], status=500, after_effect=True),
    api("POST */action", nth=[1, 4], status=409, body=TRANSIENT),
    api("DELETE *", nth=[1, 3], cut_after_bytes=0),
    api("GET *", probability=0.02, status=503, body="<html>busy</html>"),
    api("*", probability=0.02, status=429),
]
S3_FAULTS = [
    s3("CreateMultipartUpload", nth=[2], status=500),
    s3("UploadPart", nth=[2, 5, 9], status=503),
    s3("UploadPart", nth=[7], cut_after_bytes=100_000),
    s3("CompleteMultipartUpload", nth=[1, 4], status=200, body=S3_ERROR),
    s3("DeleteObject", nth=[2], status=503),
]


def scenario(path: Path) -> Path:
    """Small disks with a little random content; every third VM has two."""
    disk = {"size_gib": 1, "payload_mib": 1}
    vms = [
        {
            "name": f"vm-{number:02}",
            "folder": "/DC1/Fleet",
            "host": f"esxi-0{number % 2 + 1}",
            "firmware": "efi",
            "power": "poweredOff",
            "networks": ["lan"],
            "disks": [disk] * (2 if number % 3 == 0 else 1),
        }
        for number in range(VMS)
    ]
    hosts = [{"name": f"esxi-0{number}", "cluster": "c"} for number in (1, 2)]
    path.write_text(yaml.safe_dump({"name": "campaign", "hosts": hosts, "networks": ["lan"], "vms": vms}))
    return path


PLAN = BatchPlan.model_validate(
    {
        "defaults": {"adapt": False, "network_mapping": {"lan": "campaign-lan"}},
        "concurrency": {"global": 6, "s3_upload": 6, "scw_api": 6, "disk_io": 6},
        "migrations": [
            {
                "vm_name": f"vm-{number:02}",
                "public_ip": number == 1,
                "nics": [
                    {
                        "nic": "lan",
                        "network": "campaign-lan",
                        "mode": "static",
                        "addresses": [f"10.30.0.{10 + number}/24"],
                    }
                ],
            }
            for number in range(VMS)
        ],
        "private_networks": [{"name": "campaign-lan", "subnet": "10.30.0.0/24"}],
    }
)


class ImpatientSite(LabSite):
    """A lab whose client waits two seconds for an answer."""

    def _scaleway(self) -> ScalewayAccess:
        return replace(super()._scaleway(), read_seconds=2.0)


@pytest.fixture
def site(tmp_path: Path):
    faults = tmp_path / "faults.yaml"
    faults.write_text(yaml.safe_dump({"seed": 7, "rules": S3_FAULTS}))
    made = ImpatientSite(
        tmp_path / "lab", faults=faults, speed=40, scenario=str(scenario(tmp_path / "campaign.yaml"))
    )
    yield made
    made.stop()


class Campaign:
    """The batch and what happened to it."""

    def __init__(self, site: LabSite, folder: Path) -> None:
        self.site = site
        self.folder = folder
        self.counted: Counter[str] = Counter()
        catalogue = site.cloud.catalogue(ZONE)
        listed = site.source.inventory()
        inventory = replace(listed, vms=tuple(site.source.with_details(list(listed))))
        self.plan = resolve(PLAN, inventory, lambda _zone: catalogue)
        self.plan = replace(self.plan, limits=Limits.model_validate(PLAN.concurrency.model_dump()))
        self.store = BatchStateFile.create(folder, batch_of(self.plan))

    def run(self, *, retry_failed: bool = False) -> dict[str, JobStatus]:
        """Until it ends by itself; how each VM ended."""
        settings = RunnerSettings(
            work_dir=self.folder,
            stage=StageSettings(
                self.site.bucket,
                "fr-par",
                self.site.lab.secrets.project_id,
                self.plan.post_migration,
                make_image=False,
                private_networks=self.plan.private_networks,
            ),
            actor=ME,
            gate_mode=GateMode.APPROVE,
            retry_failed=retry_failed,
            policies=policies_with(retry_count=9, delay_seconds=0.1),
            pause=lambda seconds, cancelled: cancelled.wait(min(seconds, 0.1)),
        )
        runner = BatchRunner(
            self.store,
            ports=self.site.ports,
            stages=STAGES,
            evidence=EVIDENCE,
            settings=settings,
            giving_up=GIVING_UP,
            clock=RealClock(),
            listeners=(self._count,),
        )
        asyncio.run(runner.run())
        return {name: job.status for name, job in self.store.load().jobs.items()}

    def _count(self, event: Event) -> None:
        self.counted[event.kind] += 1

    def leftovers(self) -> list[str]:
        """What `v2s leftovers` finds."""
        settings = Settings(
            vmware=VmwareSettings(vcenter="127.0.0.1", username="operator"),
            scaleway=ScalewaySettings(s3_bucket=self.site.bucket, default_zone=ZONE),
            conversion=ConversionSettings(work_dir=self.folder),
        )
        ports = self.site.ports
        services = Services(
            settings=settings,
            clock=RealClock(),
            source=Lazy(lambda: ports.source),
            cloud=Lazy(lambda: ports.cloud),
            objects=Lazy(lambda: ports.objects),
            disks=Lazy(lambda: ports.disks),
            guests=Lazy(lambda: ports.guests),
        )
        return [f"{each.found.kind} {each.found.name}: {each.reason}" for each in find_leftovers(services)]

    def undo(self) -> list[str]:
        """Everything away; what could not be removed."""
        undo = Undo(
            Recorder(self.store),
            self.site.ports,
            actor=ME,
            work_dir=self.folder,
            sleep=lambda seconds: threading.Event().wait(min(seconds, 0.2)) and None,
        )
        names = [each.name for each in self.plan.vms]
        return [each.problem for each in undo.run(None, named=names) if each.problem]


def test_no_fault_makes_a_duplicate_or_leaves_anything(site: LabSite, tmp_path: Path) -> None:
    campaign = Campaign(site, tmp_path / "work")
    faults = FaultRules([FaultRule.model_validate(each) for each in API_FAULTS], seed=7)
    site.lab.scaleway._api._faults = faults
    began = time.monotonic()
    first = campaign.run()
    failed = [name for name, status in first.items() if status is not JobStatus.COMPLETE]
    assert failed == ["vm-05"], "the import that ended in error is the operator's to retry, nothing else"
    struck = faults.strikes()
    faults.replace(rule for rule, _ in struck if rule.fault != BROKEN_IMPORT["fault"])
    ended = campaign.run(retry_failed=True)
    seconds = time.monotonic() - began
    assert set(ended.values()) == {JobStatus.COMPLETE}

    assert [rule for rule, n in struck if not n and rule.probability == 1] == []
    total = sum(n for _, n in [*struck, *faults.strikes()])
    assert total >= 20

    faults.replace([])
    state = site.state()
    resources = state["resources"]
    disks = sum(len(each.vm.disks) for each in campaign.plan.vms)
    found = {
        "server": VMS, "volume": disks, "snapshot": 0, "image": 0, "private_network": 1, "private_nic": VMS,
        "ipam_ip": VMS, "ip": 1,
    }  # fmt: skip
    assert {kind: len(resources.get(kind, ())) for kind in found} == found
    assert sorted(each["name"] for each in resources["server"]) == [f"vm-{n:02}" for n in range(VMS)]
    assert {each["address"] for each in resources["ipam_ip"]} == {f"10.30.0.{10 + n}/24" for n in range(VMS)}
    assert not state["buckets"][site.bucket]["objects"]
    assert not state["buckets"][site.bucket]["uploads"]
    assert campaign.leftovers() == []
    print(
        f"\n{VMS} VMs, {disks} disks: {total} API faults by {len(API_FAULTS)} rules, {len(S3_FAULTS)} at "
        f"Object Storage, {campaign.counted['stage_retrying']} stage retries, 0 duplicates, 0 left behind, "
        f"{seconds:.0f} s"
    )

    assert campaign.undo() == []
    left = site.state()["resources"]
    assert not any(left.get(kind) for kind in found)
    assert (
        site.cloud.find(EffectKind.PRIVATE_NETWORK.value, "fr-par", f"v2s:{BATCH_ID}:private_network") == ()
    )
