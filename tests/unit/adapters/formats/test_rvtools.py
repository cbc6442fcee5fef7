"""RVTools exports of every kind give the same Inventory; damaged and dangerous files give one clear
message.
"""

import os
import random
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rvtools_exports import ALL, VINFO, csv_text, write_xlsx

from v2s_tui.adapters.formats.rvtools import read_rvtools
from v2s_tui.adapters.formats.rvtools_cells import folder_path, moment, plain_number
from v2s_tui.adapters.formats.xlsx_readers import column_number
from v2s_tui.domain.errors import InventoryFileError
from v2s_tui.domain.source.guest_os import OsFamily
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.source.vm import DiskBacking, Firmware, PowerState
from v2s_tui.domain.units import GIB, MIB


def exported(tmp_path: Path, kind: str) -> Path:
    if kind in {"xlsx", "inline"}:
        return write_xlsx(tmp_path / "export.xlsx", ALL, inline=kind == "inline")
    delimiter = ";" if kind == "zip;" else ","
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as file:
        for name, rows in ALL.items():
            file.writestr(f"RVTools/RVTools_tab{name}.csv", csv_text(rows, delimiter))
    return tmp_path / "export.zip"


@pytest.mark.parametrize("kind", ["xlsx", "inline", "zip,", "zip;"])
def test_every_kind_of_export_gives_the_same_facts(tmp_path: Path, kind: str) -> None:
    found = read_rvtools(exported(tmp_path, kind))
    assert found.taken_at == datetime(2026, 2, 19, 10, tzinfo=UTC)
    assert found.unreadable == ("vInfo row 5 has no VM name",)
    first, second = found.vms
    assert (first.path, second.path) == ("/DC1/Production/web-01", "/DC1/Old/web-01")
    assert (first.cpu_count, first.memory_mb, second.memory_mb) == (4, 8192, 4096)
    assert (first.power_state, first.firmware, second.firmware) == (
        PowerState.ON,
        Firmware.EFI,
        Firmware.BIOS,
    )
    assert (first.os_family, second.os_family) == (OsFamily.LINUX, OsFamily.WINDOWS)
    assert (first.committed_bytes, second.committed_bytes) == (20 * GIB, None)
    assert (first.change_tracking, second.change_tracking) == (True, False)
    assert [disk.capacity_bytes for disk in first.disks] == [40 * GIB, GIB]
    assert [disk.capacity_bytes for disk in second.disks] == [80 * GIB]
    rdm = first.disks[1]
    assert (rdm.backing, rdm.independent, rdm.shared, rdm.datastore) == (
        DiskBacking.RDM_PHYSICAL,
        True,
        True,
        "ds 9",
    )
    assert first.nics[0].ip_addresses == ("10.0.0.5", "10.0.0.6", "fe80::1")
    assert first.nics[0].mac_address == "00:50:56:aa:00:01"
    assert first.snapshots[0].created_at == datetime(2025, 12, 9, 12, tzinfo=UTC)
    assert (first.tools_status, first.tools_version) == ("toolsOk", "12352")
    assert first.guest_filesystems[0].free_bytes == 10 * MIB


def test_columns_may_stand_in_any_order_and_be_of_an_older_version(tmp_path: Path) -> None:
    order = list(range(len(VINFO[0])))
    random.Random(1).shuffle(order)
    sheets = {name: rows for name, rows in ALL.items() if name != "vInfo"}
    shuffled = [[row[index] for index in order] for row in VINFO]
    shuffled[0] = [str(name).replace("MiB", "MB").upper() for name in shuffled[0]]
    first = read_rvtools(write_xlsx(tmp_path / "a.xlsx", {"tabvInfo": shuffled} | sheets))
    again = read_rvtools(write_xlsx(tmp_path / "b.xlsx", ALL))
    assert first == replace_source(again, "a.xlsx")


def replace_source(inventory: Inventory, source: str) -> Inventory:
    return replace(inventory, source=source)


def test_vinfo_alone_is_enough_and_what_is_missing_is_said(tmp_path: Path) -> None:
    rows = [[*row, "Total disk capacity MiB" if n == 0 else 2048] for n, row in enumerate(VINFO)]
    path = tmp_path / "RVTools_tabvInfo.csv"
    path.write_text(csv_text(rows), encoding="utf-16")
    os.utime(path, (1_770_000_000, 1_770_000_000))
    found = read_rvtools(path)
    assert [disk.capacity_bytes for disk in found.vms[0].disks] == [2 * GIB]
    assert found.vms[0].datastores == ("ds1",)
    assert found.taken_at == datetime.fromtimestamp(1_770_000_000, tz=UTC)
    assert sum("is missing" in each for each in found.unreadable) == 4


