"""Registry hives written byte by byte: enough of Windows' format for every reader to accept them.

Source: the public descriptions of the regf format (base block, hive bins, nk, vk, lf and sk cells).
"""

import struct
from dataclasses import dataclass, field

_PAGE = 4096
_BIN_HEADER = 32
_NOTHING = 0xFFFFFFFF
_NETWORK_CLASS = "{4d36e972-e325-11ce-bfc1-08002be10318}"
_ROOT_FLAGS, _KEY_FLAGS = 0x2C, 0x20
REG_SZ, REG_EXPAND_SZ, REG_BINARY, REG_DWORD, REG_MULTI_SZ = 1, 2, 3, 4, 7
BOOT_MANAGER = "{9dea862c-5cdd-4e70-acc1-f32b344d4795}"
_BOOT_MANAGER_TYPE, _LOADER_TYPE = 0x10100002, 0x10200003


@dataclass(slots=True)
class HiveKey:
    """A key. values: name -> (type, data); the default value has the name ""."""

    name: str
    values: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    keys: list["HiveKey"] = field(default_factory=list)

    def at(self, path: str) -> "HiveKey":
        """The key below this one by its path with backslashes, made when missing."""
        here = self
        for name in path.split("\\"):
            found = next((key for key in here.keys if key.name.lower() == name.lower()), None)
            if found is None:
                found = HiveKey(name)
                here.keys.append(found)
            here = found
        return here

    def text(self, name: str, value: str, *, kind: int = REG_SZ) -> None:
        """Set a string."""
        self.values[name] = (kind, value.encode("utf-16-le") + b"\0\0")

    def texts(self, name: str, *values: str) -> None:
        """Set a list of strings."""
        data = "".join(f"{value}\0" for value in values).encode("utf-16-le") + b"\0\0"
        self.values[name] = (REG_MULTI_SZ, data)

    def number(self, name: str, value: int) -> None:
        """Set a 32-bit number."""
        self.values[name] = (REG_DWORD, struct.pack("<I", value))


