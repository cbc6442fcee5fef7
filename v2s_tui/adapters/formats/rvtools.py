"""An RVTools export as an Inventory, so that planning works without a vCenter.

RVTools keeps its English column names whatever the Windows language is; they moved and were renamed over the
versions, so columns are found by name, the newest name first.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from v2s_tui.adapters.formats.rvtools_cells import Cells, folder_path, moment
from v2s_tui.adapters.formats.rvtools_parts import disk_of, filesystem_of, nic_of, snapshot_of, whole_disk
from v2s_tui.adapters.formats.rvtools_tables import Record, Table, read_tables
from v2s_tui.adapters.formats.xlsx import file_error
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.source.vm import Firmware, PowerState, Vm
from v2s_tui.domain.units import MIB

REQUIRED = {"vm", "cpus", "memory"}
DETAILS = {
    "vDisk": "one disk of the VM's total size is assumed",
    "vNetwork": "network adapters are not known",
    "vSnapshot": "snapshots are not known",
    "vTools": "VMware Tools are not known",
}
_POWER = {"poweredon": PowerState.ON, "poweredoff": PowerState.OFF, "suspended": PowerState.SUSPENDED}
_FIRMWARE = {"bios": Firmware.BIOS, "efi": Firmware.EFI, "uefi": Firmware.EFI}
Details = Mapping[str, Mapping[str, Sequence[Record]]]


def read_rvtools(path: Path) -> Inventory:
    """Read an .xlsx, a .zip of .csv files or vInfo alone as .csv; templates and vSphere's own are left out.

    Raises InventoryFileError that names every missing sheet and column at once.
    """
    tables = read_tables(path)
    info = _vinfo(path, tables)
    details = {name: _by_vm(tables[name], info) for name in tables if name not in {"vInfo", "vMetaData"}}
    hosts = {row["host"]: row for row in tables["vHost"].rows if "host" in row} if "vHost" in tables else {}
    vms, unreadable = [], _missing(tables)
    for number, row in enumerate(info.rows, 2):
        cells = Cells(row)
        if not cells.text("vm"):
            unreadable.append(f"vInfo row {number} has no VM name")
        elif not cells.flag("template") and not cells.flag("srm placeholder"):
            vms.append(_vm(cells, details, hosts))
    vms = [vm for vm in vms if not vm.is_vspheres_own]
    return Inventory(tuple(vms), path.name, _taken_at(path, tables), tuple(unreadable))


def _vinfo(path: Path, tables: Mapping[str, Table]) -> Table:
    if "vInfo" not in tables:
        found = ", ".join(tables) or "none"
        hint = f"sheets needed: vInfo, and for details {', '.join(DETAILS)}; found: {found}"
        raise file_error(path, "the sheet vInfo is missing", hint)
    missing = REQUIRED - tables["vInfo"].columns
    if missing:
        hint = "export all columns from RVTools"
        raise file_error(path, f"vInfo has no column {', '.join(sorted(missing))}", hint)
    return tables["vInfo"]


def _missing(tables: Mapping[str, Table]) -> list[str]:
    return [f"sheet {name} is missing: {effect}" for name, effect in DETAILS.items() if name not in tables]


def _by_vm(table: Table, info: Table) -> Mapping[str, Sequence[Record]]:
    """Rows by the best key that both tables have."""
    key = _join_key(table.columns & info.columns)
    found: dict[str, list[Record]] = defaultdict(list)
    for row in table.rows:
        found[row.get(key, "")].append(row)
    found.pop("", None)
    return {**found, "": [{"key": key}]}


def _join_key(columns: frozenset[str]) -> str:
    return next((key for key in ("vm uuid", "vm id") if key in columns), "vm")


def _rows(details: Details, table: str, cells: Cells) -> Sequence[Record]:
    rows = details.get(table)
    return rows.get(cells.text(rows[""][0]["key"]), ()) if rows else ()


def _vm(cells: Cells, details: Details, hosts: Mapping[str, Record]) -> Vm:
    host = Cells(hosts.get(cells.text("host"), {}))
    datacenter = cells.text("datacenter") or host.text("datacenter")
    tools = Cells(next(iter(_rows(details, "vTools", cells)), {}))
    disks = tuple(disk_of(Cells(row), number) for number, row in enumerate(_rows(details, "vDisk", cells)))
    nics = tuple(nic_of(Cells(row), number) for number, row in enumerate(_rows(details, "vNetwork", cells)))
    firmware = _FIRMWARE.get(cells.text("firmware").lower(), Firmware.UNKNOWN)
    return Vm(
        moref=cells.text("vm id"),
        name=cells.text("vm"),
        instance_uuid=cells.text("vm uuid"),
        bios_uuid=cells.text("smbios uuid"),
        folder=folder_path(cells.text("folder"), datacenter),
        datacenter=datacenter,
        cluster=cells.text("cluster") or host.text("cluster"),
        host=cells.text("host"),
        resource_pool=cells.text("resource pool"),
        power_state=_POWER.get(cells.text("powerstate").lower(), PowerState.UNKNOWN),
        connection_state=cells.text("connection state") or "connected",
        cpu_count=cells.whole("cpus"),
        memory_mb=cells.whole("memory"),
        guest_full_name=cells.text("os according to the configuration file", "os"),
        firmware=firmware,
        disks=disks or whole_disk(cells) if "vDisk" not in details else disks,
        nics=nics,
        snapshots=tuple(snapshot_of(Cells(row)) for row in _rows(details, "vSnapshot", cells)),
        tools_status=tools.text("tools") or cells.text("guest state"),
        tools_version=tools.text("tools version"),
        guest_ip=cells.text("primary ip address"),
        host_name=cells.text("dns name"),
        annotation=cells.text("annotation"),
        committed_bytes=_in_use(cells),
        consolidation_needed=cells.answer("consolidation needed"),
        change_tracking=cells.answer("cbt"),
        secure_boot=cells.answer("efi secure boot"),
        hardware_version=cells.text("hw version"),
        guest_filesystems=tuple(filesystem_of(Cells(row)) for row in _rows(details, "vPartition", cells)),
    )


def _in_use(cells: Cells) -> int | None:
    megabytes = cells.number("in use mib")
    return None if megabytes is None else int(megabytes * MIB)


def _taken_at(path: Path, tables: Mapping[str, Table]) -> datetime:
    rows = tables["vMetaData"].rows if "vMetaData" in tables else ()
    stated = moment(Cells(rows[0]).text("xlsx creation datetime")) if rows else None
    return stated or datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
