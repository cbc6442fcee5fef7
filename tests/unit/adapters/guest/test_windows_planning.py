"""What would be changed in Windows: drivers chosen, registry values, refusals."""

import struct
from dataclasses import replace
from pathlib import Path

import pytest

from v2s_tui.adapters.guest.windows.drivers import driver_folders, load_drivers
from v2s_tui.adapters.guest.windows.iso9660 import IsoDamaged, list_iso, read_iso
from v2s_tui.adapters.guest.windows.planner import (
    UNPROVEN,
    WindowsFacts,
    plan_clean_tools,
    plan_inject_virtio,
    windows_refusals,
)
from v2s_tui.adapters.guest.windows.registry import RegistryEdit, as_text
from v2s_tui.domain.errors import InputError

FACTS = WindowsFacts(
    product="Windows Server 2019 Standard",
    build=17763,
    server=True,
    architecture="amd64",
    control_set="ControlSet001",
    system_root="/Windows",
    firmware="uefi",
    vmware_services=(("VMTools", 2), ("vmvss", 4)),
    device_path=r"%SystemRoot%\inf",
)
FILES = {
    "vioscsi/2k19/amd64/vioscsi.inf": b"[Version]",
    "vioscsi/2k19/amd64/vioscsi.sys": b"MZ scsi",
    "vioscsi/2k19/amd64/vioscsi.cat": b"cat",
    "vioscsi/2k19/amd64/vioscsi.pdb": b"debug symbols",
    "vioscsi/w10/x86/vioscsi.sys": b"MZ 32 bit",
    "NetKVM/2k19/amd64/netkvm.inf": b"[Version]",
    "NetKVM/2k19/amd64/netkvm.sys": b"MZ net",
    "NetKVM/2k19/amd64/netkvmp.exe": b"MZ tool",
}


def virtio_win(folder: Path, files: dict[str, bytes] = FILES) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def values_of(edits: tuple[RegistryEdit, ...], key: str) -> dict[str, bytes]:
    return {value.name: value.data for edit in edits if edit.key == key for value in edit.values}


def test_the_boot_driver_is_bound_before_the_disk_is_needed(tmp_path: Path) -> None:
    plan = plan_inject_virtio(FACTS, load_drivers(virtio_win(tmp_path), build=17763, server=True))
    service = values_of(plan.registry, r"ControlSet001\Services\vioscsi")
    assert (service["Start"], service["Type"]) == (struct.pack("<I", 0), struct.pack("<I", 1))
    assert as_text(service["ImagePath"]) == r"System32\drivers\vioscsi.sys"
    devices = [edit.key for edit in plan.registry if edit.key.startswith(r"DriverDatabase\DeviceIds\PCI")]
    assert any("DEV_1048" in key for key in devices)
    assert any("DEV_1004" in key for key in devices)
    files = {change.path: change.content for change in plan.files}
    assert files["/Windows/System32/drivers/vioscsi.sys"] == b"MZ scsi"
    assert files["/Windows/v2s-drivers/netkvm/netkvmp.exe"] == b"MZ tool"
    assert not any(path.endswith(".pdb") for path in files)
    assert plan.warnings == (UNPROVEN,)


def test_the_staging_folder_joins_the_device_path_once(tmp_path: Path) -> None:
    drivers = load_drivers(virtio_win(tmp_path), build=17763, server=True)
    key = r"Microsoft\Windows\CurrentVersion"
    once = as_text(values_of(plan_inject_virtio(FACTS, drivers).registry, key)["DevicePath"])
    again = plan_inject_virtio(replace(FACTS, device_path=once), drivers)
    assert once == r"%SystemRoot%\inf;%SystemRoot%\v2s-drivers"
    assert as_text(values_of(again.registry, key)["DevicePath"]) == once


def test_only_services_that_run_are_disabled() -> None:
    assert [edit.key for edit in plan_clean_tools(FACTS).registry] == [r"ControlSet001\Services\VMTools"]


