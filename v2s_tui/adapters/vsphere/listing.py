"""The two passes of the inventory: rows of the list page by page, then details of chosen VMs by chunks."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from v2s_tui.adapters.vsphere import faults
from v2s_tui.adapters.vsphere.answer import ObjectContent
from v2s_tui.adapters.vsphere.faults import GONE, VimFault
from v2s_tui.adapters.vsphere.places import Places, read_places
from v2s_tui.adapters.vsphere.retrieve import Retriever
from v2s_tui.adapters.vsphere.rows import (
    DETAIL_PROPERTIES,
    LIST_PROPERTIES,
    detailed_vm,
    is_template,
    listed_vm,
)
from v2s_tui.adapters.vsphere.session import Session
from v2s_tui.adapters.vsphere.values import Ref, items_of, parts_of, text_of
from v2s_tui.domain.source.vm import Vm

CHUNK_SIZE = 250
_CONNECTIONS = 3
"""Chunks asked for at once: the server's work and the way to it overlap with our parsing."""
_VM = "VirtualMachine"
OnPage = Callable[[tuple[Vm, ...]], None]


class Listing:
    """Reads VMs. places: as of the last listing, read when first needed."""

    def __init__(self, session: Session, retriever: Retriever) -> None:
        self._session = session
        self._retriever = retriever
        self._places: Places | None = None

    def rows(self, on_page: OnPage | None = None) -> tuple[tuple[Vm, ...], tuple[str, ...]]:
        """All VMs with list properties, and one sentence for each that cannot be read.

        A session that expires on the way is renewed once and the listing starts anew; on_page then gets only
        VMs it has not had.
        """
        delivered: dict[str, Vm] = {}
        with faults.told_as("Reading the inventory"):
            return self._session.renewing(lambda: self._rows_once(delivered, on_page))

    def _rows_once(
        self, delivered: dict[str, Vm], on_page: OnPage | None
    ) -> tuple[tuple[Vm, ...], tuple[str, ...]]:
        self._places = places = read_places(self._retriever)
        current: dict[str, Vm] = {}
        unreadable: list[str] = []
        with self._retriever.view([_VM]) as view:
            for page in self._retriever.through_view(view, {_VM: LIST_PROPERTIES}):
                machines = (found for found in page if not is_template(found.props))
                rows = [(listed_vm(found, places), found.missing) for found in machines]
                rows = [(vm, missing) for vm, missing in rows if not vm.is_vspheres_own]
                current.update((vm.moref, vm) for vm, _ in rows)
                unreadable += [_unreadable(vm, missing) for vm, missing in rows if not vm.readable]
                fresh = tuple(vm for vm, _ in rows if vm.moref not in delivered)
                delivered.update((vm.moref, vm) for vm in fresh)
                if on_page and fresh:
                    on_page(fresh)
        return tuple(current.values()), tuple(unreadable)

    def details(self, vms: Iterable[Vm]) -> tuple[Vm, ...]:
        """These VMs read anew with everything, tags kept; those that are gone are left out."""
        known = {vm.moref: vm for vm in vms}
        attributes = self._custom_fields() if known else {}
        found: dict[str, Vm] = {}
        places = self.places if known else Places()
        morefs = list(known)
        chunks = [morefs[start : start + CHUNK_SIZE] for start in range(0, len(morefs), CHUNK_SIZE)]
        with ThreadPoolExecutor(_CONNECTIONS, thread_name_prefix="details") as pool:
            for contents in pool.map(self._existing, chunks):
                found.update((each.ref.id, detailed_vm(each, places, attributes)) for each in contents)
        return tuple(replace(found[moref], tags=known[moref].tags) for moref in morefs if moref in found)

    @property
    def places(self) -> Places:
        """Places as of the last listing."""
        if self._places is None:
            with faults.told_as("Reading folders and hosts"):
                self._places = self._session.renewing(lambda: read_places(self._retriever))
        return self._places

    def _existing(self, morefs: Sequence[str]) -> list[ObjectContent]:
        """Details of those that exist: one that is gone fails the whole call, so it is taken out, or the
        chunk is halved where the fault does not name it.
        """
        refs = list(morefs)
        while refs:
            try:
                return self._session.renewing(lambda: self._read(refs))  # noqa: B023 - called at once
            except VimFault as fault:
                if fault.kind != GONE:
                    raise faults.error_of(fault, "Reading VM details") from fault
                gone = fault.subject
            if gone in refs:
                refs = [moref for moref in refs if moref != gone]
            elif len(refs) == 1:
                return []
            else:
                half = len(refs) // 2
                return self._existing(refs[:half]) + self._existing(refs[half:])
        return []

    def _read(self, morefs: Sequence[str]) -> list[ObjectContent]:
        wanted = {_VM: (*LIST_PROPERTIES, *DETAIL_PROPERTIES)}
        pages = self._retriever.of([Ref(_VM, moref) for moref in morefs], wanted)
        return [found for page in pages for found in page]

    def _custom_fields(self) -> Mapping[str, str]:
        """Custom attribute key -> name; none where the server has no such manager (a single ESXi host)."""
        manager = self._session.content.customFieldsManager
        if manager is None:
            return {}
        props = self._retriever.read(
            "Reading custom attributes", Ref("CustomFieldsManager", manager._moId), "field"
        )
        fields = [parts_of(item) for item in items_of(props.get("field"))]
        return {text_of(item.get("key")): text_of(item.get("name")) for item in fields}


def _unreadable(vm: Vm, missing: Mapping[str, str]) -> str:
    if "NoPermission" in missing.values():
        return f"{vm.path}: the vCenter account may not read its configuration (System.Read)"
    state = f" ({vm.connection_state})" if vm.connection_state != "connected" else ""
    return f"{vm.path}: vCenter gives no configuration for it{state}"
