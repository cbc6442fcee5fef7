"""Machines to boot a guest on, as argument lists for QEMU.

`scaleway` has what the target shows: a PC with UEFI, disks on virtio-scsi with vendor SCW, a virtio NIC in
PCI slot 2 (so that it is named ens2). `vmware` is what the guest came from. Source: reference guest.md
sections 5, 8.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from v2s_tui.adapters.qemu.firmware import Firmware
from v2s_tui.domain.errors import InputError

QEMU = "qemu-system-x86_64"
MEMORY_MIB = 1024
SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
"""System calls that a machine never needs are refused by the kernel, should a guest take its QEMU over."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One machine. uefi: firmware kind. scsi: the disk controller. nic: model with its place."""

    name: str
    machine: str
    uefi: bool
    scsi: str
    disk: str
    nic: str


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "scaleway",
            "pc",
            True,
            "virtio-scsi-pci,id=scsi0,addr=0x5",
            "scsi-hd,bus=scsi0.0,scsi-id={number},vendor=SCW,product=sbs,serial=volume-{index},drive=disk{index}",
            "virtio-net-pci,netdev=net0,addr=0x2,mac=de:00:00:12:34:56,romfile=",
        ),
        Profile(
            "vmware",
            "pc",
            False,
            "pvscsi,id=scsi0,addr=0x5",
            "scsi-hd,bus=scsi0.0,scsi-id={index},vendor=VMware,drive=disk{index}",
            "vmxnet3,netdev=net0,addr=0x6,mac={mac},romfile=",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Wiring:
    """Host sides of one machine. qmp and agent: numbers of inherited socket descriptors. ssh_port: on
    loopback, forwarded to the guest's port 22. serial: file of the console.
    """

    qmp: int
    agent: int
    ssh_port: int
    serial: Path
    variables: Path | None


def find_profile(name: str) -> Profile:
    """Profile by name; raises InputError."""
    if name not in PROFILES:
        raise InputError(f"no machine profile {name!r}", hint=f"known: {', '.join(PROFILES)}")
    return PROFILES[name]


def machine_argv(
    profile: Profile,
    disks: Sequence[Path],
    *,
    wiring: Wiring,
    firmware: Firmware | None,
    acceleration: str,
    disk_format: str,
    memory_mib: int = MEMORY_MIB,
    source_mac: str = "",
) -> list[str]:
    """The command line. Disks are opened as throw-away layers: nothing the guest writes reaches them."""
    argv = [
        QEMU, "-name", "v2s-rehearsal", "-sandbox", SANDBOX, "-nodefaults", "-no-user-config",
        "-display", "none", "-vga", "none",
        "-device", "VGA,addr=0x4", "-machine", profile.machine, "-accel", acceleration, "-cpu", "host" if
        acceleration == "kvm" else "max", "-smp", "2", "-m", str(memory_mib), "-boot", "menu=off", "-chardev",
        f"socket,id=qmp,fd={wiring.qmp}", "-mon", "chardev=qmp,mode=control", "-chardev",
        f"file,id=serial0,path={_escaped(wiring.serial)}", "-serial", "chardev:serial0", "-chardev",
        f"socket,id=agent,fd={wiring.agent}", "-device", "virtio-serial-pci,addr=0x8", "-device",
        "virtserialport,chardev=agent,name=org.qemu.guest_agent.0", "-object",
        "rng-random,id=rng0,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng0,addr=0x7", "-netdev",
        f"user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:{wiring.ssh_port}-:22", "-device",
        profile.nic.format(mac=source_mac or "00:50:56:00:00:01"), "-device", profile.scsi,
    ]  # fmt: skip
    if profile.uefi and firmware and wiring.variables:
        argv += ["-drive", f"if=pflash,format=raw,readonly=on,file={_escaped(firmware.code)}"]
        argv += ["-drive", f"if=pflash,format=raw,file={_escaped(wiring.variables)}"]
    for index, disk in enumerate(disks):
        options = (
            f"id=disk{index},if=none,format={disk_format},snapshot=on,cache=unsafe,file={_escaped(disk)}"
        )
        argv += ["-drive", options]
        boot = f",bootindex={index}" if index == 0 or not profile.uefi else ""
        argv += ["-device", profile.disk.format(index=index, number=index + 1) + boot]
    return argv


def _escaped(path: Path) -> str:
    """A comma ends an option's value in QEMU; two commas stand for one."""
    return str(path).replace(",", ",,")
