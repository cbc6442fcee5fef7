"""What must change in a Windows guest, decided from facts and drivers; nothing is written here.

Boot-critical is vioscsi: its service starts at boot and the driver database knows its PCI devices, so that
Windows binds it before it needs the disk. Everything else is staged in a folder of DevicePath for plug and
play. Source: Microsoft's documentation of services and driver packages; reference guest.md section 7.
None of this proves that Windows boots: it is reported as unproven.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from v2s_tui.adapters.guest.windows.drivers import BOOT_DRIVER, Driver
from v2s_tui.adapters.guest.windows.first_boot import first_boot_script, plan_first_boot
from v2s_tui.adapters.guest.windows.network import StaticAddress, plan_network
from v2s_tui.adapters.guest.windows.registry import RegistryEdit, binary, number, strings, text
from v2s_tui.domain.guest.changes import Change, ChangeKind
from v2s_tui.domain.guest.network import ONE_DHCP_NIC, NicPlan
from v2s_tui.domain.guest.refusals import WINDOWS_32_BIT, WINDOWS_BIOS, Refusal

STAGING = "v2s-drivers"
UNPROVEN = "Windows was prepared but not booted: no rehearsal of Windows can run here"
_VMWARE_SERVICES = (
    "VMTools", "VGAuthService", "vmvss", "VMwareCAFCommAmqpListener", "VMwareCAFManagementAgentHost",
    "vm3dservice", "VMRawDisk", "VMMemCtl", "vmhgfs",
)  # fmt: skip
_VIOSCSI_DEVICES = ("VEN_1AF4&DEV_1004&SUBSYS_00081AF4&REV_00", "VEN_1AF4&DEV_1048&SUBSYS_11001AF4&REV_01")
_DISABLED, _SAN_ONLINE_ALL = 4, 1


@dataclass(frozen=True, slots=True)
class WindowsFacts:
    """A Windows guest. control_set: `ControlSet001`, the one that the next boot uses.

    system_root: `/Windows` as it is written on the disk.

    vmware_services: of VMware's tools, with their start type. trouble: what forbids offline changes.
    addresses: static ones, by adapter. tools_products: product codes of VMware Tools.
    """

    product: str
    build: int
    server: bool
    architecture: str
    control_set: str
    system_root: str
    firmware: str
    vmware_services: tuple[tuple[str, int], ...]
    device_path: str
    trouble: tuple[Refusal, ...] = ()
    addresses: tuple[StaticAddress, ...] = ()
    tools_products: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WindowsPlan:
    """Files to write and registry values to set."""

    files: tuple[Change, ...] = ()
    registry: tuple[RegistryEdit, ...] = ()
    warnings: tuple[str, ...] = (UNPROVEN,)


def windows_refusals(facts: WindowsFacts, *, experimental: bool = False) -> tuple[Refusal, ...]:
    """Why this Windows is not touched. experimental: the operator takes a BIOS Windows upon himself."""
    found = list(facts.trouble)
    if facts.architecture not in {"amd64", ""}:
        found.append(WINDOWS_32_BIT)
    if facts.firmware == "bios" and not experimental:
        found.append(WINDOWS_BIOS)
    if 0 < facts.build < 10240:
        found.append(
            Refusal(
                "windows-too-old",
                f"{facts.product or 'this Windows'} is older than Windows Server 2016",
                "current virtio drivers do not support it; upgrade it in the source VM",
            )
        )
    return tuple(found)


def plan_clean_tools(facts: WindowsFacts) -> WindowsPlan:
    """VMware's services are disabled, not deleted: the package stays for the owner to uninstall."""
    reason = "VMware's service has no host to talk to"
    edits = tuple(
        RegistryEdit("SYSTEM", rf"{facts.control_set}\Services\{name}", (number("Start", _DISABLED),), reason)
        for name, start in facts.vmware_services
        if start != _DISABLED
    )
    return WindowsPlan(registry=edits)


def vmware_service_names() -> tuple[str, ...]:
    """Services of VMware's tools that are looked for; drivers the source still needs are not among them."""
    return _VMWARE_SERVICES