def test_what_is_refused_and_what_the_operator_is_told() -> None:
    assert windows_refusals(FACTS) == ()
    (bios,) = windows_refusals(replace(FACTS, firmware="bios"))
    assert "mbr2gpt /convert /allowFullOS" in bios.instead
    assert windows_refusals(replace(FACTS, firmware="bios"), experimental=True) == ()
    codes = {each.code for each in windows_refusals(replace(FACTS, architecture="x86", build=7601))}
    assert codes == {"windows-32-bit", "windows-too-old"}


@pytest.mark.parametrize(
    ("build", "server", "first"),
    [
        (20348, True, "2k22"),
        (17763, True, "2k19"),
        (14393, True, "2k16"),
        (22631, False, "w11"),
        (19045, False, "w10"),
    ],
)
def test_driver_folders_by_build(build: int, server: bool, first: str) -> None:
    assert driver_folders(build, server=server)[0] == first


def test_a_missing_driver_is_the_operators_to_fix(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="NetKVM"):
        load_drivers(
            virtio_win(tmp_path, {k: v for k, v in FILES.items() if "Net" not in k}), build=17763, server=True
        )
    with pytest.raises(InputError, match="neither a folder nor an ISO"):
        load_drivers(tmp_path / "nothing.iso", build=17763, server=True)


def iso_with(files: dict[str, bytes]) -> bytes:
    """A Joliet image: one supplementary descriptor, folders and files, a sector each."""
    sectors: dict[int, bytes] = {}
    free = iter(range(20, 2000))

    def record(name: bytes, extent: int, size: int, *, folder: bool) -> bytes:
        length = 33 + len(name) + (len(name) + 1) % 2
        head = struct.pack(
            "<BBI4xI4x7xBBBH2xB", length, 0, extent, size, 2 if folder else 0, 0, 0, 1, len(name)
        )
        return (head + name).ljust(length, b"\0")

    def folder(tree: dict[str, object]) -> int:
        here = next(free)
        body = record(b"\0", here, 2048, folder=True) + record(b"\1", here, 2048, folder=True)
        for name, value in sorted(tree.items()):
            encoded = name.encode("utf-16-be")
            if isinstance(value, dict):
                body += record(encoded, folder(value), 2048, folder=True)
            else:
                place = next(free)
                assert isinstance(value, bytes)
                sectors[place] = value
                body += record((name + ";1").encode("utf-16-be"), place, len(value), folder=False)
        sectors[here] = body
        return here

    tree: dict[str, object] = {}
    for path, content in files.items():
        *parents, name = path.split("/")
        below: dict[str, object] = tree
        for parent in parents:
            child = below.setdefault(parent, {})
            assert isinstance(child, dict)
            below = child
        below[name] = content
    root = folder(tree)
    descriptor = bytearray(2048)
    descriptor[0:6] = b"\x02CD001"
    descriptor[88:91] = b"%/E"
    struct.pack_into("<I4xI", descriptor, 158, root, 2048)
    sectors[16], sectors[17] = bytes(descriptor), b"\xffCD001"
    return b"".join(sectors.get(number, b"").ljust(2048, b"\0") for number in range(max(sectors) + 1))


def test_an_iso_is_as_good_as_a_folder(tmp_path: Path) -> None:
    image = tmp_path / "virtio-win.iso"
    image.write_bytes(iso_with(FILES))
    listed = list_iso(image)
    assert {name: read_iso(image, file) for name, file in listed.items()} == FILES
    from_iso = load_drivers(image, build=17763, server=True)
    assert from_iso == load_drivers(virtio_win(tmp_path / "folder"), build=17763, server=True)


def test_damaged_images_are_refused(tmp_path: Path) -> None:
    image = tmp_path / "bad.iso"
    image.write_bytes(b"x" * 100_000)
    with pytest.raises(IsoDamaged):
        list_iso(image)
    whole = bytearray(iso_with({"a": b"1"}))
    struct.pack_into("<I", whole, 16 * 2048 + 158, 16)
    image.write_bytes(bytes(whole))
    with pytest.raises(IsoDamaged):
        list_iso(image)
