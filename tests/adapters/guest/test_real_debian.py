"""A real Debian by mmdebstrap: systemd, udev, initramfs-tools and sshd must come up at the target."""

import os
import shutil
import threading
from pathlib import Path

import pytest
from guest_rehearsals import MIB, REQUEST, describe, overlay_of, rehearse

from v2s_tui.adapters.guest.adapt import adapt_linux
from v2s_tui.adapters.guest.appliance import ApplianceSettings
from v2s_tui.adapters.guest.uefi import ensure_uefi
from v2s_tui.domain.guest.evidence import EvidenceLevel
from v2s_tui.lab.guests.debian import build_debian_guest

pytestmark = [pytest.mark.timeout(1500), pytest.mark.slow_guest]


@pytest.mark.skipif(os.geteuid() != 0, reason="mmdebstrap and numeric owners need root")
def test_a_real_debian_boots_after_adaptation(
    appliance: ApplianceSettings, guest_cache: Path, tmp_path: Path
) -> None:
    if shutil.which("mmdebstrap") is None:
        message = "not installed: mmdebstrap"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    raw = tmp_path / "debian.raw"
    build_debian_guest(raw, cache=guest_cache)
    disk = overlay_of(raw, tmp_path / "debian.qcow2", base_format="raw", extra_bytes=80 * MIB)
    adapted = adapt_linux([disk], REQUEST, appliance, scratch=tmp_path, cancelled=threading.Event())
    assert "open-vm-tools.service" in adapted.facts.vmware_tools
    ensure_uefi([disk], adapted, REQUEST, scratch=tmp_path)
    result = rehearse(disk, required=EvidenceLevel.POWER_OFF, timeout_seconds=400)
    print(describe(result))
    assert result.passed, describe(result)
    assert EvidenceLevel.NETWORK in {each.level for each in result.observations}
    again = adapt_linux([disk], REQUEST, appliance, scratch=tmp_path, cancelled=threading.Event())
    assert again.records == ()
