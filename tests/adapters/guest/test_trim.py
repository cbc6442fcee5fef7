"""A guest session gives blocks of deleted files back, and an upload that waited for it leaves them out."""

import random
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pytest
from guest_rehearsals import MIB, overlay_of

from v2s_tui.adapters.disk.codec import Mode
from v2s_tui.adapters.disk.flatten import flatten_image
from v2s_tui.adapters.disk.images import check_image
from v2s_tui.adapters.disk.receive import DiskReceiver
from v2s_tui.adapters.guest.appliance import ApplianceSettings
from v2s_tui.adapters.guest.session import GuestSession

pytestmark = [pytest.mark.slow_guest, pytest.mark.timeout(900)]


def disk_with_a_deleted_file(folder: Path, deleted_mib: int) -> Path:
    """An ext4 of 256 MiB whose large file is gone, its blocks still full, as a base as we receive them."""
    content, raw, base = folder / "content", folder / "disk.raw", folder / "base.qcow2"
    content.mkdir()
    (content / "kept").write_bytes(random.Random(1).randbytes(4 * MIB))
    (content / "deleted").write_bytes(random.Random(2).randbytes(deleted_mib * MIB))
    with raw.open("wb") as file:
        file.truncate(256 * MIB)
    for argv in (
        ["/usr/sbin/mke2fs", "-q", "-F", "-t", "ext4", "-d", str(content), str(raw)],
        ["/usr/sbin/debugfs", "-w", "-R", "rm deleted", str(raw)],
    ):
        subprocess.run(argv, check=True, capture_output=True)
    with raw.open("rb") as source, base.open("w+b") as image:
        receiver = DiskReceiver(image.fileno(), mode=Mode.W12, expected_capacity_bytes=raw.stat().st_size)
        receiver.receive(RawSource(source))
    return base


@dataclass
class RawSource:
    """The bytes of a disk, as a datastore hands them out."""

    file: BinaryIO

    def read_into(self, buffer: memoryview) -> int:
        return self.file.readinto(buffer)  # type: ignore[attr-defined, no-any-return]


def flat_bytes(overlay: Path, *, compact: bool) -> int:
    target = overlay.with_name(f"flat-{compact}.qcow2")
    with target.open("w+b") as file:
        size_bytes = flatten_image(overlay, file.fileno(), threads=2, compact=compact)
    check_image(target)
    return size_bytes


def test_blocks_of_deleted_files_are_not_uploaded(appliance: ApplianceSettings, tmp_path: Path) -> None:
    base = disk_with_a_deleted_file(tmp_path, deleted_mib=48)
    overlay = overlay_of(base, tmp_path / "overlay.qcow2", base_format="qcow2", extra_bytes=0)
    with GuestSession([overlay], appliance, cancelled=threading.Event()) as session:
        session.mount("/dev/sda", "/")
        assert session.head("/kept", 16) == random.Random(1).randbytes(4 * MIB)[:16]
    whole, compact = flat_bytes(overlay, compact=False), flat_bytes(overlay, compact=True)
    assert whole > 52 * MIB
    assert compact < 6 * MIB
