"""Windows' boot configuration (BCD): EMS on the serial port, so that SAC answers from the first boot on.

Equals `bcdedit /bootems {bootmgr} on`, `/ems on` and `/emssettings EMSPORT:1 EMSBAUDRATE:115200`. Source of
the element numbers: Microsoft's documentation of the BCD WMI provider (BcdLibraryElementTypes, ...).
"""

import struct
from collections.abc import Mapping

from v2s_tui.adapters.guest.windows.registry import RegistryEdit, binary, number

STORE_PATH = "EFI/Microsoft/Boot/BCD"
OBJECTS = "Objects"
BOOT_MANAGER = "{9dea862c-5cdd-4e70-acc1-f32b344d4795}"
_EMS_SETTINGS = "{0ce4991b-e6b3-4b16-b23c-5e0d9250e5d9}"
_LOADER_TYPE, _SETTINGS_TYPE = 0x10200003, 0x20100000
_BOOT_EMS, _EMS_PORT, _EMS_BAUD_RATE, _LOADER_EMS = "16000020", "15000022", "15000023", "260000b0"
_COM1, _BAUD_RATE = 1, 115_200
_REASON = "the machine's only console is its serial port (EMS, SAC)"


def plan_serial_console(object_types: Mapping[str, int]) -> tuple[RegistryEdit, ...]:
    """Values of the store that switch EMS on. object_types: type number of each object that is there.

    Nothing for a store without a Windows loader: it is no store that is understood.
    """
    loaders = [name for name, kind in object_types.items() if kind == _LOADER_TYPE]
    if not loaders:
        return ()
    manager = next((name for name in object_types if name.lower() == BOOT_MANAGER), "")
    settings = next((name for name in object_types if name.lower() == _EMS_SETTINGS), _EMS_SETTINGS)
    return (
        *([_flag(manager, _BOOT_EMS)] if manager else []),
        *(_flag(loader, _LOADER_EMS) for loader in loaders),
        RegistryEdit("BCD", rf"{OBJECTS}\{settings}\Description", (number("Type", _SETTINGS_TYPE),), _REASON),
        _flag(settings, _BOOT_EMS),
        _integer(settings, _EMS_PORT, _COM1),
        _integer(settings, _EMS_BAUD_RATE, _BAUD_RATE),
    )


def _flag(owner: str, element: str) -> RegistryEdit:
    return _element(owner, element, b"\x01")


def _integer(owner: str, element: str, value: int) -> RegistryEdit:
    return _element(owner, element, struct.pack("<Q", value))


def _element(owner: str, element: str, data: bytes) -> RegistryEdit:
    key = rf"{OBJECTS}\{owner}\Elements\{element}"
    return RegistryEdit("BCD", key, (binary("Element", data),), _REASON)
