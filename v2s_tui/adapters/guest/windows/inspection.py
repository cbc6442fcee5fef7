"""Finds out which Windows is on the disks, from its registry, and whether it may be changed offline."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from v2s_tui.adapters.guest.session import GuestSession
from v2s_tui.adapters.guest.windows.boot_store import OBJECTS
from v2s_tui.adapters.guest.windows.network import NETWORK_CLASS, StaticAddress, static_address
from v2s_tui.adapters.guest.windows.planner import WindowsFacts, vmware_service_names
from v2s_tui.adapters.guest.windows.registry import RegistryEdit, as_number, as_text, as_texts
from v2s_tui.domain.errors import ToolError
from v2s_tui.domain.guest.changes import Change
from v2s_tui.domain.guest.facts import GuestFilesystem
from v2s_tui.domain.guest.refusals import Refusal

_CONFIG = "/Windows/System32/config"
_HIVE_MAGIC = b"regf"
_HIBERNATED = (b"HIBR", b"hibr", b"WAKE", b"wake", b"RSTR", b"rstr")
_SHUT_DOWN = "start the source VM, run `powercfg /h off`, shut it down cleanly, migrate again"
_VERSION_KEY = r"Microsoft\Windows NT\CurrentVersion"
_CURRENT_KEY = r"Microsoft\Windows\CurrentVersion"
_UNINSTALL_KEY = rf"{_CURRENT_KEY}\Uninstall"
_MOST_KEYS = 500

BITLOCKER = Refusal(
    "bitlocker",
    "the Windows volume is encrypted by BitLocker",
    "turn BitLocker off in the source VM and wait until it has decrypted the volume",
)
HIBERNATED = Refusal("hibernated", "Windows is hibernated or uses fast start-up", _SHUT_DOWN)
DIRTY_HIVE = Refusal(
    "dirty-registry", "Windows was not shut down cleanly, its registry has unwritten changes", _SHUT_DOWN
)
NTFS_REFUSED = Refusal("ntfs-dirty", "the Windows volume cannot be mounted for writing", _SHUT_DOWN)


@dataclass(frozen=True, slots=True)
class WindowsHives:
    """Where the hives are, as their names are written on the disk."""

    system: str
    software: str


def inspect_windows(
    session: GuestSession, filesystems: Sequence[GuestFilesystem], *, has_esp: bool
) -> tuple[WindowsFacts, WindowsHives] | None:
    """Mount the Windows volume and read what it is; None when there is no Windows on the disks.

    What forbids offline changes is in the facts' trouble, nothing is raised for it.
    """
    firmware = "uefi" if has_esp else "bios"
    troubles: list[Refusal] = []
    for filesystem in filesystems:
        if filesystem.kind == "BitLocker":
            troubles.append(BITLOCKER)
        if filesystem.kind != "ntfs":
            continue
        try:
            session.mount(filesystem.device, "/")
        except ToolError as error:
            troubles.append(
                Refusal(NTFS_REFUSED.code, f"{NTFS_REFUSED.reason} ({error.title[-120:]})", _SHUT_DOWN)
            )
            continue
        system = session.real_case(f"{_CONFIG}/SYSTEM")
        software = session.real_case(f"{_CONFIG}/SOFTWARE")
        if system and software:
            hives = WindowsHives(system, software)
            return _facts(session, hives, firmware, tuple(_trouble(session, hives))), hives
        session.unmount_all()
    if troubles:
        return _unknown(firmware, tuple(troubles)), WindowsHives("", "")
    return None


def missing_files(session: GuestSession, files: Sequence[Change]) -> list[Change]:
    """Files that are not there or differ, at the path whose case the volume knows."""
    missing = []
    for change in files:
        path = session.real_case(change.path)
        if path is None or session.read_bytes(path, limit_bytes=len(change.content)) != change.content:
            missing.append(change)
    return missing


def missing_values(session: GuestSession, hive: str, edits: Sequence[RegistryEdit]) -> list[RegistryEdit]:
    """Edits of which at least one value is not as wanted yet."""
    keys = session.hive_read(hive, [edit.key for edit in edits]) if edits else []
    return [edit for edit, key in zip(edits, keys, strict=True) if not _has_all(key, edit)]


def _has_all(key: dict[str, Any] | None, edit: RegistryEdit) -> bool:
    present = (key or {"values": {}})["values"]
    wanted = ((each.name, [int(each.kind), base64.b64encode(each.data).decode()]) for each in edit.values)
    return all(present.get(name) == value for name, value in wanted)


def object_types(session: GuestSession, store: str) -> dict[str, int]:
    """Type number of each object of a boot store that is mounted."""
    (objects,) = session.hive_read(store, [OBJECTS])
    names = [str(name) for name in (objects or {"keys": []})["keys"]]
    read = session.hive_read(store, [rf"{OBJECTS}\{name}\Description" for name in names]) if names else []
    return {name: _number(found, "Type") for name, found in zip(names, read, strict=True)}


def _trouble(session: GuestSession, hives: WindowsHives) -> list[Refusal]:
    found = []
    hibernation = session.real_case("/hiberfil.sys")
    if hibernation and session.head(hibernation, 4) in _HIBERNATED:
        found.append(HIBERNATED)
    for hive in (hives.system, hives.software):
        header = session.head(hive, 12)
        if header[:4] != _HIVE_MAGIC or header[4:8] != header[8:12]:
            found.append(DIRTY_HIVE)
            break
    return found


def _facts(
    session: GuestSession, hives: WindowsHives, firmware: str, trouble: tuple[Refusal, ...]
) -> WindowsFacts:
    if DIRTY_HIVE in trouble:
        return _unknown(firmware, trouble)
    select, version, current = (
        *session.hive_read(hives.system, ["Select"]),
        *session.hive_read(hives.software, [_VERSION_KEY, _CURRENT_KEY]),
    )
    control_set = f"ControlSet{_number(select, 'Default') or _number(select, 'Current') or 1:03d}"
    environment, *services = session.hive_read(
        hives.system,
        [rf"{control_set}\Control\Session Manager\Environment"]
        + [rf"{control_set}\Services\{name}" for name in vmware_service_names()],
    )
    product, build = _text(version, "ProductName"), _text(version, "CurrentBuildNumber")
    return WindowsFacts(
        product=product,
        build=int(build) if build.isdigit() else 0,
        server=_text(version, "InstallationType") != "Client" and "Server" in product,
        architecture=_text(environment, "PROCESSOR_ARCHITECTURE").lower(),
        control_set=control_set,
        system_root=hives.system.rsplit("/", 3)[0],
        firmware=firmware,
        vmware_services=tuple(
            (name, _number(key, "Start"))
            for name, key in zip(vmware_service_names(), services, strict=True)
            if key is not None
        ),
        device_path=_text(current, "DevicePath"),
        trouble=trouble,
        addresses=_addresses(session, hives.system, control_set),
        tools_products=_tools_products(session, hives.software),
    )


def _below(session: GuestSession, hive: str, key: str) -> list[tuple[str, dict[str, Any] | None]]:
    """The keys below a key, by name; not more than a sane hive has."""
    (found,) = session.hive_read(hive, [key])
    names = [str(name) for name in (found or {"keys": []})["keys"]][:_MOST_KEYS]
    read = session.hive_read(hive, [rf"{key}\{name}" for name in names]) if names else []
    return list(zip(names, read, strict=True))


def _addresses(session: GuestSession, hive: str, control_set: str) -> tuple[StaticAddress, ...]:
    """Static addresses of adapters that are installed, in the order they were."""
    adapters = _below(session, hive, rf"{control_set}\Control\Class\{NETWORK_CLASS}")
    guids = [guid for _, adapter in adapters if (guid := _text(adapter, "NetCfgInstanceId"))]
    interfaces = rf"{control_set}\Services\Tcpip\Parameters\Interfaces"
    read = session.hive_read(hive, [rf"{interfaces}\{guid}" for guid in guids]) if guids else []
    found = (_static(interface) for interface in read if interface and not _number(interface, "EnableDHCP"))
    return tuple(each for each in found if each is not None)


def _static(interface: dict[str, Any]) -> StaticAddress | None:
    return static_address(
        as_texts(_value(interface, "IPAddress")),
        as_texts(_value(interface, "SubnetMask")),
        as_texts(_value(interface, "DefaultGateway")),
        _text(interface, "NameServer"),
    )


def _tools_products(session: GuestSession, hive: str) -> tuple[str, ...]:
    """Product codes under which VMware Tools are installed."""
    products = _below(session, hive, _UNINSTALL_KEY)
    return tuple(code for code, entry in products if _text(entry, "DisplayName") == "VMware Tools")


def _unknown(firmware: str, trouble: tuple[Refusal, ...]) -> WindowsFacts:
    return WindowsFacts("", 0, False, "", "", "", firmware, (), "", trouble)


def _value(key: dict[str, Any] | None, name: str) -> bytes:
    values = (key or {"values": {}})["values"]
    found = next((value for each, value in values.items() if each.lower() == name.lower()), None)
    return base64.b64decode(found[1]) if found else b""


def _text(key: dict[str, Any] | None, name: str) -> str:
    return as_text(_value(key, name))


def _number(key: dict[str, Any] | None, name: str) -> int:
    return as_number(_value(key, name))