def plan_inject_virtio(
    facts: WindowsFacts, drivers: tuple[Driver, ...], nics: Sequence[NicPlan] = ONE_DHCP_NIC
) -> WindowsPlan:
    """Boot driver, staged drivers, and what makes the first boot reachable: settings and a script."""
    boot = next(driver for driver in drivers if driver.name == BOOT_DRIVER)
    files = [change for driver in drivers for change in _staged(facts, driver)]
    target = f"{facts.system_root}/System32/drivers/{boot.service_file}"
    reason = "the disk controller's driver must be there before the disk is"
    files.append(Change(ChangeKind.WRITE, target, reason, content=boot.files[boot.service_file]))
    network = plan_network(nics, facts.addresses)
    services = [name for name, _ in facts.vmware_services]
    script = first_boot_script(network.wanted, products=facts.tools_products, services=services)
    first_boot, service = plan_first_boot(facts.system_root, facts.control_set, script)
    registry = (
        *_boot_service(facts, boot),
        *_driver_database(boot),
        _device_path(facts),
        *_reachable(facts),
        service,
    )
    return WindowsPlan((*files, first_boot), registry, (UNPROVEN, *network.warnings))


def _staged(facts: WindowsFacts, driver: Driver) -> list[Change]:
    folder = f"{facts.system_root}/{STAGING}/{driver.name.lower()}"
    reason = "plug and play finds the driver here at the first boot"
    return [
        Change(ChangeKind.WRITE, f"{folder}/{name}", reason, content=content)
        for name, content in sorted(driver.files.items())
    ]


def _boot_service(facts: WindowsFacts, boot: Driver) -> tuple[RegistryEdit, ...]:
    key = rf"{facts.control_set}\Services\{boot.name}"
    reason = "the disk controller's driver starts with the kernel"
    return (
        RegistryEdit(
            "SYSTEM",
            key,
            (
                number("Type", 1),
                number("Start", 0),
                number("ErrorControl", 1),
                number("Tag", 0x40),
                text("Group", "SCSI miniport"),
                text("ImagePath", rf"System32\drivers\{boot.service_file}", expand=True),
                strings("Owners", boot.inf_name),
            ),
            reason,
        ),
        RegistryEdit("SYSTEM", rf"{key}\Parameters", (number("BusType", 0x0A),), reason),
        RegistryEdit("SYSTEM", rf"{key}\Parameters\PnpInterface", (number("5", 1),), reason),
    )


def _driver_database(boot: Driver) -> tuple[RegistryEdit, ...]:
    """The package as if it had been installed: Windows 8 and later bind boot devices through this."""
    package = f"{boot.inf_name}_amd64_v2s"
    base = rf"DriverDatabase\DriverPackages\{package}"
    configuration = "scsi_inst"
    reason = "Windows binds the disk controller to its driver through the driver database"
    edits = [
        RegistryEdit(
            "SYSTEM",
            rf"DriverDatabase\DriverInfFiles\{boot.inf_name}",
            (strings("", package), text("Active", package), strings("Configurations", configuration)),
            reason,
        ),
        RegistryEdit(
            "SYSTEM",
            base,
            (text("", boot.inf_name), text("InfName", boot.inf_name), text("Provider", "Red Hat, Inc.")),
            reason,
        ),
        RegistryEdit(
            "SYSTEM",
            rf"{base}\Configurations\{configuration}",
            (number("ConfigFlags", 0), text("Service", boot.name)),
            reason,
        ),
    ]
    for device in _VIOSCSI_DEVICES:
        short = device.split("&SUBSYS")[0]
        edits.append(
            RegistryEdit(
                "SYSTEM",
                rf"DriverDatabase\DeviceIds\PCI\{device}",
                (binary(boot.inf_name, b"\x01\xff\x00\x00"),),
                reason,
            )
        )
        edits.append(
            RegistryEdit(
                "SYSTEM", rf"{base}\Descriptors\PCI\{short}", (text("Configuration", configuration),), reason
            )
        )
    return tuple(edits)


def _device_path(facts: WindowsFacts) -> RegistryEdit:
    parts = [part for part in facts.device_path.split(";") if part] or [r"%SystemRoot%\inf"]
    own = rf"%SystemRoot%\{STAGING}"
    value = ";".join(parts if own in parts else [*parts, own])
    return RegistryEdit(
        "SOFTWARE",
        r"Microsoft\Windows\CurrentVersion",
        (text("DevicePath", value, expand=True),),
        "plug and play looks for drivers in the staging folder",
    )


def _reachable(facts: WindowsFacts) -> tuple[RegistryEdit, ...]:
    """Remote desktop on, and data disks online although their controller changed."""
    services = rf"{facts.control_set}\Services"
    terminal = rf"{facts.control_set}\Control\Terminal Server"
    return (
        RegistryEdit(
            "SYSTEM", terminal, (number("fDenyTSConnections", 0),), "the machine has no other console"
        ),
        RegistryEdit(
            "SYSTEM",
            rf"{services}\partmgr\Parameters",
            (number("SanPolicy", _SAN_ONLINE_ALL),),
            "data disks must be online behind their new controller",
        ),
    )
