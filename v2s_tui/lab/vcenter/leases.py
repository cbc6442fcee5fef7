"""Export leases: initializing, ready, then done, or error when nobody keeps them alive."""

import threading
import time
from dataclasses import dataclass
from typing import Any

from pyVmomi import vim, vmodl

from v2s_tui.lab.scenarios.model import DiskSpec
from v2s_tui.lab.vcenter.hardware_properties import lease_key
from v2s_tui.lab.vcenter.inventory import VirtualMachine
from v2s_tui.lab.vcenter.rendering import array, register
from v2s_tui.lab.vcenter.sessions import SessionObject
from v2s_tui.lab.vcenter.world import World

_INITIALIZING_SECONDS = 0.2
NVRAM_BYTES = 8684
_CLOSED_PORT_URL = "https://127.0.0.1:1"
_NO_ONES_THUMBPRINT = ":".join(["00"] * 20)


@dataclass(slots=True)
class LeaseFile:
    """A file the lease gives out. disk: None for an EFI guest's nvram file. sha1, size_bytes: once sent."""

    name: str
    key: str
    disk: DiskSpec | None
    sha1: str = ""
    size_bytes: int | None = None


class Lease(SessionObject):
    """A lease on the files of a VM. timeout_seconds: how long it lives without a word of progress."""

    kind = vim.HttpNfcLease

    def __init__(
        self, world: World, *, vm: VirtualMachine, disks: list[DiskSpec], timeout_seconds: int
    ) -> None:
        super().__init__(world.new_id("session-lease"), name=vm.name)
        self.world = world
        self.vm = vm
        self.timeout_seconds = timeout_seconds
        self.state = "initializing"
        self.error: Any = None
        self.transfer_percent = 0
        self.renewed_at = time.monotonic()
        self.closed = threading.Event()
        self.host_url = vm.host.nfc_url
        self.thumbprint = vm.host.thumbprint
        self.files = [
            LeaseFile(f"disk-{number}.vmdk", lease_key(vm, disk), disk) for number, disk in enumerate(disks)
        ]
        if vm.spec.firmware == "efi":
            self.files.append(LeaseFile(f"{vm.disk_folder()}.nvram", f"/{vm.moid}/nvram", None))

    def open(self, *, planned: str | None = None) -> None:
        """Lock the VM and become ready in a moment; planned: what a fault rule makes of the lease."""
        self.vm.open_leases.append(self)
        fails, times_out = planned == "error", planned == "timeout"
        if planned == "unreachable":
            self.host_url = _CLOSED_PORT_URL
        if planned == "wrong-thumbprint":
            self.thumbprint = _NO_ONES_THUMBPRINT
        fault = vim.fault.FileFault(file=self.name, msg="The disk is not accessible.") if fails else None
        outcome = (lambda: self.fail(fault)) if fault else self._become_ready
        self.world.clock.later(_INITIALIZING_SECONDS, outcome)
        if times_out:
            self.world.clock.later(2 * _INITIALIZING_SECONDS, self._run_out)

    def renew(self, percent: int) -> None:
        """Progress was reported: the lease lives on."""
        self.transfer_percent = percent
        self.renewed_at = time.monotonic()
        self.world.touch(self)

    def complete(self) -> None:
        """The client has all it wanted."""
        self._close("done")

    def fail(self, fault: Any) -> None:
        """End in error; transfers that still run are cut."""
        with self.world.lock:
            if self.state in ("initializing", "ready"):
                self.error = fault
                self._close("error")

    def end(self) -> None:
        """The session is gone, and the lease with it."""
        self.fail(vmodl.fault.RequestCanceled(msg="The session that held the lease has ended."))

    def manifest(self) -> Any:
        """SHA-1 and size of every stream that was sent to its end."""
        entries = [
            vim.HttpNfcLease.ManifestEntry(
                key=file.key,
                sha1=file.sha1,
                checksum=file.sha1,
                checksumType="sha1",
                size=file.size_bytes,
                disk=file.disk is not None,
                capacity=file.disk.size_bytes if file.disk else None,
            )
            for file in self.files
            if file.size_bytes is not None
        ]
        return array(vim.HttpNfcLease.ManifestEntry, entries)

    def info(self) -> Any:
        """What the client needs to download; None before the lease is ready."""
        if self.state == "initializing":
            return None
        capacity_bytes = sum(file.disk.size_bytes for file in self.files if file.disk)
        return vim.HttpNfcLease.Info(
            lease=self.ref,
            entity=self.vm.ref,
            deviceUrl=[self._device_url(file) for file in self.files],
            totalDiskCapacityInKB=capacity_bytes // 1024,
            leaseTimeout=self.timeout_seconds,
            hostMap=[],
        )

    def _device_url(self, file: LeaseFile) -> Any:
        return vim.HttpNfcLease.DeviceUrl(
            key=file.key,
            importKey=file.key.replace(f"/{self.vm.moid}/", f"/{self.vm.name}/"),
            url=f"{self.host_url}/nfc/{self.moid}/{file.name}",
            sslThumbprint=self.thumbprint,
            disk=file.disk is not None,
            targetId=file.name,
            datastoreKey="",
            fileSize=None if file.disk else NVRAM_BYTES,
        )

    def _become_ready(self) -> None:
        with self.world.lock:
            if self.state == "initializing":
                self.state = "ready"
                self.renewed_at = time.monotonic()
                self.world.touch(self)
                self._watch()

    def _watch(self) -> None:
        """Look again when the lease would run out."""
        left = self.renewed_at + self.timeout_seconds - time.monotonic()
        if self.state != "ready":
            return
        if left <= 0:
            self._run_out()
        else:
            self.world.clock.after(left, self._watch)

    def _run_out(self) -> None:
        self.fail(vim.fault.Timedout(msg="The lease timed out: no progress was reported in time."))

    def _close(self, state: str) -> None:
        with self.world.lock:
            self.state = state
            self.closed.set()
            if self in self.vm.open_leases:
                self.vm.open_leases.remove(self)
            self.world.touch(self)


def _state(lease: Lease) -> Any:
    return vim.HttpNfcLease.State(lease.state)


register(
    vim.HttpNfcLease,
    {
        "info": Lease.info,
        "state": _state,
        "error": lambda lease: lease.error,
        "initializeProgress": lambda lease: 0 if lease.state == "initializing" else 100,
        "transferProgress": lambda lease: lease.transfer_percent,
        "mode": lambda _: vim.HttpNfcLease.Mode("pushOrGet"),
    },
)
