"""Snapshots: taken without memory, found by name, removed with consolidation; each may be asked for twice."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from v2s_tui.adapters.vsphere import faults
from v2s_tui.adapters.vsphere.faults import GONE, VimFault
from v2s_tui.adapters.vsphere.listing import Listing
from v2s_tui.adapters.vsphere.retrieve import Retriever
from v2s_tui.adapters.vsphere.rows import LIST_PROPERTIES, listed_vm
from v2s_tui.adapters.vsphere.session import Session
from v2s_tui.adapters.vsphere.snapshot_tree import flatten
from v2s_tui.adapters.vsphere.tasks import Tasks
from v2s_tui.adapters.vsphere.values import Ref, flag_of, items_of, moref_of
from v2s_tui.adapters.vsphere.waiting import Waiting
from v2s_tui.domain.errors import SourceError
from v2s_tui.domain.source.vm import Snapshot, Vm

_VM = "VirtualMachine"
_TAKING = "VirtualMachine.createSnapshot"
Found = tuple[Vm, str, str, datetime | None]


class Snapshots:
    """Snapshot work of one session."""

    def __init__(
        self, session: Session, retriever: Retriever, listing: Listing, tasks: Tasks, waiting: Waiting
    ) -> None:
        self._session = session
        self._waiting = waiting
        self._retriever = retriever
        self._listing = listing
        self._tasks = tasks

    def of(self, vm: str) -> tuple[Snapshot, ...]:
        """The VM's snapshots now."""
        props = self._retriever.read(f"Reading the snapshots of {vm}", Ref(_VM, vm), "snapshot")
        return flatten(props.get("snapshot"))

    def create(self, vm: str, name: str, *, description: str, quiesce: bool) -> str:
        """Take one and return its moref; one of that name that comes to be while the VM is busy counts: a run
        that was interrupted had begun it. Raises QuiesceFailed where the guest cannot be quiesced.
        """
        machine = self._session.managed(_VM, vm)
        doing = f"Snapshot {name} of {vm}"

        def start() -> Any:
            return machine.CreateSnapshot_Task(
                name=name, description=description, memory=False, quiesce=quiesce
            )

        with faults.told_as(doing):
            result = self._tasks.attempt(doing, start, instead=lambda: self.find(vm, name))
        found = moref_of(result) or self.find(vm, name)
        if not found:
            raise SourceError(f"{doing}: vCenter says it was taken, but it is not there", hint="Retry")
        return found

    def find(self, vm: str, name: str) -> str | None:
        """moref of the VM's snapshot of that name. One that is being taken is waited for: it may be the one
        that a cancelled or killed run began. Raises SourceError (transient) where that takes too long.
        """
        doing = f"Looking for snapshot {name} of {vm}"
        found = self._waiting.until(
            partial(self._settled, doing, vm, name),
            what=f"{doing}: one is being taken at vCenter",
            limit_seconds=self._session.address.timeouts.busy,
        )
        if found is None:
            raise faults.error_of(VimFault(faults.AT_WORK), doing)
        return found or None

    def _settled(self, doing: str, vm: str, name: str) -> str | None:
        """As find, "" where there is none; None as long as one is being taken. Tasks are read first: one that
        ends in between has its snapshot in the tree.
        """
        tasks = self._retriever.read(doing, Ref(_VM, vm), "recentTask").get("recentTask")
        taking = any(self._tasks.runs(doing, task, _TAKING) for task in items_of(tasks))
        found = next((taken.moref for taken in self.of(vm) if taken.name == name), "")
        return None if taking and not found else found

    def remove(self, vm: str, snapshot: str) -> None:
        """Remove one snapshot, keep its children, consolidate. Succeeds when it is gone already."""
        if not any(existing.moref == snapshot for existing in self._of_existing(vm)):
            return
        doing = f"Removal of snapshot {snapshot} of {vm}"
        taken = self._session.managed("VirtualMachineSnapshot", snapshot)
        self._unless_gone(doing, lambda: taken.RemoveSnapshot_Task(removeChildren=False, consolidate=True))
        self._consolidate(vm)

    def _of_existing(self, vm: str) -> tuple[Snapshot, ...]:
        try:
            return self.of(vm)
        except faults.VimFaultError as err:
            if err.kind == GONE:
                return ()
            raise

    def _unless_gone(self, doing: str, start: Callable[[], Any]) -> None:
        try:
            self._tasks.attempt(doing, start, repeatable=True)
        except VimFault as fault:
            if fault.kind != GONE:
                raise faults.error_of(fault, doing) from fault

    def _consolidate(self, vm: str) -> None:
        """Disks whose deltas could not be merged at removal are merged now, where the VM says so."""
        doing = f"Consolidation of the disks of {vm}"
        props = self._retriever.read(doing, Ref(_VM, vm), "runtime.consolidationNeeded")
        if flag_of(props.get("runtime.consolidationNeeded")):
            machine = self._session.managed(_VM, vm)
            self._tasks.run(doing, machine.ConsolidateVMDisks_Task, repeatable=True)

    def named(self, prefix: str) -> tuple[Found, ...]:
        """Every snapshot at this vCenter whose name begins so."""
        with faults.told_as("Looking for snapshots"):
            return self._session.renewing(lambda: self._named_once(prefix))

    def _named_once(self, prefix: str) -> tuple[Found, ...]:
        places = self._listing.places
        found: list[Found] = []
        with self._retriever.view([_VM]) as view:
            for page in self._retriever.through_view(view, {_VM: (*LIST_PROPERTIES, "snapshot")}):
                for content in page:
                    found += [
                        (listed_vm(content, places), taken.moref, taken.name, taken.created_at)
                        for taken in flatten(content.props.get("snapshot"))
                        if taken.name.startswith(prefix)
                    ]
        return tuple(found)
