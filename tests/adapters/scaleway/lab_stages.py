"""Stages with real ports against the lab: vCenter, NFC, qcow2 files, Object Storage and Scaleway over TLS."""

import subprocess
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
import yaml
from fakes.bench import BenchContext, MemoryLedger
from fakes.plans import BATCH_ID
from fakes.world import World

from v2s_tui.adapters.disk.local import LocalDisks
from v2s_tui.adapters.guest.local import GuestSettings, LocalGuests
from v2s_tui.adapters.objectstore.access import StorageAccess
from v2s_tui.adapters.objectstore.store import S3ObjectStore
from v2s_tui.adapters.reachability.prober import NetworkProber
from v2s_tui.adapters.scaleway.access import ScalewayAccess
from v2s_tui.adapters.scaleway.cloud import ScalewayCloud
from v2s_tui.adapters.scaleway.transport import Transport
from v2s_tui.adapters.vsphere.address import VcenterAddress
from v2s_tui.adapters.vsphere.source import VsphereSource, connect
from v2s_tui.domain.execution.artifacts import Artifacts
from v2s_tui.domain.planning.plan import PostMigration
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.planning.stages import Stage, stages_for
from v2s_tui.domain.source.vm import Vm
from v2s_tui.engine.stage_contract import Ports, StageInput, StageSettings
from v2s_tui.engine.stages.registry import STAGES
from v2s_tui.lab.up import Lab

TYPE_NAME = "POP2-2C-8G"
ZONE = "fr-par-1"


class RealClock:
    """Time as it goes by."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class LabContext(BenchContext):
    """Really sleeps, a little."""

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        time.sleep(min(seconds, 0.1))


class LabSite:
    """The lab with the doors to it. One per test module: starting it takes seconds.

    guest_cache: of the appliance's kernel, where guests are adapted.
    """

    def __init__(
        self,
        folder: Path,
        *,
        faults: Path | None = None,
        speed: float = 20,
        scenario: str = "tiny",
        boot: bool = False,
        guest_cache: Path = Path("unused"),
    ) -> None:
        self.lab = Lab(folder, scenario=scenario, faults=faults, speed=speed, boot=boot)
        self.lab.start()
        self.config = yaml.safe_load(self.lab.config_file.read_text())
        self.source: VsphereSource = connect(self._vcenter())
        access = self._scaleway()
        self.cloud = ScalewayCloud(access, transport=Transport(access, base_seconds=0.02))
        self.objects = S3ObjectStore(self._storage())
        self.bucket: str = self.config["scaleway"]["s3_bucket"]
        self.ports = Ports(
            self.source,
            LocalDisks(sync=False, layered=True),
            self.objects,
            self.cloud,
            RealClock(),
            LocalGuests(GuestSettings(guest_cache)),
            NetworkProber(),
        )

    def _vcenter(self) -> VcenterAddress:
        vmware = self.config["vmware"]
        return VcenterAddress(
            vmware["vcenter"],
            vmware["username"],
            lambda: self.lab.secrets.vcenter_password,
            port=vmware["port"],
            ca_file=vmware["ca_file"],
        )

    def _scaleway(self) -> ScalewayAccess:
        secrets, settings = self.lab.secrets, self.config["scaleway"]
        return ScalewayAccess(
            secrets.access_key,
            secrets.secret_key,
            secrets.project_id,
            organization_id=secrets.organization_id,
            api_url=settings["api_url"],
            ca_file=Path(settings["ca_file"]),
            rate=200,
        )

    def _storage(self) -> StorageAccess:
        secrets, settings = self.lab.secrets, self.config["scaleway"]
        return StorageAccess(
            settings["s3_endpoint"],
            settings["s3_region"],
            secrets.access_key,
            secrets.secret_key,
            ca_file=Path(settings["ca_file"]),
        )

    def vm(self, name: str) -> Vm:
        """A VM of the scenario with its details."""
        (found,) = [each for each in self.source.inventory().vms if each.name == name]
        return self.source.with_details([found])[0]

    def stop(self) -> None:
        self.objects.close()
        self.cloud.close()
        self.source.close()
        self.lab.stop()

    def set(self, **settings: Any) -> None:
        """Quotas and stock of the lab's account."""
        self.lab.scaleway.world.change_settings(settings)

    def state(self) -> dict[str, Any]:
        """All that exists at the lab's Scaleway and in its buckets."""
        answer = requests.get(
            f"{self.lab.scaleway.url}/lab/state",
            headers={"X-Auth-Token": self.lab.secrets.secret_key},
            verify=self.config["scaleway"]["ca_file"],
            timeout=10,
        )
        found: dict[str, Any] = answer.json()
        return found

    def raw_paths(self, vm_name: str) -> list[Path]:
        """The source's disks as they are, in order."""
        (found,) = [each for each in self.lab.vcenter.scenario.vms if each.name == vm_name]
        return [each.raw_path for each in found.disks]


class LabMigration:
    """One VM on its way through the lab."""

    def __init__(self, site: LabSite, name: str, work_dir: Path, migration_id: str, **planned: Any) -> None:
        self.site = site
        self.world = World()
        self.ledger = MemoryLedger(self.world)
        vm = site.vm(name)
        self.planned = PlannedVm(name, vm, planned.pop("target_type", TYPE_NAME), ZONE, "all", **planned)
        self.artifacts = Artifacts(migration_id)
        self.work_dir = work_dir / migration_id
        self.settings = StageSettings(
            site.bucket, "fr-par", site.lab.secrets.project_id, PostMigration(), make_image=False
        )
        self.context = LabContext(site.ports, self.ledger, self)  # type: ignore[arg-type]

    def change(self, **settings: Any) -> None:
        self.settings = replace(self.settings, **settings)

    def input(self) -> StageInput:
        self.work_dir.mkdir(exist_ok=True, parents=True)
        return StageInput(BATCH_ID, self.planned, self.artifacts, self.work_dir, self.settings)

    def run(self, stage: Stage) -> Artifacts:
        self.artifacts = STAGES[stage](self.input(), self.context)
        return self.artifacts

    def compare_volumes(self) -> None:
        """Every volume holds the same bytes as its source disk."""
        volumes = {each["id"]: each for each in self.site.state()["resources"]["volume"]}
        sources = self.site.raw_paths(self.planned.name)
        for disk, source in zip(self.artifacts.disks, sources, strict=True):
            pair = [str(source), volumes[disk.volume_id]["_raw_path"]]
            done = subprocess.run(
                ["qemu-img", "compare", "-f", "raw", "-F", "raw", *pair],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr

    def run_from(self, first: Stage, *, until: Stage = Stage.CLEANUP) -> Artifacts:
        """These stages and all between."""
        stages = stages_for(create_instance=self.planned.create_instance)
        for stage in stages[stages.index(first) : stages.index(until) + 1]:
            self.run(stage)
        return self.artifacts
