"""The app on fakes: a small vCenter, a catalogue, a batch in flight; time stands still."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fakes.clock import FakeClock
from fakes.cloud import FakeCloud
from fakes.disks import FakeDisks
from fakes.guests import FakeGuests
from fakes.objects import FakeObjects
from fakes.plans import BATCH_ID, batch_of, plan_of, vm_named
from fakes.source import FakeSource
from fakes.world import World
from textual.pilot import Pilot
from textual.worker import WorkerFailed

from v2s_tui.config.settings import ConversionSettings, Settings, VmwareSettings
from v2s_tui.domain.execution.batch import BatchStatus, GateState, WaveStatus
from v2s_tui.domain.execution.snapshot import BatchSnapshot, BlockedBy, Counters, LimitRow, VmRow, picture_of
from v2s_tui.domain.planning.limits import Limit
from v2s_tui.domain.planning.plan import PausePolicy
from v2s_tui.domain.planning.stages import JobStatus, Stage
from v2s_tui.domain.source.vm import Vm
from v2s_tui.domain.units import MIB
from v2s_tui.tui.app import V2sApp
from v2s_tui.usecases.services import Lazy, Services

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
NAMES = (
    "web-dev-01", "web-dev-02", "web-prod-01", "web-prod-02", "web-prod-03", "db-prod-01", "app-prod-01",
    "batch-01", "[prod] odd/name", "win-app-01",
)  # fmt: skip


def inventory_vms() -> dict[str, Vm]:
    """Ten VMs on two hosts, one of them with a name that looks like markup."""
    vms = {}
    for number, name in enumerate(NAMES):
        guest = "windows2019srv_64Guest" if name.startswith("win") else "debian12_64Guest"
        vm = vm_named(name, host=f"esxi-0{number % 2 + 1}", guest_id=guest, disks=2 if "db" in name else 1)
        folder = "/DC1/Development" if "dev" in name else "/DC1/Production"
        vms[vm.moref] = replace(
            vm,
            folder=folder,
            datacenter="DC1",
            cluster="prod-cluster" if number % 2 else "dev-cluster",
            guest_full_name="Debian GNU/Linux 12 (64-bit)"
            if "debian" in guest
            else "Microsoft Windows Server 2019",
            guest_ip=f"10.0.0.{number + 10}",
            tools_status="guestToolsRunning",
            cpu_count=2 + number % 3,
            memory_mb=4096 * (1 + number % 2),
        )
    return vms


def services_on_fakes(tmp_path: Path) -> Services:
    """Services whose doors are fakes of one world."""
    world = World()
    objects = FakeObjects(world)
    return Services(
        settings=Settings(
            vmware=VmwareSettings(vcenter="vcenter.example.com", username="operator"),
            conversion=ConversionSettings(work_dir=tmp_path / "work"),
        ),
        clock=FakeClock(NOW),
        source=Lazy(lambda: FakeSource(world, inventory_vms())),
        cloud=Lazy(lambda: FakeCloud(world, objects)),
        objects=Lazy(lambda: objects),
        disks=Lazy(lambda: FakeDisks(world)),
        guests=Lazy(lambda: FakeGuests(world)),
    )


def app_on_fakes(tmp_path: Path) -> V2sApp:
    """The app, not yet running."""
    return V2sApp(services_on_fakes(tmp_path))


async def settled(pilot: Pilot[int]) -> None:
    """Until background work has come back (or failed, which the app shows) and the screen is drawn."""
    for _ in range(3):
        with contextlib.suppress(WorkerFailed):
            await pilot.app.workers.wait_for_complete()
        await pilot.pause()


def batch_in_flight(*, gate: bool = False) -> BatchSnapshot:
    """A batch of three waves: one is through, one at work or at its gate, one to come."""
    vms = [vm_named(name) for name in NAMES[:8]]
    plan = plan_of(
        [
            ("canary", vms[:1], PausePolicy.PAUSE),
            ("production", vms[2:7], PausePolicy.PAUSE_ON_FAILURE),
            ("rest", [vms[1], vms[7]], PausePolicy.CONTINUE),
        ]
    )
    picture = picture_of(batch_of(plan), NOW)
    rows = [_in_flight(row, gate=gate) for row in picture.vms]
    waves = list(picture.waves)
    waves[0] = replace(waves[0], status=WaveStatus.ENDED, complete=1, pending=0)
    status = WaveStatus.GATE if gate else WaveStatus.RUNNING
    waves[1] = replace(waves[1], status=status, complete=4 if gate else 1, failed=1, active=0 if gate else 3)
    closed = GateState("production", 1, "1 of 5 VMs failed", NOW - timedelta(minutes=7)) if gate else None
    return replace(
        picture,
        status=BatchStatus.PAUSED if gate else BatchStatus.RUNNING,
        vms=tuple(rows),
        waves=tuple(waves),
        current_wave=1,
        gate=closed,
        live=True,
        runner_pid=4711,
        started_at=NOW - timedelta(minutes=20),
        counters=Counters(
            total=8, pending=2, active=0 if gate else 3, complete=5 if gate else 2, failed=1,
            rate_bytes=0 if gate else 93 * MIB, moved_bytes=4096 * MIB,
        ),
        limits=tuple(
            LimitRow(each.value, each, capacity, used, waiting=1 if each is Limit.DISK_IO else 0)
            for each, capacity, used in (
                (Limit.PER_ESXI_HOST, 4, 1), (Limit.DISK_IO, 3, 3), (Limit.S3_UPLOAD, 6, 1),
                (Limit.SCW_API, 5, 0), (Limit.GLOBAL, 10, 5),
            )
        ),
        eta_seconds=None if gate else 754.0,
    )  # fmt: skip


def _in_flight(row: VmRow, *, gate: bool) -> VmRow:
    """What each VM of the batch does."""
    done = row.stages
    changes: dict[str, Callable[[VmRow], VmRow]] = {
        "web-dev-01": lambda r: replace(r, status=JobStatus.COMPLETE, completed=done, seconds=192.0),
        "web-prod-01": lambda r: replace(
            r, status=JobStatus.EXPORTING, stage=Stage.EXPORT, completed=done[:2], done_bytes=310 * MIB,
            total_bytes=1024 * MIB, rate_bytes=93 * MIB, eta_seconds=8.0, seconds=45.0,
        ),
        "web-prod-02": lambda r: replace(
            r, status=JobStatus.UPLOADING, stage=Stage.UPLOAD_S3, completed=done[:4], done_bytes=12 * MIB,
            total_bytes=400 * MIB, stalled_seconds=48.0, seconds=120.0,
        ),
        "web-prod-03": lambda r: replace(
            r, status=JobStatus.CONVERTING, stage=Stage.CONVERT, completed=done[:3], seconds=60.0,
            blocked_by=BlockedBy("disk_io", ("db-prod-01", "app-prod-01")),
        ),
        "db-prod-01": lambda r: replace(
            r, status=JobStatus.FAILED, stage=Stage.UPLOAD_S3, completed=done[:4], seconds=130.0,
            failure_title="Object Storage throttles: 503 SlowDown", failure_cause="too many parts at once",
            failure_fix="retry; lower s3_upload if it comes back", failure_detail="UploadPart 12: 503",
        ),
        "app-prod-01": lambda r: replace(r, status=JobStatus.COMPLETE, completed=done, seconds=300.0),
    }  # fmt: skip
    if gate and row.name.startswith("web-prod"):
        return replace(row, status=JobStatus.COMPLETE, completed=done, seconds=240.0)
    return changes.get(row.name, lambda r: r)(row)


def watched(app: V2sApp, picture: BatchSnapshot) -> None:
    """Let the Run screen show this picture, as if a runner had sent it."""
    app.runs.batch_id = BATCH_ID
    app.runs.snapshot = picture
    app.refresh_screen("batch")
