"""What was found in a Linux guest, each with its name, for people."""

from v2s_tui.adapters.guest.linux.boot_facts import holding_mount
from v2s_tui.domain.guest.facts import BootFacts, GuestFacts, GuestMount, KernelFacts, PartitionTable
from v2s_tui.domain.units import format_bytes

_TABLES = {
    PartitionTable.MBR: "MBR",
    PartitionTable.GPT: "GPT",
    PartitionTable.HYBRID: "hybrid MBR",
    PartitionTable.NONE: "no partition table",
}


def describe_linux(facts: GuestFacts) -> tuple[tuple[str, str], ...]:
    """Name and value of everything that inspection looks for, the kernels each on a line of its own."""
    kernels = tuple(("kernel", _kernel(kernel)) for kernel in facts.kernels) or (("kernel", "none in /boot"),)
    name = facts.os_name or f"{facts.os_id} {facts.os_version}".strip() or "unknown Linux"
    return (
        ("system", f"{name}, {facts.architecture or 'unknown architecture'}"),
        ("firmware", _firmware(facts)),
        ("mounts", "; ".join(_mount(mount) for mount in facts.mounts)),
        ("layers", ", ".join(facts.layers) or "none"),
        ("free space", _free_space(facts)),
        ("boot loader", _loader(facts.boot)),
        *kernels,
        ("network", ", ".join(facts.network) or "no configuration found"),
        ("VMware tools", ", ".join(facts.vmware_tools) or "none"),
        ("cloud-init", "installed" if facts.cloud_init else "none"),
        ("SELinux", facts.selinux or "none"),
    )


def _firmware(facts: GuestFacts) -> str:
    boot = facts.boot
    partition = f"EFI system partition {boot.esp_uuid}" if boot.esp_uuid else "no EFI system partition"
    return f"{boot.firmware.upper()}, {_TABLES[facts.partition_table]}, {partition}"


def _mount(mount: GuestMount) -> str:
    filesystem = mount.filesystem
    array = f" on md {filesystem.array.level}".rstrip() if filesystem.array else ""
    subvolume = f", subvolume {mount.subvolume}" if mount.subvolume else ""
    return f"{mount.mountpoint} {filesystem.kind}{array} ({filesystem.device}{subvolume})"


def _free_space(facts: GuestFacts) -> str:
    root = f"{format_bytes(facts.free_root_bytes)} in /"
    if holding_mount(facts.mounts, "/boot").mountpoint == "/":
        return root
    return f"{root}, {format_bytes(facts.free_boot_bytes)} in /boot"


def _loader(boot: BootFacts) -> str:
    form = "entry files (BLS)" if boot.bls else boot.config_path or "no grub.cfg that lists kernels"
    entry = boot.default_entry
    default = f"; boots {entry.title or entry.kernel}" if entry else ""
    own = "; its own loader on the removable path" if boot.own_loader else ""
    return f"GRUB, {form} on {boot.boot_kind}{default}{own}"


def _kernel(kernel: KernelFacts) -> str:
    inside = kernel.initramfs_kind or "not understood"
    initramfs = f"initramfs by {inside}" if kernel.initramfs_path else "no initramfs"
    lacks = f", lacks {', '.join(kernel.missing_virtio)}" if kernel.missing_virtio else ", has virtio"
    return f"{kernel.version}: {initramfs}{lacks}"
