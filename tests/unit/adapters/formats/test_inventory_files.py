"""Inventories in and out, and the cache."""

import csv
import io
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from v2s_tui.adapters.formats.inventory_files import (
    inventory_text,
    load_cache,
    read_inventory,
    save_cache,
)
from v2s_tui.domain.errors import InventoryFileError
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.source.vm import (
    Disk,
    DiskBacking,
    Firmware,
    GuestFilesystem,
    Nic,
    PowerState,
    Snapshot,
    Vm,
)
from v2s_tui.domain.units import GIB

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FULL = Vm(
    moref="vm-1",
    name="010",
    instance_uuid="5012-a",
    folder="/DC1/[prod] é",
    power_state=PowerState.ON,
    cpu_count=4,
    memory_mb=8192,
    guest_id="debian12_64Guest",
    firmware=Firmware.EFI,
    disks=(
        Disk(2000, "Hard disk 1", 40 * GIB, "ds1", thin=True),
        Disk(2001, "d2", GIB, backing=DiskBacking.RDM_VIRTUAL),
    ),
    nics=(
        Nic(
            4000, "Network adapter 1", "00:50:56:00:00:01", "VM Network", ip_addresses=("10.0.0.5", "fe80::1")
        ),
    ),
    snapshots=(Snapshot("snapshot-1", "before", NOW, 2),),
    tags=("env/prod", "web"),
    custom_attributes={"owner": "ops"},
    committed_bytes=10 * GIB,
    secure_boot=False,
    guest_filesystems=(GuestFilesystem("/", GIB, 1),),
)
INVENTORY = Inventory(
    (FULL, Vm("vm-2", "=cmd|x", readable=False)), "vc.example.com", NOW, ("vm-9 cannot be read",)
)


@pytest.mark.parametrize("ending", ["json", "yaml"])
def test_nothing_is_lost(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"inventory.{ending}"
    path.write_text(inventory_text(INVENTORY, ending), encoding="utf-8")
    found = read_inventory(path)
    assert found == INVENTORY
    assert found.vms[0].custom_attributes == {"owner": "ops"}


def test_csv_has_one_row_per_vm_and_no_formulas() -> None:
    rows = list(csv.DictReader(io.StringIO(inventory_text(INVENTORY, "csv"))))
    assert [row["name"] for row in rows] == ["010", "'=cmd|x"]
    assert (rows[0]["total_disk_gib"], rows[0]["os"], rows[0]["tags"]) == ("41.0", "linux", "env/prod web")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.json", "{", "not JSON"),
        ("a.json", "[]", "not an inventory"),
        ("a.json", '{"version": 1, "vms": []}', "missing"),
        ("a.json", '{"version": 1, "taken_at": "2026-03-01T00:00:00Z", "vms": [{"name": 3}]}', "0.moref"),
        ("a.yaml", "version: 9\n", "not an inventory"),
        ("a.yaml", "a: [\n", "a.yaml:2"),
        ("a.csv", "name\n", "neither"),
    ],
)
def test_files_that_are_no_inventory(tmp_path: Path, name: str, text: str, says: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InventoryFileError) as caught:
        read_inventory(path)
    assert says in str(caught.value) or says in (caught.value.position.key or "")
    with pytest.raises(InventoryFileError):
        read_inventory(tmp_path / "none.json")


def test_the_cache_is_private_and_forgiving(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "inventory.json"
    assert load_cache(path) is None
    save_cache(INVENTORY, path)
    assert path.stat().st_mode & 0o777 == 0o600
    found = load_cache(path, source="vc.example.com")
    assert found == INVENTORY
    assert load_cache(path, source="other.example.com") is None
    path.write_text("{broken", encoding="utf-8")
    assert load_cache(path) is None
    assert [each.name for each in path.parent.iterdir()] == ["inventory.json"]


def test_ten_thousand_vms_are_cached_quickly(tmp_path: Path) -> None:
    many = Inventory((FULL,) * 10_000, "vc", NOW)
    begin = time.process_time()
    save_cache(many, tmp_path / "c.json")
    assert load_cache(tmp_path / "c.json") is not None
    assert time.process_time() - begin < 5
