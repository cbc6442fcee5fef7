"""A vCenter in memory: VMs, their power, snapshots, tags and leases."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fakes.world import World
from v2s_tui.domain.errors import LeaseFailed, SourceError
from v2s_tui.domain.ports import DiskStream, ExportLease, WaitListener
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.source.vm import PowerState, Vm
from v2s_tui.domain.target.sizing import MeasuredUse

MADE_AT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@dataclass
class FakeLease:
    """An open lease; `state` tells how it ended."""

    disks: tuple[DiskStream, ...]
    vm_moref: str
    id: str = ""
    state: str = "ready"
    progress: int = 0
    failure: LeaseFailed | None = None

    def report_progress(self, percent: int) -> None:
        """Keep the last value."""
        self.progress = percent

    def stream_digests(self) -> Mapping[int, tuple[str, str]]:
        """This vCenter offers none."""
        return {}

    def complete(self) -> None:
        """Close it well."""
        if self.state != "ready":
            raise LeaseFailed(f"the lease of {self.vm_moref} is {self.state}")
        self.state = "done"

    def abort(self, reason: str) -> None:
        """Close it badly."""
        if self.state == "ready":
            self.state = f"aborted: {reason}"


@dataclass
class FakeSource:
    """Source of VMs. snapshots: (VM moref, name) by snapshot moref."""

    world: World
    vms: dict[str, Vm]
    name: str = "vcenter.lab"
    tls_note: str = "nothing is encrypted in memory"
    version: str = "vCenter in memory 1.0"
    power: dict[str, PowerState] = field(default_factory=dict)
    snapshots: dict[str, tuple[str, str]] = field(default_factory=dict)
    tags: dict[str, set[str]] = field(default_factory=dict)
    leases: list[FakeLease] = field(default_factory=list)
    unendable: str = ""

    def heard_by(self, listener: WaitListener) -> "FakeSource":
        """Nobody waits here."""
        return self

    def server_time(self) -> datetime:
        """Always the same."""
        self.world.enter("server_time", self.name)
        return MADE_AT

    def inventory(self, on_page: Callable[[tuple[Vm, ...]], None] | None = None) -> Inventory:
        """All VMs in one page."""
        self.world.enter("inventory", self.name)
        found = tuple(self.vms.values())
        if on_page is not None:
            on_page(found)
        return Inventory(vms=found, source=self.name, taken_at=MADE_AT)

    def with_details(self, vms: Iterable[Vm]) -> tuple[Vm, ...]:
        """Those that still exist."""
        return tuple(self.vms[vm.moref] for vm in vms if vm.moref in self.vms)

    def power_state(self, vm_moref: str) -> PowerState:
        """On unless it was switched off."""
        self.world.enter("power_state", vm_moref)
        return self.power.get(vm_moref, PowerState.ON)

    def shut_down_guest(
        self, vm_moref: str, *, timeout_seconds: float, hard_after_timeout: bool, asked_before: bool = False
    ) -> None:
        """At once."""
        self._set_power(vm_moref, PowerState.OFF)

    def power_on(self, vm_moref: str) -> None:
        """At once."""
        self._set_power(vm_moref, PowerState.ON)

    def _set_power(self, vm_moref: str, state: PowerState) -> None:
        self.world.enter("power", vm_moref)
        self.power[vm_moref] = state
        self.world.leave("power", vm_moref)

    def find_snapshot(self, vm_moref: str, name: str) -> str | None:
        """Its moref."""
        self.world.enter("find_snapshot", vm_moref)
        with self.world.lock:
            return next((moref for moref, each in self.snapshots.items() if each == (vm_moref, name)), None)

    def create_snapshot(self, vm_moref: str, name: str, *, description: str, quiesce: bool) -> str:
        """Two snapshots of one name are possible, as in vCenter."""
        self.world.enter("create_snapshot", vm_moref)
        if vm_moref not in self.vms:
            raise SourceError(f"{vm_moref} does not exist")
        moref = self.world.new_id("snapshot")
        with self.world.lock:
            self.snapshots[moref] = (vm_moref, name)
        self.world.leave("create_snapshot", vm_moref)
        return moref

    def remove_snapshot(self, vm_moref: str, snapshot_moref: str) -> None:
        """Gone either way."""
        self.world.enter("remove_snapshot", vm_moref)
        with self.world.lock:
            self.snapshots.pop(snapshot_moref, None)
        self.world.leave("remove_snapshot", vm_moref)

    def snapshots_named(self, prefix: str) -> tuple[tuple[Vm, str, str, datetime | None], ...]:
        """All of that prefix."""
        self.world.enter("snapshots_named", prefix)
        return tuple(
            (self.vms[vm_moref], moref, name, MADE_AT)
            for moref, (vm_moref, name) in self.snapshots.items()
            if name.startswith(prefix)
        )

    @contextmanager
    def open_lease(self, vm_moref: str, snapshot_moref: str | None) -> Iterator[ExportLease]:
        """One stream for each disk."""
        self.world.enter("open_lease", vm_moref)
        if snapshot_moref is not None and snapshot_moref not in self.snapshots:
            raise LeaseFailed(f"snapshot {snapshot_moref} is gone")
        disks = tuple(
            DiskStream(f"nfc://{vm_moref}/{disk.key}", "", disk.key, disk.capacity_bytes)
            for disk in self.vms[vm_moref].disks
        )
        lease = FakeLease(disks, vm_moref, id=f"session {self.world.new_id('lease')}")
        self.leases.append(lease)
        try:
            yield lease
        finally:
            if not self.world.dead:
                lease.abort("left without completing")

    @property
    def lease_holder(self) -> str:
        """One session for all."""
        return "session "

    def end_lease(self, lease_id: str) -> str:
        """It is free, unless the account may not."""
        self.world.enter("end_lease", lease_id)
        if self.unendable:
            return self.unendable
        for lease in self.leases:
            if lease.id == lease_id:
                lease.abort("ended by a later run")
        return ""

    def tag_vm(self, vm_moref: str, tag: str) -> None:
        """Attach."""
        self.world.enter("tag_vm", vm_moref)
        with self.world.lock:
            self.tags.setdefault(vm_moref, set()).add(tag)

    def missing_privileges(self, vm_morefs: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """None."""
        return {}

    def measured_use(self, vm_morefs: Iterable[str], *, days: int = 7) -> Mapping[str, MeasuredUse]:
        """Every VM used a tenth of its CPUs and of its memory."""
        return {moref: MeasuredUse(0.1, 0.1, days) for moref in vm_morefs}

    def close(self) -> None:
        """Nothing to do."""
