"""How a VM of the inventory reads in a table."""

from datetime import datetime

from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.source.vm import Firmware, PowerState, Vm
from v2s_tui.domain.units import GIB, format_duration
from v2s_tui.presentation.columns import Column

_POWER = {PowerState.ON: "on", PowerState.OFF: "off", PowerState.SUSPENDED: "susp", PowerState.UNKNOWN: "?"}
_FIRMWARE = {Firmware.BIOS: "bios", Firmware.EFI: "efi", Firmware.UNKNOWN: "?"}


def memory_text(memory_mb: int) -> str:
    """`4 GiB`, `512 MiB`; "" when unknown."""
    if not memory_mb:
        return ""
    return f"{memory_mb / 1024:g} GiB" if memory_mb >= 1024 else f"{memory_mb} MiB"


def disk_text(vm: Vm) -> str:
    """Provisioned size of all disks in GiB; before details were read, what vCenter says is committed, with
    `~`.
    """
    if vm.disks:
        return f"{vm.total_disk_gib:,.0f} GiB"
    return f"~{vm.committed_bytes / GIB:,.0f} GiB" if vm.committed_bytes is not None else ""


def _disk_key(vm: Vm) -> object:
    return vm.total_disk_bytes or vm.committed_bytes or 0


INVENTORY_COLUMNS: tuple[Column[Vm], ...] = (
    Column("name", "Name", 24, lambda vm: vm.name),
    Column("power", "Power", 5, lambda vm: _POWER[vm.power_state]),
    Column("os", "OS", 8, lambda vm: vm.os_family.value),
    Column("cpu", "vCPU", 4, lambda vm: str(vm.cpu_count or ""), lambda vm: vm.cpu_count, right=True),
    Column("memory", "Memory", 8, lambda vm: memory_text(vm.memory_mb), lambda vm: vm.memory_mb, right=True),
    Column("disk", "Disk", 10, disk_text, _disk_key, right=True),
    Column("firmware", "FW", 4, lambda vm: _FIRMWARE[vm.firmware]),
    Column("host", "ESXi host", 16, lambda vm: vm.host),
    Column("folder", "Folder", 24, lambda vm: vm.folder, important=False),
    Column("ip", "Address", 15, lambda vm: vm.guest_ip, important=False),
    Column("tools", "Tools", 10, lambda vm: vm.tools_status, important=False),
    Column("guest", "Guest", 30, lambda vm: vm.guest_full_name or vm.guest_id, important=False),
)


def age_text(inventory: Inventory, now: datetime) -> str:
    """`as of 3h05m ago` from one minute on, "" before."""
    seconds = (now - inventory.taken_at).total_seconds()
    return f"as of {format_duration(seconds)} ago" if seconds >= 60 else ""
