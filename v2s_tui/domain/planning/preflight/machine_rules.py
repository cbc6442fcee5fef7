"""Source rules about the machine and its guest: state, devices, firmware, operating system, addresses."""

from collections.abc import Iterable

from v2s_tui.domain.guest.network import NicMode
from v2s_tui.domain.planning.plan_options import Consistency
from v2s_tui.domain.planning.preflight.findings import Finding, blocks, notes, warns
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.source.guest_os import OsFamily
from v2s_tui.domain.source.vm import Firmware, PowerState, Vm

LONG_NAME = 60
"""Names made at Scaleway add a prefix and a suffix to the VM's."""


def machine_findings(planned: PlannedVm) -> Iterable[Finding]:
    """All findings of this group on one VM."""
    if not planned.vm.readable:
        yield blocks(
            "unreadable",
            "its configuration could not be read",
            "vCenter gave neither disks nor size, or the account may not read them",
            "check the VM in vSphere and the account's rights, then take a new inventory",
            overridable=False,
        )
        return
    yield from _state(planned)
    yield from _devices(planned)
    yield from _firmware(planned)
    yield from _guest_os(planned)
    yield from _tools(planned)
    yield from _name(planned)


def _state(planned: PlannedVm) -> Iterable[Finding]:
    vm = planned.vm
    if vm.connection_state not in {"connected", ""}:
        yield blocks(
            "disconnected",
            f"the VM is {vm.connection_state}",
            "its host is down or out of vCenter's reach",
            "bring the host back, or register the VM on another",
        )
    if vm.power_state is PowerState.SUSPENDED:
        yield blocks(
            "suspended",
            "the VM is suspended",
            "its memory would be lost and its file systems are not clean",
            "resume it and shut it down",
        )
    if vm.power_state is PowerState.ON and planned.consistency is Consistency.SNAPSHOT:
        yield notes(
            "writes-after-snapshot",
            "the source goes on running",
            "what it writes after the snapshot does not come along",
            "consistency: cold shuts it down first",
        )


def _devices(planned: PlannedVm) -> Iterable[Finding]:
    vm = planned.vm
    if vm.passthrough_devices:
        make = (
            blocks
            if vm.power_state is PowerState.ON and planned.consistency is Consistency.SNAPSHOT
            else warns
        )
        yield make(
            "passthrough",
            f"{vm.passthrough_devices} passthrough devices",
            "no snapshot of a running VM with them is possible, and Scaleway has no such device",
            "remove them, or use consistency: cold and expect the guest to miss them",
        )
    if vm.encrypted:
        yield blocks(
            "encrypted", "the VM is encrypted", "its disks cannot be exported", "decrypt it in vSphere first"
        )
    if vm.has_tpm:
        why = "what it seals (BitLocker keys above all) cannot move"
        yield warns("tpm", "the VM has a virtual TPM", why, "suspend BitLocker and keep the recovery keys")
    if vm.secure_boot:
        yield notes(
            "secure-boot",
            "Secure Boot is on",
            "it is not known to be offered at Scaleway; the copy boots without",
        )
    if vm.usb_devices:
        yield warns(
            "usb",
            f"{vm.usb_devices} USB devices",
            "there are none at Scaleway",
            "licence dongles need another way",
        )


def _firmware(planned: PlannedVm) -> Iterable[Finding]:
    vm = planned.vm
    if vm.firmware is Firmware.BIOS and vm.os_family is OsFamily.WINDOWS:
        yield blocks(
            "windows-bios",
            "Windows boots by BIOS",
            "Scaleway boots by UEFI only",
            "run `mbr2gpt /convert /allowFullOS` in the VM, set its firmware to EFI, boot it once",
        )
    elif vm.firmware is Firmware.BIOS and planned.adapt:
        yield notes(
            "bios", "the guest boots by BIOS", "it gets an EFI system partition and boot loader on its copy"
        )


def _guest_os(planned: PlannedVm) -> Iterable[Finding]:
    vm = planned.vm
    shown = vm.guest_full_name or vm.guest_id or "nothing"
    if vm.os_family is OsFamily.OTHER:
        yield blocks(
            "os-unsupported",
            f"guest system: {shown}",
            "v2s adapts Linux and Windows only",
            "move its service otherwise",
        )
    if vm.os_family is OsFamily.UNKNOWN:
        why = f"vCenter says {shown}; it is treated as Linux"
        yield warns(
            "os-unknown", "the guest system is not known", why, "set the guest OS in the VM's options"
        )
    windows_32_bit = vm.os_family is OsFamily.WINDOWS and vm.guest_id and "64" not in vm.guest_id
    if windows_32_bit:
        why = "32-bit Windows has no UEFI boot loader"
        yield warns("windows-32-bit", f"{shown} may be 32-bit", why, "install 64-bit Windows")


def tools_silent(vm: Vm) -> bool:
    """True when no VMware Tools run in the guest, so that nothing can be asked of it."""
    status = vm.tools_status.lower()
    return not status or "notinstalled" in status or "notrunning" in status


def _tools(planned: PlannedVm) -> Iterable[Finding]:
    vm = planned.vm
    on_snapshot = vm.power_state is PowerState.ON and planned.consistency is Consistency.SNAPSHOT
    if on_snapshot and tools_silent(vm):
        yield warns(
            "no-tools",
            "VMware Tools are not running",
            "the snapshot cannot quiesce the guest: file systems are as after a power cut",
            "start the Tools, or use consistency: cold",
        )
    keeps = [nic for nic in planned.nics if nic.mode is NicMode.KEEP]
    reported = any(nic.ip_addresses for nic in vm.nics) or bool(vm.guest_ip)
    if keeps and not reported:
        why = "vCenter reports no address, so what is kept cannot be shown or compared afterwards"
        yield warns("no-addresses", "its addresses are not known", why, "start the VM with VMware Tools")


def _name(planned: PlannedVm) -> Iterable[Finding]:
    if len(planned.vm.name) > LONG_NAME:
        yield notes(
            "long-name", f"the name has {len(planned.vm.name)} characters", "names at Scaleway are cut"
        )
