"""The manifest of a disk proves its content wherever it lies, and names what differs."""

import subprocess
import threading
from pathlib import Path

import pytest
from nfc_server import Behaviour, nfc_server
from stream_maker import GRAIN, StreamMaker, some_grains
from test_flatten_overlay import qemu_io
from test_round_trips import write_raw

from v2s_tui.adapters.disk.local import LocalDisks
from v2s_tui.adapters.disk.manifest import Manifest, manifest_path
from v2s_tui.adapters.disk.verify import verify_disk
from v2s_tui.domain.errors import ToolError
from v2s_tui.domain.execution.progress import StageProgress
from v2s_tui.domain.ports import DiskStream

CAPACITY = 640 * GRAIN + 7 * 512
LARGER = 2**30
MAKER = StreamMaker(CAPACITY, some_grains(13, [0, 1, 2, 3, 511, 512, 640]))
CONTENT = {number for number, content in MAKER.grains.items() if any(content)}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    base = tmp_path / "base.qcow2"
    with nfc_server(tmp_path, Behaviour(MAKER.stream())) as server:
        stream = DiskStream(server.url, server.tls.thumbprint_sha1, 2000, CAPACITY)
        received = LocalDisks().receive(stream, base, progress=StageProgress(), cancelled=threading.Event())
    assert received.manifest_path == str(manifest_path(base))
    return base


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    write_raw(tmp_path / "disk.raw", MAKER)
    return tmp_path / "disk.raw"


def test_image_and_raw_disk_hold_what_was_received(base: Path, raw: Path) -> None:
    assert set(Manifest(manifest_path(base)).clusters()) == CONTENT
    for disk in (base, raw):
        found = verify_disk(disk, manifest_path(base))
        assert (found.holds, found.virtual_size_bytes) == (True, CAPACITY)
        assert found.compared_clusters >= len(CONTENT)


def test_changed_clusters_are_named(base: Path, raw: Path) -> None:
    with raw.open("r+b") as file:
        for number in (2, 600):
            file.seek(number * GRAIN + 100)
            file.write(b"damage")
        file.seek(3 * GRAIN)
        file.write(bytes(GRAIN))
    expected = {2, 600} | ({3} & CONTENT)
    assert set(verify_disk(raw, manifest_path(base)).wrong_clusters) == expected


@pytest.mark.parametrize("layered", [True, False])
def test_adapted_disk_has_a_manifest_of_its_own(base: Path, tmp_path: Path, layered: bool) -> None:
    overlay, image, imported = tmp_path / "o.qcow2", tmp_path / "upload.qcow2", tmp_path / "volume.raw"
    disks = LocalDisks(layered=layered)
    disks.make_overlay(base, overlay, virtual_size_bytes=LARGER)
    qemu_io(overlay, "write -P 7 65000 100000", "write -z 0 64k", "write -P 9 700M 64k")
    disks.flatten(overlay, image, progress=StageProgress(), cancelled=threading.Event())
    convert = ["qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(overlay), str(imported)]
    subprocess.run(convert, check=True)
    for disk in (image, imported):
        assert verify_disk(disk, manifest_path(image)).holds
    wrong = verify_disk(imported, manifest_path(base)).wrong_clusters
    assert {1, 2, 700 * 16} <= set(wrong) <= {0, 1, 2, 700 * 16}


def test_damaged_compressed_cluster_is_wrong(base: Path) -> None:
    raw = bytearray(base.read_bytes())
    raw[GRAIN + 200 : GRAIN + 260] = b"\xff" * 60
    base.write_bytes(raw)
    assert len(verify_disk(base, manifest_path(base)).wrong_clusters) >= 1


def test_what_cannot_be_compared_is_named(base: Path, raw: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.qcow2"
    LocalDisks().make_overlay(base, overlay, virtual_size_bytes=LARGER)
    with pytest.raises(ToolError, match="overlay"):
        verify_disk(overlay, manifest_path(base))
    with pytest.raises(ToolError, match="no manifest"):
        verify_disk(raw, raw)
    cut = tmp_path / "cut.manifest"
    cut.write_bytes(manifest_path(base).read_bytes()[:-5])
    with pytest.raises(ToolError, match="cut"):
        verify_disk(raw, cut)
    with raw.open("r+b") as file:
        file.truncate(GRAIN)
    with pytest.raises(ToolError, match="belong"):
        verify_disk(raw, manifest_path(base))
