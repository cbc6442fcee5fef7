"""From a VM at VMware to one that boots at Scaleway: the micro guest, and what must not boot."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from guest_rehearsals import (
    REQUEST,
    describe,
    guest_lock,
    overlay_of,
    rehearse,
)

from v2s_tui.adapters.guest.adapt import AdaptResult, adapt_linux
from v2s_tui.adapters.guest.appliance import ApplianceSettings
from v2s_tui.adapters.guest.boot.conversion import EspPlace
from v2s_tui.adapters.guest.boot.esp import REMOVABLE_CONFIG, EspImage, opened_esp
from v2s_tui.adapters.guest.boot.gpt import read_gpt
from v2s_tui.adapters.guest.plan_guest import plan_guest
from v2s_tui.adapters.guest.raw_view import raw_view
from v2s_tui.adapters.guest.session import GuestSession
from v2s_tui.adapters.guest.uefi import ensure_uefi
from v2s_tui.adapters.qemu.rehearsal import rehearse_boot
from v2s_tui.domain.guest.changes import ChangeKind
from v2s_tui.domain.guest.evidence import EvidenceLevel
from v2s_tui.lab.guests.micro import build_micro_guest, identity_of
from v2s_tui.presentation.guest_plan import guest_plan_lines

pytestmark = pytest.mark.timeout(1500)  # most of it may be waiting for the machine
"""Emulated, and other work may share the processors."""


@pytest.fixture(scope="module")
def bios_guest(new_guest: Callable[[str], Path], appliance: ApplianceSettings) -> tuple[Path, AdaptResult]:
    """A BIOS guest, adapted and given its ESP. Tests use overlays of it."""
    disk = new_guest("bios")
    with guest_lock():
        adapted = adapt_linux([disk], REQUEST, appliance, scratch=disk.parent, cancelled=threading.Event())
    ensure_uefi([disk], adapted, REQUEST, scratch=disk.parent)
    return disk, adapted


def test_the_adapted_guest_boots_with_its_network_and_switches_off(
    bios_guest: tuple[Path, AdaptResult],
) -> None:
    disk, _ = bios_guest
    before = disk.read_bytes()
    result = rehearse(disk)
    print(describe(result))
    assert result.passed, describe(result)
    levels = {each.level for each in result.observations}
    assert {EvidenceLevel.FIRMWARE, EvidenceLevel.ROOT_WRITTEN, EvidenceLevel.NETWORK} <= levels
    assert "ens2 has 10.0.2." in result.serial_tail
    assert disk.read_bytes() == before, "a rehearsal must not change the disk"


def test_every_change_is_recorded_with_its_reason(bios_guest: tuple[Path, AdaptResult]) -> None:
    _, adapted = bios_guest
    records = {record.path: record for record in adapted.records}
    assert {"/etc/fstab", "/etc/default/grub", "/boot/grub/grub.cfg", "/etc/network/interfaces"} <= set(
        records
    )
    assert records["/etc/fstab"].saved_as == "/var/lib/v2s/original/etc/fstab"
    assert all(
        record.reason and record.sha256_before != record.sha256_after
        for record in adapted.records
        if record.existed
    )
    initramfs = next(record for record in adapted.records if record.kind is ChangeKind.APPEND)
    assert initramfs.size_after > initramfs.size_before
    assert adapted.facts.kernels[0].missing_virtio == (
        "virtio_pci",
        "virtio_scsi",
        "virtio_blk",
        "virtio_net",
    )


def test_a_second_run_changes_nothing_and_undo_brings_every_byte_back(
    bios_guest: tuple[Path, AdaptResult], appliance: ApplianceSettings
) -> None:
    disk, adapted = bios_guest
    copy = overlay_of(disk, disk.parent / "again.qcow2", base_format="qcow2")
    again = adapt_linux([copy], REQUEST, appliance, scratch=copy.parent, cancelled=threading.Event())
    assert (again.records, again.warnings, again.esp_uuid) == ((), (), adapted.esp_uuid)
    result = ensure_uefi([copy], again, REQUEST, scratch=copy.parent)
    assert (result.changed, result.converted) == ((), False)
    with GuestSession([copy], appliance, cancelled=threading.Event()) as session:
        session.mount(adapted.facts.root.filesystem.device, "/")
        session.undo(adapted.records)
        new = [record.path for record in adapted.records if not record.existed]
        assert [path for path in new if session.link_target(path) or session.is_file(path)] == []
        after = {record.path: session.checksum(record.path) for record in adapted.records if record.existed}
    assert after == {record.path: record.sha256_before for record in adapted.records if record.existed}


def test_an_untouched_guest_does_not_boot_there(new_guest: Callable[[str], Path]) -> None:
    result = rehearse(new_guest("bios"), required=EvidenceLevel.USERSPACE)
    assert not result.passed
    assert "the firmware found nothing to boot" in result.failure, describe(result)
    assert Path(result.screenshot).read_bytes().startswith(b"\x89PNG")


def test_without_its_drivers_the_guest_does_not_boot(
    bios_guest: tuple[Path, AdaptResult], appliance: ApplianceSettings
) -> None:
    """UEFI works, GRUB works, the kernel starts, and no driver finds the root: the rehearsal must see it."""
    disk, adapted = bios_guest
    copy = overlay_of(disk, disk.parent / "no-drivers.qcow2", base_format="qcow2")
    drivers = [record for record in adapted.records if record.kind is ChangeKind.APPEND]
    with GuestSession([copy], appliance, cancelled=threading.Event()) as session:
        session.mount(adapted.facts.root.filesystem.device, "/")
        session.undo(drivers)
    result = rehearse(copy, required=EvidenceLevel.USERSPACE)
    assert not result.passed
    assert "the root device is not there" in result.failure, describe(result)
    assert EvidenceLevel.FIRMWARE in {each.level for each in result.observations}


def esp_of(disk: Path) -> EspPlace:
    """Where the ESP of a converted disk lies."""
    with raw_view(disk, writable=False) as view:
        table = read_gpt(view)
        assert table is not None
        assert table.esp is not None
        return EspPlace(table.esp.number, table.esp.start, table.esp.end - table.esp.start, is_new=False)


def spoiled(disk: Path, name: str, spoil: Callable[[EspImage], None]) -> Path:
    """An overlay of an adapted disk with something done to its ESP."""
    copy = overlay_of(disk, disk.parent / f"{name}.qcow2", base_format="qcow2")
    place = esp_of(copy)
    with raw_view(copy, writable=True) as view, opened_esp(view, place, copy.parent) as esp:
        spoil(esp)
    return copy


@pytest.mark.slow_guest
def test_a_wrong_uuid_is_noticed(bios_guest: tuple[Path, AdaptResult]) -> None:
    disk, adapted = bios_guest
    right = adapted.facts.boot.boot_uuid

    def spoil(esp: EspImage) -> None:
        text = (esp.read(REMOVABLE_CONFIG) or b"").decode()
        assert right in text
        esp.write(REMOVABLE_CONFIG, text.replace(right, "00000000-0000-0000-0000-000000000000").encode())

    result = rehearse(
        spoiled(disk, "wrong-uuid", spoil), required=EvidenceLevel.USERSPACE, timeout_seconds=60
    )
    assert not result.passed
    assert result.failure, describe(result)


@pytest.mark.slow_guest
def test_a_truncated_esp_is_noticed(bios_guest: tuple[Path, AdaptResult]) -> None:
    disk, _ = bios_guest

    def spoil(esp: EspImage) -> None:
        with esp.path.open("r+b") as file:
            file.write(bytes(4 * 1024**2))

    result = rehearse(spoiled(disk, "truncated", spoil), required=EvidenceLevel.USERSPACE)
    assert not result.passed
    assert "the firmware found nothing to boot" in result.failure, describe(result)


def test_a_plan_changes_nothing(new_guest: Callable[[str], Path], appliance: ApplianceSettings) -> None:
    disk = new_guest("networkmanager")
    before = disk.read_bytes()
    plan = plan_guest([disk], REQUEST, appliance, scratch=disk.parent, cancelled=threading.Event())
    text = "\n".join(guest_plan_lines(plan, width=80))
    assert disk.read_bytes() == before
    assert plan.refusals == ()
    assert "Debian GNU/Linux 12" in text
    assert "  mount by UUID: device names may differ at the target\n    write   /etc/fstab" in text
    assert "write   EFI/BOOT/BOOTX64.EFI on the ESP" in text
    assert "lacks virtio_pci, virtio_scsi" in " ".join(text.split()), "a line may end between them"
    assert max(len(line) for line in text.splitlines()) <= 80


@pytest.mark.slow_guest
def test_the_source_boots_as_vmware_boots_it(guest_cache: Path, tmp_path: Path) -> None:
    """The fixture is honest: before adaptation it boots by BIOS from pvscsi."""
    raw = tmp_path / "source.raw"
    build_micro_guest(raw, variant="bios", cache=guest_cache)
    result = rehearse_boot(
        [raw],
        required=EvidenceLevel.POWER_OFF,
        timeout_seconds=60,
        folder=tmp_path,
        cancelled=threading.Event(),
        profile="vmware",
        disk_format="raw",
        source_mac=identity_of("source").mac,
    )
    assert EvidenceLevel.ROOT_WRITTEN in {each.level for each in result.observations}, describe(result)
