"""Which URL of a lease is which disk: a wrong guess would swap disks."""

from pathlib import Path

import pytest
from vsphere_xml import envelope

from v2s_tui.adapters.vsphere.answer import read_body
from v2s_tui.adapters.vsphere.lease_devices import DeviceUrl, device_urls, match_disks
from v2s_tui.domain.errors import LeaseFailed
from v2s_tui.domain.source.vm import Disk
from v2s_tui.lab.tls import make_certificate


def disk(key: int, controller: str, bus: int, unit: int) -> Disk:
    return Disk(key, f"Hard disk {key}", 1024, controller=controller, controller_bus=bus, unit_number=unit)


DISKS = [disk(2000, "lsilogic", 0, 0), disk(2001, "lsilogic", 0, 1), disk(2016, "pvscsi", 1, 0)]


def offered(*keys: str) -> list[DeviceUrl]:
    return [DeviceUrl(key, f"https://host/nfc/{key}") for key in keys]


def matched(*keys: str) -> list[int]:
    return [found.key for _, found in match_disks(offered(*keys), DISKS)]


def test_keys_by_controller_bus_and_unit() -> None:
    keys = (
        "/vm-47/ParaVirtualSCSIController1:0",
        "/vm-47/VirtualLsiLogicController0:1",
        "/vm-47/VirtualLsiLogicController0:0",
    )
    assert matched(*keys) == [2016, 2001, 2000]


def test_keys_by_number() -> None:
    assert matched("/vm-47/disk:1", "/vm-47/disk:2", "/vm-47/disk:0") == [2001, 2016, 2000]


def test_a_lease_may_offer_fewer_disks_than_the_vm_has() -> None:
    """Independent disks are not part of a snapshot."""
    assert matched("/vm-47/VirtualLsiLogicController0:1") == [2001]


def test_strange_keys_go_by_order_when_the_number_fits() -> None:
    assert matched("a", "b", "c") == [2000, 2001, 2016]


@pytest.mark.parametrize(
    "keys",
    [
        ("a", "b"),
        ("/vm-47/disk:0", "b", "c"),
        ("/vm-47/disk:0", "/vm-47/disk:0", "/vm-47/disk:1"),
        ("/vm-47/disk:7",),
        ("/vm-47/VirtualLsiLogicController3:0",),
    ],
)
def test_what_cannot_be_told_is_an_error(keys: tuple[str, ...]) -> None:
    with pytest.raises(LeaseFailed, match="not in the VM's hardware"):
        match_disks(offered(*keys), DISKS)


def test_files_that_are_no_disks_are_left_out() -> None:
    urls = [*offered("/vm-47/disk:0"), DeviceUrl("/vm-47/nvram", "https://host/nfc/nvram", disk=False)]
    assert [found.key for _, found in match_disks(urls, DISKS)] == [2000]


def test_a_star_host_becomes_the_one_we_dialled() -> None:
    body = (
        "<R><deviceUrl><key>k</key><url>https://*/nfc/52/disk-0.vmdk</url><sslThumbprint>AA:BB</sslThumbprint>"
        "<disk>true</disk></deviceUrl><deviceUrl><key>n</key><url>https://esxi-1/nfc/52/nvram</url>"
        "<disk>false</disk></deviceUrl></R>"
    )
    value = {"HttpNfcLeaseDeviceUrl": read_body(envelope(body))[1]["deviceUrl"]}
    assert device_urls(value, dialled="[::1]:8443") == (
        DeviceUrl("k", "https://[::1]:8443/nfc/52/disk-0.vmdk", "AA:BB", disk=True),
        DeviceUrl("n", "https://esxi-1/nfc/52/nvram", "", disk=False),
    )


def test_the_thumbprint_is_taken_from_the_certificate_where_it_is_left_out(tmp_path: Path) -> None:
    files = make_certificate(tmp_path)
    url = {"key": "k", "url": "https://h/x", "sslCertificate": files.cert_file.read_text(), "disk": "true"}
    assert device_urls({"x": url}, dialled="v:443")[0].thumbprint == files.thumbprint_sha1
    odd = {**url, "sslCertificate": "none"}
    assert device_urls({"x": odd}, dialled="v:443")[0].thumbprint == ""