class _Bin:
    """Cells of one hive bin, by their offset from the first bin."""

    def __init__(self) -> None:
        self.data = bytearray(_BIN_HEADER)

    def add(self, content: bytes) -> int:
        offset = len(self.data)
        size = -(-(len(content) + 4) // 8) * 8
        self.data += struct.pack("<i", -size) + content.ljust(size - 4, b"\0")
        return offset

    def patch(self, offset: int, place: int, number: int) -> None:
        struct.pack_into("<I", self.data, offset + 4 + place, number)


def write_hive(root: HiveKey) -> bytes:
    """The whole hive file."""
    cells = _Bin()
    security = cells.add(b"sk" + bytes(2) + struct.pack("<IIII", _NOTHING, _NOTHING, 1, 20) + _descriptor())
    cells.patch(security, 4, security)
    cells.patch(security, 8, security)
    first = _write_key(cells, root, parent=_NOTHING, security=security)
    size = -(-(len(cells.data) + 8) // _PAGE) * _PAGE
    free = size - len(cells.data)
    cells.data += struct.pack("<i", free) + bytes(free - 4)
    struct.pack_into("<4sII", cells.data, 0, b"hbin", 0, size)
    return _base_block(first, size) + bytes(cells.data)


def _descriptor() -> bytes:
    """An empty self-relative security descriptor."""
    return struct.pack("<BBHIIII", 1, 0, 0x8000, 0, 0, 0, 0)


def _write_key(cells: _Bin, key: HiveKey, *, parent: int, security: int) -> int:
    name = key.name.encode("latin-1")
    flags = _ROOT_FLAGS if parent == _NOTHING else _KEY_FLAGS
    head = struct.pack("<2sHQII", b"nk", flags, 0, 0, parent if parent != _NOTHING else 0)
    counts = struct.pack(
        "<IIIIIII", len(key.keys), 0, _NOTHING, _NOTHING, len(key.values), _NOTHING, security
    )
    widths = struct.pack("<IIIIIIHH", _NOTHING, 64, 0, 64, 4096, 0, len(name), 0)
    own = cells.add(head + counts + widths + name)
    if key.values:
        offsets = [_write_value(cells, value, *content) for value, content in key.values.items()]
        cells.patch(own, 40, cells.add(struct.pack(f"<{len(offsets)}I", *offsets)))
    if key.keys:
        ordered = sorted(key.keys, key=lambda each: each.name.upper())
        below = [(_write_key(cells, each, parent=own, security=security), each.name) for each in ordered]
        entries = b"".join(struct.pack("<I4s", offset, text.encode("latin-1")[:4]) for offset, text in below)
        cells.patch(own, 28, cells.add(b"lf" + struct.pack("<H", len(below)) + entries))
    return own


def _write_value(cells: _Bin, name: str, kind: int, data: bytes) -> int:
    encoded = name.encode("latin-1")
    if len(data) <= 4:
        size, place = len(data) | 0x80000000, int.from_bytes(data.ljust(4, b"\0"), "little")
    else:
        size, place = len(data), cells.add(data)
    return cells.add(struct.pack("<2sHIIIHH", b"vk", len(encoded), size, place, kind, 1, 0) + encoded)


def _base_block(root: int, size: int) -> bytes:
    block = bytearray(_PAGE)
    struct.pack_into("<4sIIQIIIIIII", block, 0, b"regf", 1, 1, 0, 1, 3, 0, 1, root, size, 1)
    checksum = 0
    for word in struct.unpack_from("<127I", block):
        checksum ^= word
    struct.pack_into("<I", block, 508, checksum)
    return bytes(block)


def system_hive(*, host_name: str, address: str = "10.1.2.3") -> bytes:
    """SYSTEM of a Windows Server at VMware: one control set, VMware's services, pvscsi as boot driver.

    address: static IPv4 address of its only NIC, "" for DHCP.
    """
    root = HiveKey("ROOT")
    root.at("Select").number("Current", 1)
    root.at("Select").number("Default", 1)
    control = root.at(r"ControlSet001\Control")
    control.at(r"ComputerName\ComputerName").text("ComputerName", host_name[:15].upper())
    control.at(r"Session Manager\Environment").text("PROCESSOR_ARCHITECTURE", "AMD64")
    control.at("Terminal Server").number("fDenyTSConnections", 1)
    services = root.at(r"ControlSet001\Services")
    for name, start in (
        ("VMTools", 2),
        ("VGAuthService", 2),
        ("vmvss", 3),
        ("pvscsi", 0),
        ("vmxnet3ndis6", 3),
    ):
        services.at(name).number("Start", start)
        services.at(name).number("Type", 1 if name in {"pvscsi", "vmxnet3ndis6"} else 16)
    _static_address(root, address)
    root.at("DriverDatabase").number("Version", 0x0A000000)
    for name in ("DeviceIds\\PCI", "DriverInfFiles", "DriverPackages"):
        root.at(f"DriverDatabase\\{name}")
    return write_hive(root)


def _static_address(root: HiveKey, address: str) -> None:
    """The NIC as device class and TCP/IP keep it, by its GUID."""
    guid = "{0F2B6A1E-8C11-4F25-9E57-2A4C5D1B7E90}"
    card = root.at(rf"ControlSet001\Control\Class\{_NETWORK_CLASS}\0001")
    card.text("NetCfgInstanceId", guid)
    card.text("DriverDesc", "vmxnet3 Ethernet Adapter")
    settings = root.at(rf"ControlSet001\Services\Tcpip\Parameters\Interfaces\{guid}")
    settings.number("EnableDHCP", 0 if address else 1)
    if address:
        settings.texts("IPAddress", address)
        settings.texts("SubnetMask", "255.255.255.0")
        settings.texts("DefaultGateway", f"{address.rsplit('.', 1)[0]}.1")
        settings.text("NameServer", "10.1.0.53,10.1.0.54")


def bcd_store() -> bytes:
    """The boot configuration on the ESP: a boot manager with one loader, no serial console."""
    root = HiveKey("NewStoreRoot")
    loader = "{6c1d7a52-0c41-11ee-a5b4-005056000001}"
    manager = root.at(rf"Objects\{BOOT_MANAGER}")
    manager.at("Description").number("Type", _BOOT_MANAGER_TYPE)
    manager.at(r"Elements\23000003").text("Element", loader)
    system = root.at(rf"Objects\{loader}")
    system.at("Description").number("Type", _LOADER_TYPE)
    system.at(r"Elements\12000004").text("Element", "Windows Server")
    system.at(r"Elements\22000002").text("Element", r"\Windows")
    return write_hive(root)


def software_hive(*, product: str = "Windows Server 2019 Standard", build: str = "17763") -> bytes:
    """SOFTWARE with the product's name, its build and VMware Tools among the installed programs."""
    root = HiveKey("ROOT")
    version = root.at(r"Microsoft\Windows NT\CurrentVersion")
    version.text("ProductName", product)
    version.text("CurrentBuildNumber", build)
    version.text("InstallationType", "Server" if "Server" in product else "Client")
    version.number("CurrentMajorVersionNumber", 10)
    version.number("CurrentMinorVersionNumber", 0)
    current = root.at(r"Microsoft\Windows\CurrentVersion")
    current.text("DevicePath", r"%SystemRoot%\inf", kind=REG_EXPAND_SZ)
    tools = current.at(r"Uninstall\{9B2C3F5E-6D0B-4A38-9A6B-0D6E1B7F4C11}")
    tools.text("DisplayName", "VMware Tools")
    tools.text("UninstallString", "MsiExec.exe /X{9B2C3F5E-6D0B-4A38-9A6B-0D6E1B7F4C11}")
    return write_hive(root)
