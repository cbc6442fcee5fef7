"""Read the inventory from vCenter, or the one kept from last time."""

from collections.abc import Callable
from pathlib import Path

from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.source.vm import Vm
from v2s_tui.usecases.services import Services


def load_inventory(
    services: Services, on_page: Callable[[tuple[Vm, ...]], None] | None = None, *, details: bool = True
) -> Inventory:
    """All VMs; on_page gets the list rows as they come, the returned inventory has disks, NICs and snapshots.

    Raises SourceUnreachable, LoginRefused, SessionExpired.
    """
    source = services.source()
    listed = source.inventory(on_page)
    if not details:
        return listed
    detailed = {vm.moref: vm for vm in source.with_details(listed.vms)}
    vms = tuple(detailed.get(vm.moref, vm) for vm in listed.vms)
    return Inventory(vms, source=listed.source, taken_at=listed.taken_at, unreadable=listed.unreadable)


def inventory_from_file(path: Path) -> Inventory:
    """An RVTools export (.xlsx, or CSV files zipped or single). Raises InventoryFileError."""
    from v2s_tui.adapters.formats.rvtools import read_rvtools  # noqa: PLC0415 - most sessions never need it

    return read_rvtools(path)
