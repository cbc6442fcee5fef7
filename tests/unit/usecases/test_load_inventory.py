"""The listing with its details, and the one kept for the next start."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from fakes.plans import vm_named

from v2s_tui.config.settings import Settings, VmwareSettings
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.source.vm import Vm
from v2s_tui.usecases.load_inventory import kept_inventory, load_inventory
from v2s_tui.usecases.services import Services

LISTED = Inventory((Vm("vm-a", "a"), Vm("vm-gone", "gone")), "vc", datetime(2026, 3, 1, tzinfo=UTC), ("x",))


def services(work_dir: Path, *, vcenter: str = "vc.example.com") -> Services:
    source = SimpleNamespace(inventory=lambda on_page: LISTED, with_details=lambda vms: (vm_named("a"),))
    settings = Settings(vmware=VmwareSettings(vcenter=vcenter))
    return cast(Services, SimpleNamespace(source=lambda: source, work_dir=work_dir, settings=settings))


def test_details_replace_list_rows_and_a_vm_that_went_meanwhile_stays_listed(tmp_path: Path) -> None:
    found = load_inventory(services(tmp_path))
    assert found.vms == (vm_named("a"), Vm("vm-gone", "gone"))
    assert (found.source, found.unreadable) == ("vc", ("x",))


def test_the_full_listing_is_kept_for_its_own_vcenter(tmp_path: Path) -> None:
    assert kept_inventory(services(tmp_path)) is None
    load_inventory(services(tmp_path), details=False)
    assert kept_inventory(services(tmp_path)) is None
    full = load_inventory(services(tmp_path))
    assert kept_inventory(services(tmp_path)) == full
    assert kept_inventory(services(tmp_path, vcenter="other.example.com")) is None


def test_a_folder_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    assert len(load_inventory(services(blocked))) == 2
