"""UEFI firmware files for QEMU, where distributions put them."""

from dataclasses import dataclass
from pathlib import Path

from v2s_tui.domain.errors import ToolError

_PAIRS = (
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    ("/usr/share/qemu/ovmf-x86_64-code.bin", "/usr/share/qemu/ovmf-x86_64-vars.bin"),
)


@dataclass(frozen=True, slots=True)
class Firmware:
    """code: read-only part. variables: template of the writable part; each machine gets a copy of its own."""

    code: Path
    variables: Path


def find_firmware() -> Firmware:
    """Firmware without Secure Boot. Raises ToolError when none is installed."""
    for code, variables in _PAIRS:
        if Path(code).exists() and Path(variables).exists():
            return Firmware(Path(code), Path(variables))
    raise ToolError(
        "no UEFI firmware for QEMU was found",
        command="qemu-system-x86_64",
        exit_code=None,
        stderr_tail="",
        hint="install the package ovmf",
    )
