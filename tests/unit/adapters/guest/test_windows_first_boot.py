"""What Windows does at its first boot, what its boot store and its network are told, text by text."""

import struct
from dataclasses import replace

import pytest
from test_windows_planning import FACTS, FILES, values_of, virtio_win

from v2s_tui.adapters.guest.windows.boot_store import BOOT_MANAGER, plan_serial_console
from v2s_tui.adapters.guest.windows.drivers import load_drivers
from v2s_tui.adapters.guest.windows.first_boot import first_boot_script, plan_first_boot
from v2s_tui.adapters.guest.windows.network import StaticAddress, plan_network, static_address
from v2s_tui.adapters.guest.windows.planner import plan_inject_virtio
from v2s_tui.adapters.guest.windows.registry import as_text
from v2s_tui.domain.guest.network import NicMode, NicPlan

KEEP, DHCP = NicPlan(NicMode.KEEP), NicPlan(NicMode.DHCP)
OFFICE = StaticAddress(("10.1.2.3/24",), "10.1.2.1", ("10.1.0.53", "10.1.0.54"))
LOADER = "{6c1d7a52-0c41-11ee-a5b4-005056000001}"


def test_an_address_is_read_from_the_forms_the_registry_has() -> None:
    read = static_address(("10.1.2.3",), ("255.255.255.0",), ("10.1.2.1",), "10.1.0.53,10.1.0.54")
    assert read == OFFICE
    assert static_address(("0.0.0.0",), ("0.0.0.0",), (), "") is None  # noqa: S104 - none in Windows
    assert static_address((), (), ("10.0.0.1",), "10.0.0.2") is None


@pytest.mark.parametrize("evil", ["10.0.0.1; calc.exe", "$(calc)", "fe80::1%`calc`", "a" * 5000, "999.1.1.1"])
def test_what_is_no_address_never_reaches_the_script(evil: str) -> None:
    assert static_address((evil,), ("255.255.255.0",), (), "") is None
    read = static_address(("10.0.0.5",), ("255.0.0.0",), (evil,), f"{evil},10.0.0.2")
    assert read == StaticAddress(("10.0.0.5/8",), "", ("10.0.0.2",))
    named = StaticAddress(("10.0.0.5/8",), evil, (evil,))
    script = first_boot_script([named], products=[evil], services=[evil + ";"])
    assert evil not in script


def test_nics_that_keep_take_the_static_addresses_in_order() -> None:
    second = StaticAddress(("192.168.0.9/16",))
    assert plan_network([DHCP, KEEP, KEEP], [OFFICE, second]).wanted == (None, OFFICE, second)
    lost = plan_network([DHCP], [OFFICE])
    assert lost.wanted == (None,)
    assert "10.1.2.3/24" in lost.warnings[0]
    given = NicPlan(NicMode.STATIC, addresses=("172.16.0.4/22",), gateway="172.16.0.1")
    assert plan_network([given], []).wanted == (StaticAddress(("172.16.0.4/22",), "172.16.0.1"),)


def test_the_script_line_by_line() -> None:
    code = "{9B2C3F5E-6D0B-4A38-9A6B-0D6E1B7F4C11}"
    script = first_boot_script([None, OFFICE], products=[code], services=["VMTools"])
    lines = script.split("\r\n")
    assert "\n" not in script.replace("\r\n", "")
    assert lines[1] == 'Start-Transcript -Path "$env:SystemRoot\\v2s\\first-boot.log" -Append'
    network = lines[lines.index("$nic = $nics[0].ifIndex") : lines.index('Write-Output "VMware Tools"')]
    assert network == [
        "$nic = $nics[0].ifIndex",
        "Set-NetIPInterface -InterfaceIndex $nic -Dhcp Enabled",
        "Set-DnsClientServerAddress -InterfaceIndex $nic -ResetServerAddresses",
        "$nic = $nics[1].ifIndex",
        "Set-NetIPInterface -InterfaceIndex $nic -AddressFamily IPv4 -Dhcp Disabled",
        "Remove-NetIPAddress -InterfaceIndex $nic -AddressFamily IPv4 -Confirm:$false",
        "New-NetIPAddress -InterfaceIndex $nic -IPAddress 10.1.2.3 -PrefixLength 24 -DefaultGateway 10.1.2.1",
        'Set-DnsClientServerAddress -InterfaceIndex $nic -ServerAddresses "10.1.0.53","10.1.0.54"',
    ]
    assert f'Start-Process msiexec.exe -Wait -ArgumentList "/x {code} /qn /norestart"' in lines
    assert "sc.exe delete VMTools" in lines
    assert lines[-4:] == ['Write-Output "done"', "sc.exe delete v2s-first-boot", "Stop-Transcript", ""]
    assert script.count("{") == script.count("}")


def test_a_service_starts_the_script_before_anybody_logs_on() -> None:
    change, service = plan_first_boot("/WINDOWS", "ControlSet001", "script")
    assert (change.path, change.content) == ("/WINDOWS/v2s/first-boot.ps1", b"script")
    values = values_of((service,), r"ControlSet001\Services\v2s-first-boot")
    assert struct.unpack("<I", values["Start"]) == (2,)
    assert as_text(values["ObjectName"]) == "LocalSystem"
    assert as_text(values["ImagePath"]).endswith(r'-File "%SystemRoot%\v2s\first-boot.ps1"')


def test_the_plan_has_the_script_with_what_inspection_found(tmp_path) -> None:  # type: ignore[no-untyped-def]
    drivers = load_drivers(virtio_win(tmp_path, FILES), build=17763, server=True)
    facts = replace(FACTS, addresses=(OFFICE,))
    plan = plan_inject_virtio(facts, drivers, (KEEP,))
    (script,) = [each.content.decode() for each in plan.files if each.path.endswith("first-boot.ps1")]
    assert "-IPAddress 10.1.2.3 " in script
    assert "sc.exe delete vmvss" in script
    assert "not taken over" in plan_inject_virtio(facts, drivers, (DHCP,)).warnings[1]


def test_ems_is_switched_on_in_every_loader_and_in_the_boot_manager() -> None:
    types = {
        BOOT_MANAGER: 0x10100002,
        LOADER: 0x10200003,
        "{b2721d73-1db4-4c62-bf78-c548a880142d}": 0x10200005,
    }
    edits = {edit.key: edit.values[0].data for edit in plan_serial_console(types)}
    assert edits[rf"Objects\{BOOT_MANAGER}\Elements\16000020"] == b"\x01"
    assert edits[rf"Objects\{LOADER}\Elements\260000b0"] == b"\x01"
    settings = r"Objects\{0ce4991b-e6b3-4b16-b23c-5e0d9250e5d9}\Elements"
    assert struct.unpack("<Q", edits[rf"{settings}\15000023"]) == (115_200,)
    assert not any("b2721d73" in key for key in edits)
    assert plan_serial_console({BOOT_MANAGER: 0x10100002}) == ()
