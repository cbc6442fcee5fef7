"""Shapes of small guests: how they boot, how their disk is laid out, how their network is configured."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class GuestShape:
    """One shape.

    firmware: what the source VM boots with; a UEFI guest has its loader in EFI/debian only, as Debian
    installs it. boot_partition: a separate /boot in the first partition. logical: the root is a logical
    partition. bls: kernels are listed in /boot/loader/entries and grub.cfg says blscfg, as in RHEL.
    initramfs: the layout inside. virtio: the initramfs already has the virtio drivers. root_kind: file system
    of the root.
    """

    firmware: Literal["bios", "uefi"] = "bios"
    network: Literal["ifupdown", "netplan", "NetworkManager", "ifcfg", "networkd", "wicked"] = "ifupdown"
    static_address: bool = True
    boot_partition: bool = False
    logical: bool = False
    bls: bool = False
    initramfs: Literal["initramfs-tools", "dracut"] = "initramfs-tools"
    virtio: bool = False
    root_kind: Literal["ext4", "btrfs", "xfs"] = "ext4"


SHAPES: dict[str, GuestShape] = {
    "bios": GuestShape(),
    "uefi": GuestShape(firmware="uefi"),
    "separate-boot": GuestShape(boot_partition=True, logical=True),
    "netplan": GuestShape(network="netplan", virtio=True),
    "networkmanager": GuestShape(network="NetworkManager", firmware="uefi", initramfs="dracut"),
    "bls": GuestShape(network="ifcfg", bls=True, boot_partition=True, initramfs="dracut"),
    "networkd": GuestShape(network="networkd", static_address=False),
    "wicked": GuestShape(network="wicked"),
    "btrfs": GuestShape(root_kind="btrfs", boot_partition=True),
    "xfs": GuestShape(root_kind="xfs", network="ifcfg", static_address=True, initramfs="dracut"),
}
"""Shapes by the name that `build_micro_guest` takes as its variant."""


@dataclass(frozen=True, slots=True)
class GuestIdentity:
    """Names and numbers of one guest. root_uuid, boot_uuid: of file systems. mac: of the NIC at VMware."""

    host_name: str
    root_uuid: str
    boot_uuid: str
    esp_id: str
    mac: str
    address: str = "192.168.77.10/24"
    gateway: str = "192.168.77.1"
