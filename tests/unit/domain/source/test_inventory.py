"""Naming a VM without doubt, and what is derived from its facts."""

from datetime import UTC, datetime

import pytest

from v2s_tui.domain.source.guest_os import OsFamily, os_family
from v2s_tui.domain.source.inventory import Inventory
from v2s_tui.domain.source.vm import Disk, Nic, Vm
from v2s_tui.domain.units import GIB

FIRST = Vm("vm-1", "web", folder="/DC1/A")
SECOND = Vm("vm-2", "web", folder="/DC1/B")
ALONE = Vm("vm-3", "db", folder="/DC1/B")
INVENTORY = Inventory((FIRST, SECOND, ALONE), "vc", datetime(2026, 1, 1, tzinfo=UTC))


def test_two_vms_of_one_name_stay_two() -> None:
    assert INVENTORY.find("web") == (FIRST, SECOND)
    assert INVENTORY.find("/DC1/B/web") == (SECOND,)
    assert INVENTORY.find("nobody") == ()
    assert [INVENTORY.unambiguous_name(vm) for vm in INVENTORY] == ["/DC1/A/web", "/DC1/B/web", "db"]
    assert len(INVENTORY) == 3


def test_two_vms_of_one_path_stay_two() -> None:
    """As an account sees them that may look at VMs but not at their folders."""
    hidden = (Vm("vm-1", "web"), Vm("vm-2", "web"))
    inventory = Inventory(hidden, "vc", datetime(2026, 1, 1, tzinfo=UTC))
    assert inventory.find("/web") == hidden, "either may be meant"
    names = [inventory.unambiguous_name(vm) for vm in hidden]
    assert names == ["/web (vm-1)", "/web (vm-2)"]
    assert [inventory.find(name) for name in names] == [(vm,) for vm in hidden]


def test_datastores_and_port_groups_are_named_once_in_order() -> None:
    disks = tuple(Disk(2000 + n, "d", GIB, datastore=name) for n, name in enumerate(["b", "a", "b", ""]))
    nics = tuple(Nic(4000 + n, "n", "", port_group=name) for n, name in enumerate(["y", "x", "y", ""]))
    vm = Vm("vm-1", "a", disks=disks, nics=nics)
    assert (vm.datastores, vm.port_groups, vm.total_disk_gib) == (("b", "a"), ("y", "x"), 4.0)


@pytest.mark.parametrize(
    ("guest_id", "full_name", "family"),
    [
        ("windows2019srv_64Guest", "", OsFamily.WINDOWS),
        ("winNetEnterprise64Guest", "", OsFamily.WINDOWS),
        ("darwin19_64Guest", "", OsFamily.OTHER),
        ("freebsd13_64Guest", "", OsFamily.OTHER),
        ("other5xLinux64Guest", "", OsFamily.LINUX),
        ("rhel9_64Guest", "", OsFamily.LINUX),
        ("rockylinux_64Guest", "", OsFamily.LINUX),
        ("otherGuest64", "Debian GNU/Linux 12 (64-bit)", OsFamily.LINUX),
        ("", "Microsoft Windows Server 2022 (64-bit)", OsFamily.WINDOWS),
        ("", "", OsFamily.UNKNOWN),
        ("otherGuest", "", OsFamily.UNKNOWN),
    ],
)
def test_guest_families(guest_id: str, full_name: str, family: OsFamily) -> None:
    assert os_family(guest_id, full_name) is family
