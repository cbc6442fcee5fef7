"""Everything that is known of a VM, as lines of text: for the app's pane, a modal, and `v2s inventory
--format`.
"""

from v2s_tui.domain.source.vm import Disk, Nic, Vm
from v2s_tui.domain.units import format_bytes
from v2s_tui.presentation.inventory_columns import memory_text


def vm_detail_lines(vm: Vm) -> list[str]:
    """Facts first, then disks, NICs, snapshots; "-" where vCenter did not say."""
    lines = [vm.name, vm.path, ""]
    lines += [f"{name:<10} {value}" for name, value in _facts(vm)]
    lines += ["", f"disks {len(vm.disks)}", *(_disk_line(disk) for disk in vm.disks)]
    lines += ["", f"NICs {len(vm.nics)}", *(_nic_line(nic) for nic in vm.nics)]
    if vm.snapshots:
        lines += ["", f"snapshots {len(vm.snapshots)}"]
        lines += [f"  {snapshot.name}" + (f"  {snapshot.created_at:%Y-%m-%d}" if snapshot.created_at else "")
                  for snapshot in vm.snapshots]  # fmt: skip
    if vm.annotation:
        lines += ["", *vm.annotation.splitlines()]
    return lines


def _facts(vm: Vm) -> list[tuple[str, str]]:
    return [
        ("power", vm.power_state.value),
        ("guest", vm.guest_full_name or vm.guest_id or "-"),
        ("family", vm.os_family.value),
        ("firmware", vm.firmware.value + (" secure boot" if vm.secure_boot else "")),
        ("vCPU", str(vm.cpu_count or "-")),
        ("memory", memory_text(vm.memory_mb) or "-"),
        ("host", vm.host or "-"),
        ("cluster", vm.cluster or "-"),
        ("address", vm.guest_ip or "-"),
        ("tools", vm.tools_status or "-"),
        ("tags", ", ".join(vm.tags) or "-"),
        ("moref", vm.moref),
    ]


def _disk_line(disk: Disk) -> str:
    marks = [
        disk.backing.value if disk.backing.value != "flat" else "",
        "thin" if disk.thin else "",
        disk.mode if disk.independent else "",
        "shared" if disk.shared else "",
    ]
    words = [f"{format_bytes(disk.capacity_bytes):>9}", disk.path or disk.label, *filter(None, marks)]
    return "  " + " ".join(words)


def _nic_line(nic: Nic) -> str:
    return f"  {nic.mac_address} {nic.port_group} {' '.join(nic.ip_addresses)}".rstrip()
