"""The raw view of a qcow2: what is written through it is in the image, by FUSE and by NBD."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from v2s_tui.adapters.guest import raw_view as module
from v2s_tui.adapters.guest.boot.conversion import ensure_esp, table_kind
from v2s_tui.adapters.guest.boot.esp import opened_esp, write_files
from v2s_tui.adapters.guest.raw_view import can_use_fuse, raw_view
from v2s_tui.domain.errors import ToolError
from v2s_tui.domain.guest.facts import PartitionTable
from v2s_tui.lab.disks.partitions import MBR_LINUX, Partition, write_mbr

pytestmark = pytest.mark.timeout(1500)  # most of it may be waiting for the machine

MIB = 1024**2


@pytest.fixture(params=["fuse", "nbd"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "nbd":
        monkeypatch.setattr(module, "can_use_fuse", lambda: False)
    elif not can_use_fuse():
        pytest.skip("this user may not make FUSE mounts")
    return str(request.param)


def overlay(folder: Path) -> Path:
    base = folder / "base, with comma.raw"
    with base.open("w+b") as disk:
        disk.truncate(100 * MIB)
        write_mbr(disk, [Partition(MIB, 99 * MIB, MBR_LINUX)], disk_id=1)
        disk.seek(50 * MIB)
        disk.write(b"data of the guest")
    image = folder / "overlay.qcow2"
    argv = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", image, str(160 * MIB)]
    subprocess.run(argv, check=True, timeout=30)
    return image


def test_an_esp_is_made_through_the_view(way: str, tmp_path: Path) -> None:
    image = overlay(tmp_path)
    files = {"EFI/BOOT/BOOTX64.EFI": os.urandom(300_000), "EFI/BOOT/grub.cfg": b"set default=0\n"}
    with raw_view(image, writable=True) as view:
        assert view.size_bytes == 160 * MIB
        assert table_kind(view) is PartitionTable.MBR
        place = ensure_esp(view, esp_bytes=40 * MIB)
        with opened_esp(view, place, tmp_path, volume_id="ABCD-1234") as esp:
            assert write_files(esp, files) == tuple(files)
    subprocess.run(["qemu-img", "check", "-q", image], check=True, timeout=30)
    with raw_view(image, writable=False) as view, opened_esp(view, ensure_esp(view), tmp_path) as esp:
        assert esp.volume_id() == "ABCD-1234"
        assert {name: esp.read(name) for name in files} == files
        assert view.read_at(50 * MIB, 17) == b"data of the guest"
    assert image.stat().st_size < 5 * MIB, "an overlay holds only what changed"


def test_a_readonly_view_refuses_writes(way: str, tmp_path: Path) -> None:
    image = overlay(tmp_path)
    before = image.read_bytes()
    with pytest.raises((OSError, ToolError)), raw_view(image, writable=False) as view:
        view.write_at(0, b"x" * 512)
    assert image.read_bytes() == before


def test_no_view_outlives_an_error(way: str, tmp_path: Path) -> None:
    image = overlay(tmp_path)
    with pytest.raises(RuntimeError, match="stop"), raw_view(image, writable=True):
        raise RuntimeError("stop")
    with raw_view(image, writable=True) as view:
        assert table_kind(view) is PartitionTable.MBR


def test_a_file_that_is_no_qcow2_is_refused(way: str, tmp_path: Path) -> None:
    image = tmp_path / "not.qcow2"
    image.write_bytes(bytes(MIB))
    with pytest.raises(ToolError, match="ended early"), raw_view(image, writable=False):
        pytest.fail("it must not open")


def test_a_lock_that_is_given_back_is_waited_for(way: str, tmp_path: Path) -> None:
    """As an appliance holds it that was ended a moment ago."""
    image = overlay(tmp_path)
    holder = subprocess.Popen(
        ["qemu-io", "-f", "qcow2", "-c", "sleep 1500", str(image)], stdout=subprocess.PIPE
    )
    try:
        time.sleep(0.5)
        with raw_view(image, writable=True) as view:
            assert holder.poll() is not None, "it opened only when the other had gone"
            assert table_kind(view) is PartitionTable.MBR
    finally:
        holder.kill()
        holder.communicate()


def test_a_lock_that_stays_is_named(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = overlay(tmp_path)
    monkeypatch.setattr(module, "_LOCK_SECONDS", 0.5)
    with raw_view(image, writable=True), pytest.raises(ToolError) as caught, raw_view(image, writable=True):
        pytest.fail("two must not write to one image")
    assert "lock" in caught.value.stderr_tail
    assert "has the image open" in caught.value.hint
