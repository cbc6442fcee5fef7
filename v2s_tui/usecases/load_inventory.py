"""Read the inventory from vCenter, or the one kept from last time."""

import contextlib
import re
from collections.abc import Callable
from pathlib import Path

from v2s_tui.adapters.formats.inventory_files import load_cache, save_cache
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
    inventory = Inventory(vms, source=listed.source, taken_at=listed.taken_at, unreadable=listed.unreadable)
    # A listing that cannot be kept costs the next start its head start, nothing else.
    with contextlib.suppress(OSError):
        save_cache(inventory, _cache_path(services))
    return inventory


def kept_inventory(services: Services) -> Inventory | None:
    """The last full listing of this vCenter, None when there is none."""
    return load_cache(_cache_path(services))


def _cache_path(services: Services) -> Path:
    vmware = services.settings.vmware
    name = re.sub(r"[^A-Za-z0-9.-]+", "_", f"{vmware.vcenter}-{vmware.port}")
    return services.work_dir / f"inventory-{name}.json"


def inventory_from_file(path: Path) -> Inventory:
    """An RVTools export (.xlsx, or CSV files zipped or single). Raises InventoryFileError."""
    from v2s_tui.adapters.formats.rvtools import read_rvtools  # noqa: PLC0415 - most sessions never need it

    return read_rvtools(path)