def test_missing_sheets_and_columns_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(InventoryFileError) as caught:
        read_rvtools(write_xlsx(tmp_path / "a.xlsx", {"vDisk": ALL["vDisk"], "Sheet1": [["x"]]}))
    assert "vInfo is missing" in str(caught.value)
    assert "found: vDisk" in caught.value.hint
    with pytest.raises(InventoryFileError, match="no column cpus, memory"):
        read_rvtools(write_xlsx(tmp_path / "b.xlsx", {"vInfo": [["VM"], ["a"]]}))


def test_bombs_and_entities_are_refused(tmp_path: Path) -> None:
    huge = write_xlsx(tmp_path / "bomb.xlsx", ALL, extra={"xl/sharedStrings.xml": " " * (20 << 20)})
    with pytest.raises(InventoryFileError, match="unpacks to"):
        read_rvtools(huge)
    entity = '<!DOCTYPE w [<!ENTITY a "b"><!ENTITY c SYSTEM "file:///etc/passwd">]><workbook>&a;</workbook>'
    with pytest.raises(InventoryFileError, match="document type"):
        read_rvtools(write_xlsx(tmp_path / "xxe.xlsx", ALL, extra={"xl/workbook.xml": entity}))
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as file:
        for number in range(2100):
            file.writestr(f"{number}.csv", "")
    with pytest.raises(InventoryFileError, match="too much"):
        read_rvtools(tmp_path / "many.zip")


@pytest.mark.parametrize("name", ["a.xlsx", "a.zip", "a.csv", "a.txt"])
def test_files_that_are_no_export(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with pytest.raises(InventoryFileError):
        read_rvtools(path)
    path.write_bytes(b"\x00\x01nothing")
    with pytest.raises(InventoryFileError):
        read_rvtools(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("readme.txt", "x")
    with pytest.raises(InventoryFileError):
        read_rvtools(path)


def test_a_damaged_workbook_is_an_error_wherever_it_is_cut(tmp_path: Path) -> None:
    whole = write_xlsx(tmp_path / "a.xlsx", ALL).read_bytes()
    rng = random.Random(5)
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 30)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        (tmp_path / "b.xlsx").write_bytes(bytes(damaged[: rng.randint(len(damaged) // 2, len(damaged))]))
        try:
            read_rvtools(tmp_path / "b.xlsx")
        except InventoryFileError as err:
            assert err.position.file  # noqa: PT017 - some damage is harmless


def test_vspheres_own_vms_are_left_out(tmp_path: Path) -> None:
    agent = {"web-01": "vCLS (3)", "/DC1/vm/Production": "/DC1/vm/vCLS"}
    rows = [*VINFO[:2], [agent.get(str(cell), cell) for cell in VINFO[1]]]
    path = tmp_path / "vInfo.csv"
    path.write_text(csv_text(rows, ","), encoding="utf-8")
    assert [vm.name for vm in read_rvtools(path)] == ["web-01"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,234", 1234), ("1.234", 1234), ("1 234", 1234), ("1\u202f234", 1234), ("1234.5", 1234.5),
        ("1,234.5", 1234.5),
        ("1.234,5", 1234.5), ("1,234,567", 1234567), ("40960", 40960), ("-1", -1), ("", None), ("n/a",
        None), ("12a", None),
    ],
)  # fmt: skip
def test_numbers_in_every_notation(text: str, number: float | None) -> None:
    assert plain_number(text) == number


@given(st.integers(0, 10**9))
def test_whole_numbers_survive_every_grouping(value: int) -> None:
    for text in (str(value), f"{value:,}", f"{value:,}".replace(",", "."), f"{value:,}".replace(",", " ")):
        assert plain_number(text) == value


def test_dates_folders_and_cell_references() -> None:
    assert moment("2026/02/19 10:11:12") == datetime(2026, 2, 19, 10, 11, 12, tzinfo=UTC)
    assert moment("19/02/2026") is None
    assert moment("2026-13-45") is None
    assert folder_path("/DC1/vm/A/B", "DC1") == "/DC1/A/B"
    assert folder_path("vm", "DC1") == "/DC1"
    assert folder_path("", "DC1") == "/DC1"
    assert folder_path("Prod", "") == "/Prod"
    assert (column_number("A1"), column_number("AB7"), column_number("XFD1")) == (0, 27, 16383)
    for bad in ("1", "XFE1", "ZZZZ1"):
        with pytest.raises(ValueError, match="reference"):
            column_number(bad)
