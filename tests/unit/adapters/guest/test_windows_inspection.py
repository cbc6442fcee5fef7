"""What forbids changing a Windows offline, decided while its volumes are looked at."""

import base64
from collections.abc import Sequence
from typing import Any, cast

import pytest

from v2s_tui.adapters.guest.session import GuestSession
from v2s_tui.adapters.guest.windows.inspection import BITLOCKER, inspect_windows, missing_values
from v2s_tui.adapters.guest.windows.plan import describe_windows, plan_windows
from v2s_tui.adapters.guest.windows.planner import windows_refusals
from v2s_tui.adapters.guest.windows.registry import RegistryEdit, number, text
from v2s_tui.adapters.guest.windows.volumes import NTFS_JOURNAL, WindowsDisk
from v2s_tui.domain.errors import ToolError
from v2s_tui.domain.guest.facts import GuestFilesystem
from v2s_tui.domain.guest.network import ONE_DHCP_NIC

CONFIG = "/Windows/System32/config"
CLEAN, DIRTY = b"regf" + bytes(8), b"regf" + b"\1\0\0\0" + b"\2\0\0\0"
ENCRYPTED = GuestFilesystem("/dev/sda3", "BitLocker", disk_index=0, partition=3)
SYSTEM = GuestFilesystem("/dev/sda2", "ntfs", disk_index=0, partition=2)
RECOVERY = GuestFilesystem("/dev/sda4", "ntfs", disk_index=0, partition=4)
VERSION = {
    "ProductName": ["Windows Server 2022 Datacenter"],
    "CurrentBuildNumber": ["20348"],
    "InstallationType": ["Server"],
}


def key(values: dict[str, Any]) -> dict[str, Any]:
    """A registry key as the worker hands it over: strings by name."""
    edits = [text(name, value) for name, (value,) in values.items()]
    return {"values": {e.name: [int(e.kind), base64.b64encode(e.data).decode()] for e in edits}, "keys": []}


class Volumes:
    """A session over volumes in memory: device -> files, None for one that cannot be mounted."""

    def __init__(self, volumes: dict[str, dict[str, bytes] | None]) -> None:
        self.volumes, self.mounted = volumes, ""

    def filesystems(self) -> tuple[tuple[GuestFilesystem, ...], tuple[str, ...]]:
        return (SYSTEM,), ()

    def mount(self, device: str, mountpoint: str) -> None:
        if self.volumes[device] is None:
            raise ToolError("libguestfs could not mount: unclean", command="", exit_code=1, stderr_tail="")
        self.mounted = device

    def unmount_all(self) -> None:
        self.mounted = ""

    def real_case(self, path: str) -> str | None:
        return path if path in (self.volumes[self.mounted] or {}) else None

    def head(self, path: str, length: int) -> bytes:
        return (self.volumes[self.mounted] or {})[path][:length]

    def hive_read(self, path: str, keys: Sequence[str]) -> list[dict[str, Any] | None]:
        return [key(VERSION) if each.endswith(r"Windows NT\CurrentVersion") else None for each in keys]


def windows(**extra: bytes) -> dict[str, bytes]:
    files = {f"{CONFIG}/SYSTEM": CLEAN, f"{CONFIG}/SOFTWARE": CLEAN}
    return files | {f"/{name.replace('_', '.')}": content for name, content in extra.items()}


def session_of(volumes: dict[str, dict[str, bytes] | None]) -> GuestSession:
    return cast("GuestSession", Volumes(volumes))


def refused(filesystems: Sequence[GuestFilesystem], volumes: dict[str, dict[str, bytes] | None]) -> list[str]:
    found = inspect_windows(session_of(volumes), filesystems, has_esp=True)
    assert found is not None
    return [each.code for each in windows_refusals(found[0])]


def test_an_encrypted_system_is_refused_by_name_and_with_the_way_out() -> None:
    """Only the recovery partition can be read then, and it is no Windows."""
    assert refused([ENCRYPTED, RECOVERY], {"/dev/sda4": {"/Recovery/winre.wim": b""}}) == ["bitlocker"]
    assert "turn BitLocker off" in BITLOCKER.instead


def test_an_encrypted_data_volume_forbids_nothing() -> None:
    assert refused([ENCRYPTED, SYSTEM], {"/dev/sda2": windows()}) == []


@pytest.mark.parametrize(
    ("volume", "code"),
    [
        (windows(hiberfil_sys=b"HIBR"), "hibernated"),
        (windows(hiberfil_sys=b"\0\0\0\0"), ""),
        (windows() | {f"{CONFIG}/SOFTWARE": DIRTY}, "dirty-registry"),
        (windows() | {f"{CONFIG}/SYSTEM": b"none"}, "dirty-registry"),
        (None, "ntfs-dirty"),
    ],
)
def test_what_windows_left_open_is_refused(volume: dict[str, bytes] | None, code: str) -> None:
    assert refused([SYSTEM], {"/dev/sda2": volume}) == ([code] if code else [])


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ({"Current": 1, "Default": 2}, "ControlSet002"),
        ({"Current": 3}, "ControlSet003"),
        ({}, "ControlSet001"),
    ],
)
def test_the_control_set_of_the_next_boot_is_changed(select: dict[str, int], expected: str) -> None:
    """A driver that is registered in another one is not there when the disk is looked for."""

    class Selecting(Volumes):
        def hive_read(self, path: str, keys: Sequence[str]) -> list[dict[str, Any] | None]:
            values = [number(name, value) for name, value in select.items()]
            chosen = {e.name: [int(e.kind), base64.b64encode(e.data).decode()] for e in values}
            found = super().hive_read(path, keys)
            return [
                {"values": chosen, "keys": []} if key == "Select" else each
                for key, each in zip(keys, found, strict=True)
            ]

    session = cast("GuestSession", Selecting({"/dev/sda2": windows()}))
    found = inspect_windows(session, [SYSTEM], has_esp=True)
    assert found is not None
    assert found[0].control_set == expected


def test_no_windows_is_none() -> None:
    assert inspect_windows(session_of({"/dev/sda2": {}}), [SYSTEM], has_esp=True) is None


def test_the_plan_of_a_refused_windows_says_what_it_is_and_why() -> None:
    disks = [WindowsDisk(0, (NTFS_JOURNAL,)), WindowsDisk(0, (NTFS_JOURNAL,))]
    plan = plan_windows(session_of({"/dev/sda2": windows()}), disks, None, ONE_DHCP_NIC)
    assert plan is not None
    assert plan.found[0] == ("system", "Windows Server 2022 Datacenter, build 20348, unknown architecture")
    assert [each.code for each in plan.refusals] == ["ntfs-journal", "windows-bios"]
    assert plan.steps == ()


def test_a_windows_that_cannot_be_read_is_described_as_such() -> None:
    found = inspect_windows(session_of({}), [ENCRYPTED], has_esp=True)
    assert found is not None
    assert describe_windows(found[0]) == (("system", "a Windows that cannot be read"), ("firmware", "UEFI"))


def test_values_that_are_there_are_not_planned_again() -> None:
    there = RegistryEdit("SOFTWARE", r"Windows NT\CurrentVersion", (text("CurrentBuildNumber", "20348"),), "")
    other = RegistryEdit("SOFTWARE", r"Windows NT\CurrentVersion", (number("CurrentBuildNumber", 1),), "")
    absent = RegistryEdit("SOFTWARE", r"Other", (text("", "x"),), "")
    assert missing_values(session_of({}), "SOFTWARE", [there, other, absent]) == [other, absent]
    assert missing_values(session_of({}), "SOFTWARE", []) == []
