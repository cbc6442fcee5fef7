"""A real Debian by mmdebstrap: systemd, udev, initramfs-tools and sshd must come up at the target."""

import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from guest_rehearsals import (
    MIB,
    REQUEST,
    adapt_and_again,
    describe,
    guest_lock,
    overlay_of,
    rehearse,
)

from v2s_tui.adapters.guest.adapt import adapt_in, read_disks
from v2s_tui.adapters.guest.appliance import ApplianceSettings
from v2s_tui.adapters.guest.session import GuestSession
from v2s_tui.domain.guest.changes import ChangeKind, InitramfsMode
from v2s_tui.domain.guest.evidence import EvidenceLevel
from v2s_tui.lab.guests.debian import build_debian_guest

pytestmark = [
    pytest.mark.timeout(1500),
    pytest.mark.slow_guest,
    pytest.mark.skipif(os.geteuid() != 0, reason="mmdebstrap and numeric owners need root"),
]


@pytest.fixture(scope="module")
def debian(tools: None, guest_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The disk as it comes from VMware; tests use overlays of it."""
    if shutil.which("mmdebstrap") is None:
        message = "not installed: mmdebstrap"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    raw = tmp_path_factory.mktemp("debian") / "debian.raw"
    with guest_lock():
        build_debian_guest(raw, cache=guest_cache)
    return raw


def test_a_real_debian_boots_after_adaptation(
    debian: Path, appliance: ApplianceSettings, tmp_path: Path
) -> None:
    disk = overlay_of(debian, tmp_path / "debian.qcow2", base_format="raw", extra_bytes=80 * MIB)
    adapted = adapt_and_again(disk, appliance)
    assert "open-vm-tools.service" in adapted.facts.vmware_tools
    result = rehearse(disk, required=EvidenceLevel.POWER_OFF, timeout_seconds=400)
    print(describe(result))
    assert result.passed, describe(result)
    assert EvidenceLevel.NETWORK in {each.level for each in result.observations}


def test_its_own_tool_rebuilds_the_initramfs(
    debian: Path, appliance: ApplianceSettings, tmp_path: Path
) -> None:
    """A minute under emulation. The audit of a second run finds what the first one asked for."""
    disk = overlay_of(debian, tmp_path / "debian.qcow2", base_format="raw", extra_bytes=80 * MIB)
    request = replace(REQUEST, initramfs=InitramfsMode.REBUILD)
    before = read_disks([disk], request, disk_format="qcow2")
    with GuestSession([disk], appliance, cancelled=threading.Event()) as session:
        adapted = adapt_in(session, before, request, scratch=tmp_path)
        session.unmount_all()
        again = adapt_in(session, before, request, scratch=tmp_path)
        (rebuilt,) = (each for each in adapted.records if each.kind is ChangeKind.REBUILD)
        restored = session.checksum(rebuilt.saved_as)
        session.undo(adapted.records)
        undone = session.checksum(rebuilt.path)
    assert "virtio_scsi" in adapted.facts.kernels[0].missing_virtio
    assert (again.records, again.facts.kernels[0].missing_virtio) == ((), ())
    assert (rebuilt.path, "mkinitramfs" in rebuilt.reason) == (adapted.facts.kernels[0].initramfs_path, True)
    assert rebuilt.sha256_before == restored == undone != rebuilt.sha256_after
