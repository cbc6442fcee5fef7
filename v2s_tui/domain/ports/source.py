"""The vCenter as engine and use cases see it: inventory, snapshots, power, NFC leases."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from v2s_tui.domain.errors import LeaseFailed
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.source.vm import PowerState, Vm
from v2s_tui.domain.target.sizing import MeasuredUse


@dataclass(frozen=True, slots=True)
class DiskStream:
    """One disk that an NFC lease offers for reading. Plain data: a child process can open it.

    url: with the host to dial. thumbprint: SHA-1 of that host's certificate, colon separated ("" unknown).
    device_key: the disk's key in the VM's hardware. capacity_bytes: virtual size. ca_file/insecure: TLS
    settings.
    """

    url: str
    thumbprint: str
    device_key: int
    capacity_bytes: int
    ca_file: str = ""
    insecure: bool = False


class ExportLease(Protocol):
    """An open NFC lease, kept alive by its own heartbeat until closed. id: names it to `Source.end_lease`.

    failure: why nothing that is read under it will count, once that is known.
    """

    id: str
    disks: tuple[DiskStream, ...]

    @property
    def failure(self) -> LeaseFailed | None: ...

    def report_progress(self, percent: int) -> None:
        """Tell vCenter how far we are (sent with the next heartbeat)."""
        ...

    def stream_digests(self) -> Mapping[int, tuple[str, str]]:
        """Digest of each finished stream by device key as the lease's manifest has it: (`sha1`|`sha256`,
        hex).

        Empty where the server offers none. Ask after reading and before completing.
        """
        ...

    def complete(self) -> None:
        """Everything was read; raises LeaseFailed when the lease had gone to error meanwhile."""
        ...

    def abort(self, reason: str) -> None:
        """Give up; never raises."""
        ...


class WaitListener(Protocol):
    """Who waits for the vCenter: hears what is waited for, and may end the wait."""

    def pause(self, seconds: float) -> None:
        """Sleep; what it raises (Cancelled) ends the wait."""
        ...

    def waits(self, what: str) -> None:
        """What is waited for since when, for people; "" once that is over."""
        ...


class Source(Protocol):
    """A vCenter. Errors: SourceUnreachable, LoginRefused, SessionExpired, LeaseFailed, SourceError.

    name: its host name. tls_note: how its certificate is trusted, for people.
    """

    name: str
    tls_note: str

    def heard_by(self, listener: WaitListener) -> "Source":
        """The same source, whose waits are told to the listener and end when it wants to.

        A shutdown that the guest was asked for is waited for in any case: it happens whoever waits.
        """
        ...

    @property
    def version(self) -> str:
        """Product and version as it names itself."""
        ...

    def server_time(self) -> datetime:
        """What the vCenter's own clock says, timezone aware."""
        ...

    def inventory(self, on_page: Callable[[tuple[Vm, ...]], None] | None = None) -> Inventory:
        """All VMs with list properties; on_page gets each page as it arrives."""
        ...

    def with_details(self, vms: Iterable[Vm]) -> tuple[Vm, ...]:
        """The same VMs with disks, NICs, snapshots and tags read now; a VM that is gone is left out."""
        ...

    def power_state(self, vm_moref: str) -> PowerState: ...

    def shut_down_guest(
        self, vm_moref: str, *, timeout_seconds: float, hard_after_timeout: bool, asked_before: bool = False
    ) -> None:
        """Ask the guest to shut down and wait; SourceError when it did not and hard power-off is not
        allowed.

        asked_before: it may be going down already, and is given the time even where it cannot be asked (any
        more), which otherwise ends the wait at once.
        """
        ...

    def power_on(self, vm_moref: str) -> None: ...

    def find_snapshot(self, vm_moref: str, name: str) -> str | None:
        """moref of the VM's snapshot of that name."""
        ...

    def create_snapshot(self, vm_moref: str, name: str, *, description: str, quiesce: bool) -> str:
        """Take a snapshot without memory, wait for the task, return its moref."""
        ...

    def remove_snapshot(self, vm_moref: str, snapshot_moref: str) -> None:
        """Remove one snapshot and consolidate; succeeds when it is already gone."""
        ...

    def snapshots_named(self, prefix: str) -> tuple[tuple[Vm, str, str, datetime | None], ...]:
        """(VM, snapshot moref, name, created) of every snapshot whose name begins so: for leftovers."""
        ...

    def open_lease(self, vm_moref: str, snapshot_moref: str | None) -> AbstractContextManager[ExportLease]:
        """ExportSnapshot, or ExportVm of a powered-off VM when snapshot_moref is None; waits until ready.

        Leaving the context without complete() aborts the lease.
        """
        ...

    @property
    def lease_holder(self) -> str:
        """What may go on record before a lease is opened: `end_lease` takes it in place of the lease's id."""
        ...

    def end_lease(self, lease_id: str) -> str:
        """Free what a process that is dead left open; returns why it cannot be, "" it is ended."""
        ...

    def tag_vm(self, vm_moref: str, tag: str) -> None:
        """Attach a tag of category `v2s`, made when missing."""
        ...

    def missing_privileges(self, vm_morefs: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """Privileges v2s needs and does not have, by VM moref; empty when all is well."""
        ...

    def measured_use(self, vm_morefs: Iterable[str], *, days: int = 7) -> Mapping[str, MeasuredUse]:
        """95th percentiles of CPU and active memory by VM moref; VMs without statistics are left out."""
        ...

    def close(self) -> None:
        """Log out; never raises."""
        ...
