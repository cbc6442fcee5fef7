"""The vCenter as engine and use cases see it: implements Source of domain/ports.py by the rooms beside it."""

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime

from v2s_tui.adapters.vsphere import faults, privileges, tls, usage
from v2s_tui.adapters.vsphere.address import VcenterAddress
from v2s_tui.adapters.vsphere.lease import end_lease, lease_id
from v2s_tui.adapters.vsphere.lease_opener import LeaseOpener
from v2s_tui.adapters.vsphere.listing import Listing
from v2s_tui.adapters.vsphere.power import Power
from v2s_tui.adapters.vsphere.retrieve import Retriever
from v2s_tui.adapters.vsphere.session import Session
from v2s_tui.adapters.vsphere.snapshots import Found, Snapshots
from v2s_tui.adapters.vsphere.tags import Tags
from v2s_tui.adapters.vsphere.tasks import Tasks
from v2s_tui.adapters.vsphere.waiting import Waiting
from v2s_tui.domain.errors import SourceError
from v2s_tui.domain.ports import ExportLease, WaitListener
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.source.vm import PowerState, Vm
from v2s_tui.domain.target.sizing import MeasuredUse

LOGOUT_SECONDS = 10.0


def connect(address: VcenterAddress) -> "VsphereSource":
    """Log in, once for the whole process; close() logs out.

    Raises SourceUnreachable (with what was wrong: name, port, time, certificate), LoginRefused, SourceError.
    """
    return VsphereSource(Session(address))


class VsphereSource:
    """Safe to share between threads. name: host name of the vCenter; tls_note: how it is trusted."""

    def __init__(self, session: Session) -> None:
        self.name = session.address.host
        self.tls_note = tls.note(session.address)
        self._session = session
        self._retriever = retriever = Retriever(session)
        self._listing = Listing(session, retriever)
        self._tags = Tags(session.address, session.web)
        self._wait_by(Waiting(), for_guests=Waiting())

    def _wait_by(self, waiting: Waiting, *, for_guests: Waiting) -> None:
        session, retriever = self._session, self._retriever
        tasks = Tasks(session, retriever, waiting)
        self._snapshots = Snapshots(session, retriever, self._listing, tasks, waiting)
        self._power = Power(session, retriever, tasks, for_guests)
        self._leases = LeaseOpener(session, retriever, waiting)

    def heard_by(self, listener: WaitListener) -> "VsphereSource":
        """The same session, whose waits are told to the listener and end when it wants to; all but the one
        for a guest that was asked to shut down.
        """
        heard = copy(self)
        heard._wait_by(
            Waiting(sleep=listener.pause, say=listener.waits), for_guests=Waiting(say=listener.waits)
        )
        return heard

    @property
    def version(self) -> str:
        """Product and version, `VMware vCenter Server 8.0.3 build-...`."""
        return str(self._session.content.about.fullName)

    def server_time(self) -> datetime:
        """The vCenter's clock (CurrentTime)."""
        return self._session.server_time("Reading the vCenter's clock")

    def inventory(self, on_page: Callable[[tuple[Vm, ...]], None] | None = None) -> Inventory:
        """All VMs with list properties and tags, templates left out; on_page gets pages without tags."""
        vms, unreadable = self._listing.rows(on_page)
        tagged, notes = self._with_tags(vms)
        return Inventory(
            tagged, source=self.name, taken_at=datetime.now(UTC), unreadable=(*unreadable, *notes)
        )

    def with_details(self, vms: Iterable[Vm]) -> tuple[Vm, ...]:
        """The same VMs read anew with disks, NICs, snapshots and tags; those that are gone are left out.

        Tags stay as they were where the tagging service does not answer.
        """
        return self._with_tags(self._listing.details(vms))[0]

    def _with_tags(self, vms: tuple[Vm, ...]) -> tuple[tuple[Vm, ...], tuple[str, ...]]:
        """VMs with their tags; without a tagging service they are as good, and one sentence says so."""
        try:
            tags = self._tags.of_vms([vm.moref for vm in vms]) if vms else {}
        except SourceError as err:
            return vms, (f"tags could not be read: {err.title}",)
        return tuple(
            vm if vm.tags == tags.get(vm.moref, ()) else replace(vm, tags=tags.get(vm.moref, ()))
            for vm in vms
        ), ()

    def power_state(self, vm_moref: str) -> PowerState:
        """Power state now."""
        return self._power.state(vm_moref)

    def shut_down_guest(
        self, vm_moref: str, *, timeout_seconds: float, hard_after_timeout: bool, asked_before: bool = False
    ) -> None:
        """Ask the guest and wait; SourceError when it does not go down and hard power-off is not allowed."""
        self._power.shut_down(
            vm_moref,
            timeout_seconds=timeout_seconds,
            hard_after_timeout=hard_after_timeout,
            asked_before=asked_before,
        )

    def power_on(self, vm_moref: str) -> None:
        """Succeeds when it is on already."""
        self._power.on(vm_moref)

    def find_snapshot(self, vm_moref: str, name: str) -> str | None:
        """moref of the VM's snapshot of that name."""
        return self._snapshots.find(vm_moref, name)

    def create_snapshot(self, vm_moref: str, name: str, *, description: str, quiesce: bool) -> str:
        """Without memory; waits. Raises QuiesceFailed where quiescing is what failed."""
        return self._snapshots.create(vm_moref, name, description=description, quiesce=quiesce)

    def remove_snapshot(self, vm_moref: str, snapshot_moref: str) -> None:
        """One snapshot, with consolidation; succeeds when it is gone already."""
        self._snapshots.remove(vm_moref, snapshot_moref)

    def snapshots_named(self, prefix: str) -> tuple[Found, ...]:
        """(VM, snapshot moref, name, created) of every snapshot whose name begins so."""
        return self._snapshots.named(prefix)

    def open_lease(self, vm_moref: str, snapshot_moref: str | None) -> AbstractContextManager[ExportLease]:
        """ExportSnapshot, or ExportVm of a powered-off VM; ready when entered, aborted unless completed."""
        return self._leases.open(vm_moref, snapshot_moref)

    @property
    def lease_holder(self) -> str:
        """The session that will hold leases opened now, as `end_lease` takes it."""
        return lease_id(self._session, "")

    def end_lease(self, lease_id: str) -> str:
        """End a dead process's lease, by itself or with its session; why that cannot be done, "" done."""
        with faults.told_as("Ending the NFC lease of an earlier run"):
            return end_lease(self._session, lease_id)

    def tag_vm(self, vm_moref: str, tag: str) -> None:
        """Attach a tag of category `v2s`, made when missing."""
        self._tags.attach(vm_moref, tag)

    def missing_privileges(self, vm_morefs: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """Privileges v2s needs and the account lacks, by VM moref."""
        return privileges.missing_privileges(self._session, vm_morefs)

    def measured_use(self, vm_morefs: Iterable[str], *, days: int = 7) -> Mapping[str, MeasuredUse]:
        """95th percentiles of CPU usage and active memory; VMs without statistics are left out."""
        return usage.measured_use(self._session, self._retriever, vm_morefs, days=days)

    def close(self) -> None:
        """Log out of both faces; never raises.

        A vCenter that does not answer is left after LOGOUT_SECONDS: its sessions end by themselves.
        """
        leaving = threading.Thread(target=self._log_out, name="logout", daemon=True)
        leaving.start()
        leaving.join(LOGOUT_SECONDS)

    def _log_out(self) -> None:
        self._tags.close()
        self._session.close()
