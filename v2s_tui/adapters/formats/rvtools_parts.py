"""Disks, NICs, snapshots and file systems from their RVTools rows."""

import re

from v2s_tui.adapters.formats.rvtools_cells import Cells, moment
from v2s_tui.domain.source.vm import Disk, DiskBacking, GuestFilesystem, Nic, Snapshot
from v2s_tui.domain.units import MIB

FIRST_DISK_KEY = 2000
FIRST_NIC_KEY = 4000
"""Where vSphere's own device keys begin; used where the export has none."""


def disk_of(cells: Cells, number: int) -> Disk:
    """number: the disk's place in the export, for a key where it has none."""
    path = cells.text("disk path", "path")
    return Disk(
        key=cells.whole("disk key") or FIRST_DISK_KEY + number,
        label=cells.text("disk") or f"Hard disk {number + 1}",
        capacity_bytes=int((cells.number("capacity mib") or 0) * MIB),
        datastore=_datastore(path),
        path=path,
        thin=cells.answer("thin"),
        backing=_backing(cells),
        mode=cells.text("disk mode") or "persistent",
        shared=cells.text("sharing mode").lower() in {"sharingmultiwriter", "multi-writer", "multiwriter"}
        or cells.text("shared bus").lower() in {"physicalsharing", "virtualsharing", "physical", "virtual"},
        controller=cells.text("controller"),
        unit_number=cells.whole("unit #", "scsi unit #"),
    )


def _backing(cells: Cells) -> DiskBacking:
    if not cells.flag("raw"):
        return DiskBacking.FLAT
    physical = "physical" in cells.text("raw comp. mode", "raw compatibility mode").lower()
    return DiskBacking.RDM_PHYSICAL if physical else DiskBacking.RDM_VIRTUAL


def _datastore(path: str) -> str:
    found = re.match(r"\[([^]]+)\]", path)
    return found.group(1) if found else ""


def whole_disk(cells: Cells) -> tuple[Disk, ...]:
    """One disk of the VM's whole size, where the export says nothing about its disks."""
    size = cells.number("total disk capacity mib", "provisioned mib")
    path = cells.text("path")
    return (Disk(FIRST_DISK_KEY, "Hard disk 1", int(size * MIB), datastore=_datastore(path)),) if size else ()


def nic_of(cells: Cells, number: int) -> Nic:
    """number: the NIC's place in the export."""
    addresses = f"{cells.text('ipv4 address', 'ip address')},{cells.text('ipv6 address')}"
    return Nic(
        key=FIRST_NIC_KEY + number,
        label=cells.text("nic label") or f"Network adapter {number + 1}",
        mac_address=cells.text("mac address").lower(),
        port_group=cells.text("network"),
        adapter=cells.text("adapter").lower(),
        connected=cells.answer("connected"),
        ip_addresses=tuple(each for each in re.split(r"[,;\s]+", addresses) if each),
    )


def snapshot_of(cells: Cells) -> Snapshot:
    """RVTools lists snapshots flat; the depth is not known and counts as 1."""
    return Snapshot("", cells.text("name"), moment(cells.text("date / time", "date")))


def filesystem_of(cells: Cells) -> GuestFilesystem:
    """Of the sheet vPartition, which the guest's Tools fill."""
    capacity, free = cells.number("capacity mib") or 0, cells.number("free mib") or 0
    return GuestFilesystem(cells.text("disk"), int(capacity * MIB), int(free * MIB))
