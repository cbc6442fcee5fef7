r"""What Windows does once by itself at its first boot at Scaleway: a script, started by a service.

The service runs before anybody logs on and deletes itself at the end of the script. Its program is cmd.exe,
which starts the script apart and ends: the service manager gives up on it after a while and the script goes
on. Everything is logged to \Windows\v2s\first-boot.log on the guest's own disk.
"""

import re
from collections.abc import Sequence

from v2s_tui.adapters.guest.windows.network import StaticAddress, is_address
from v2s_tui.adapters.guest.windows.registry import RegistryEdit, number, text
from v2s_tui.domain.guest.changes import Change, ChangeKind

FOLDER, SERVICE = "v2s", "v2s-first-boot"
_OWN_PROCESS, _AUTOMATIC, _IGNORE = 0x10, 2, 0
_REASON = "drivers, network and leftovers of VMware Tools are settled inside Windows at its first boot"
_PRODUCT_CODE = re.compile(r"\{[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}")
_SERVICE_NAME = re.compile(r"[A-Za-z0-9_-]+")

_HEAD = r"""# Written by v2s. Runs once at the first boot at Scaleway; its log is beside it.
Start-Transcript -Path "$env:SystemRoot\v2s\first-boot.log" -Append
Write-Output "drivers"
pnputil.exe /add-driver "$env:SystemRoot\v2s-drivers\*.inf" /subdirs /install
pnputil.exe /scan-devices
Write-Output "disks"
Get-Disk | Where-Object IsOffline | Set-Disk -IsOffline $false
Get-Disk | Where-Object IsReadOnly | Set-Disk -IsReadOnly $false
Write-Output "remote desktop"
Enable-NetFirewallRule -Group "@FirewallAPI.dll,-28752"
"""
_NETWORK = """Write-Output "network"
for ($try = 0; $try -lt 60; $try++) {{
    $nics = @(Get-NetAdapter -Physical | Where-Object InterfaceDescription -like "*VirtIO*" |
        Sort-Object {{ ($_ | Get-NetAdapterHardwareInfo).Slot }})
    if ($nics.Count -ge {count}) {{ break }}
    Start-Sleep -Seconds 2
}}
"""
_TAIL = r"""Write-Output "done"
sc.exe delete v2s-first-boot
Stop-Transcript
"""


def first_boot_script(
    network: Sequence[StaticAddress | None], *, products: Sequence[str], services: Sequence[str]
) -> str:
    """The PowerShell script. network: per NIC in order of its slot, None for DHCP.

    products: product codes of VMware Tools. services: of VMware's that are left to delete.
    """
    lines = [_HEAD, _NETWORK.format(count=max(1, len(network)))]
    for index, wanted in enumerate(network):
        lines += [f"$nic = $nics[{index}].ifIndex\n", *(_static(wanted) if wanted else _DHCP)]
    lines += _without_tools(products, services)
    return "".join([*lines, _TAIL]).replace("\n", "\r\n")


_DHCP = (
    "Set-NetIPInterface -InterfaceIndex $nic -Dhcp Enabled\n",
    "Set-DnsClientServerAddress -InterfaceIndex $nic -ResetServerAddresses\n",
)


def _static(wanted: StaticAddress) -> list[str]:
    lines = [
        "Set-NetIPInterface -InterfaceIndex $nic -AddressFamily IPv4 -Dhcp Disabled\n",
        "Remove-NetIPAddress -InterfaceIndex $nic -AddressFamily IPv4 -Confirm:$false\n",
    ]
    for place, address in enumerate(wanted.addresses):
        host, _, prefix = address.partition("/")
        gateway = f" -DefaultGateway {wanted.gateway}" if place == 0 and is_address(wanted.gateway) else ""
        lines.append(
            f"New-NetIPAddress -InterfaceIndex $nic -IPAddress {host} -PrefixLength {prefix}{gateway}\n"
        )
    servers = ",".join(f'"{each}"' for each in wanted.nameservers if is_address(each))
    if servers:
        lines.append(f"Set-DnsClientServerAddress -InterfaceIndex $nic -ServerAddresses {servers}\n")
    return lines


def _without_tools(products: Sequence[str], services: Sequence[str]) -> list[str]:
    """The package is asked to leave first; away from VMware its installer may refuse, so the rest follows."""
    folder = r"$env:ProgramFiles\VMware\VMware Tools"
    uninstall = 'Start-Process msiexec.exe -Wait -ArgumentList "/x {} /qn /norestart"\n'
    return [
        'Write-Output "VMware Tools"\n',
        *(uninstall.format(code) for code in products if _PRODUCT_CODE.fullmatch(code)),
        *(f"sc.exe delete {name}\n" for name in services if _SERVICE_NAME.fullmatch(name)),
        f'Remove-Item -Recurse -Force -ErrorAction SilentlyContinue "{folder}"\n',
    ]


def plan_first_boot(system_root: str, control_set: str, script: str) -> tuple[Change, RegistryEdit]:
    """The script on the disk and the service that starts it."""
    path = f"{system_root}/{FOLDER}/first-boot.ps1"
    shell = r"%SystemRoot%\System32\WindowsPowerShell\v1.0\powershell.exe"
    run = rf'{shell} -NoProfile -ExecutionPolicy Bypass -File "%SystemRoot%\{FOLDER}\first-boot.ps1"'
    service = RegistryEdit(
        "SYSTEM",
        rf"{control_set}\Services\{SERVICE}",
        (
            number("Type", _OWN_PROCESS),
            number("Start", _AUTOMATIC),
            number("ErrorControl", _IGNORE),
            text("DisplayName", "First boot after a migration by v2s"),
            text("ObjectName", "LocalSystem"),
            text("ImagePath", rf'%SystemRoot%\System32\cmd.exe /c start "v2s" /b {run}', expand=True),
        ),
        _REASON,
    )
    return Change(ChangeKind.WRITE, path, _REASON, content=script.encode("utf-8")), service
