"""Overlays written by real QEMU tools and flattened by us: same content, clean, and the base's bytes kept."""

import os
import random
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_maker import GRAIN, StreamMaker, some_grains
from test_damaged_streams import Pieces

from v2s_tui.adapters.disk.codec import Mode
from v2s_tui.adapters.disk.flatten import flatten_image
from v2s_tui.adapters.disk.images import check_image
from v2s_tui.adapters.disk.local import LocalDisks
from v2s_tui.adapters.disk.qcow2_reader import Qcow2Image
from v2s_tui.adapters.disk.receive import DiskReceiver
from v2s_tui.domain.errors import Cancelled, ToolError
from v2s_tui.domain.execution.progress import StageProgress
from v2s_tui.system.layered_file import WholeFile, is_layered

CAPACITY = 640 * GRAIN + 7 * 512
LARGER = 2**30 + 512


def make_base(path: Path, *, mode: Mode = Mode.W12, seed: int = 5) -> None:
    maker = StreamMaker(CAPACITY, some_grains(seed, [0, 1, 2, 3, 511, 512, 640]))
    with path.open("w+b") as file:
        DiskReceiver(file.fileno(), mode=mode).receive(Pieces(maker.stream(), [1 << 20]))


def qemu_io(image: Path, *commands: str) -> None:
    arguments = [part for command in commands for part in ("-c", command)]
    argv = ["qemu-io", "-d", "unmap", "-f", "qcow2", *arguments, str(image)]
    subprocess.run(argv, check=True, capture_output=True)


def assert_same_content(one: Path, two: Path) -> None:
    compare = ["qemu-img", "compare", "-f", "qcow2", "-F", "qcow2", str(one), str(two)]
    done = subprocess.run(compare, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def flatten(overlay: Path, target: Path, *, compact: bool = False) -> None:
    with target.open("w+b") as file:
        size_bytes = flatten_image(overlay, file.fileno(), threads=2, compact=compact)
    assert size_bytes == target.stat().st_size


@pytest.mark.parametrize("mode", Mode)
def test_changed_and_grown_disk_flattens(tmp_path: Path, mode: Mode) -> None:
    base, overlay, flat = tmp_path / "base.qcow2", tmp_path / "overlay.qcow2", tmp_path / "flat.qcow2"
    make_base(base, mode=mode)
    before = base.read_bytes()
    disks = LocalDisks()
    disks.make_overlay(base, overlay, virtual_size_bytes=LARGER)
    qemu_io(
        overlay,
        "write -P 7 65000 100000",
        "write -z 128k 128k",
        "write -P 0 32M 192k",
        "write -c -P 9 700M 64k",
    )
    evidence = disks.flatten(overlay, flat, progress=StageProgress(), cancelled=threading.Event())
    assert evidence.size_bytes == flat.stat().st_size
    check_image(flat)
    assert_same_content(overlay, flat)
    info = subprocess.run(["qemu-img", "info", str(flat)], check=True, capture_output=True, text=True).stdout
    assert f"({LARGER} bytes)" in info
    assert "backing file" not in info
    assert base.read_bytes() == before
    with Qcow2Image(base) as image:
        data_end = image.tables_begin
    assert flat.read_bytes()[GRAIN:data_end] == before[GRAIN:data_end]


def test_only_changes_are_written_behind_the_base(tmp_path: Path) -> None:
    base, overlay, flat = tmp_path / "base.qcow2", tmp_path / "overlay.qcow2", tmp_path / "flat.qcow2"
    make_base(base)
    LocalDisks().make_overlay(base, overlay, virtual_size_bytes=LARGER)
    flatten(overlay, flat)
    assert flat.stat().st_size - base.stat().st_size <= GRAIN  # an L1 table of the larger disk at most
    assert_same_content(overlay, flat)


@pytest.mark.parametrize("piece_bytes", [1000, 65536, 1 << 20])
def test_layered_image_stands_for_the_flat_one(tmp_path: Path, piece_bytes: int) -> None:
    base, overlay, flat = tmp_path / "base.qcow2", tmp_path / "overlay.qcow2", tmp_path / "flat.qcow2"
    layered = tmp_path / "layered.qcow2"
    make_base(base)
    disks = LocalDisks(layered=True)
    disks.make_overlay(base, overlay, virtual_size_bytes=LARGER)
    qemu_io(overlay, "write -P 7 65000 100000")
    flatten(overlay, flat)
    evidence = disks.flatten(overlay, layered, progress=StageProgress(), cancelled=threading.Event())
    assert evidence.size_bytes == layered.stat().st_size == flat.stat().st_size
    assert layered.stat().st_blocks * 512 < base.stat().st_size
    assert (is_layered(layered), is_layered(flat)) == (True, False)
    assert read_whole(layered, piece_bytes) == read_whole(flat, piece_bytes) == flat.read_bytes()
    assert subprocess.run(["qemu-img", "check", "-f", "qcow2", str(layered)], check=False).returncode == 1


@pytest.mark.parametrize("mode", Mode)
def test_what_was_trimmed_is_left_out_where_nothing_was_sent(tmp_path: Path, mode: Mode) -> None:
    base, overlay, flat = tmp_path / "base.qcow2", tmp_path / "overlay.qcow2", tmp_path / "flat.qcow2"
    compact, layered = tmp_path / "compact.qcow2", tmp_path / "layered.qcow2"
    maker = StreamMaker(CAPACITY, {number: random.Random(number).randbytes(GRAIN) for number in range(640)})
    with base.open("w+b") as file:
        DiskReceiver(file.fileno(), mode=mode).receive(Pieces(maker.stream(), [1 << 20]))
    disks = LocalDisks(layered=True)
    disks.make_overlay(base, overlay, virtual_size_bytes=LARGER)
    qemu_io(overlay, "discard 2M 10M", "write -P 7 65000 100000", "discard 30M 9M", "discard 41812480 64k")
    flatten(overlay, flat)
    flatten(overlay, compact, compact=True)
    arguments = {"progress": StageProgress(), "cancelled": threading.Event()}
    disks.flatten(overlay, layered, compact=True, **arguments)  # type: ignore[arg-type]
    for image in (flat, compact):
        check_image(image)
        assert_same_content(overlay, image)
    assert flat.stat().st_size - compact.stat().st_size >= 19 * 2**20 - 4 * GRAIN
    assert read_whole(layered, 1 << 20) == compact.read_bytes()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 639), st.integers(1, 80), st.booleans()), max_size=25))
def test_compact_images_hold_what_the_overlay_shows(changes: list[tuple[int, int, bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        base, overlay, flat = (Path(folder) / f"{name}.qcow2" for name in ("base", "overlay", "flat"))
        make_base(base)
        LocalDisks().make_overlay(base, overlay, virtual_size_bytes=LARGER)
        commands = [
            f"{'write -P 3' if writes else 'discard'} {first * 64}k {clusters * 64}k"
            for first, clusters, writes in changes
        ]
        qemu_io(overlay, *(commands or ["read 0 512"]))
        flatten(overlay, flat, compact=True)
        check_image(flat)
        assert_same_content(overlay, flat)


def test_layered_image_notices_that_its_base_changed(tmp_path: Path) -> None:
    base, overlay, layered = tmp_path / "base.qcow2", tmp_path / "overlay.qcow2", tmp_path / "layered.qcow2"
    make_base(base)
    disks = LocalDisks(layered=True)
    disks.make_overlay(base, overlay, virtual_size_bytes=LARGER)
    disks.flatten(overlay, layered, progress=StageProgress(), cancelled=threading.Event())
    os.truncate(base, base.stat().st_size + GRAIN)
    with pytest.raises(OSError, match="changed its size"):
        WholeFile(layered)
    base.unlink()
    with pytest.raises(FileNotFoundError):
        WholeFile(layered)


def read_whole(path: Path, piece_bytes: int) -> bytes:
    content = bytearray()
    with WholeFile(path) as file:
        while piece := file.read_at(len(content), piece_bytes):
            content += piece
        assert file.size_bytes == len(content)
    return bytes(content)


def test_moved_work_folder_keeps_its_overlays(tmp_path: Path) -> None:
    folder = tmp_path / "before"
    folder.mkdir()
    make_base(folder / "base.qcow2")
    LocalDisks().make_overlay(folder / "base.qcow2", folder / "overlay.qcow2", virtual_size_bytes=LARGER)
    folder.rename(tmp_path / "after")
    flatten(tmp_path / "after" / "overlay.qcow2", tmp_path / "flat.qcow2")
    check_image(tmp_path / "flat.qcow2")


WRITES = st.tuples(
    st.sampled_from(["write -P 3", "write -P 0", "write -z", "write -z -u", "discard"]),
    st.integers(min_value=0, max_value=LARGER // 65536 - 8),
    st.integers(min_value=1, max_value=6),
)


@settings(max_examples=8, deadline=None)
@given(st.lists(WRITES, min_size=1, max_size=12), st.integers(min_value=0, max_value=999))
def test_any_guest_writes_flatten(writes: list[tuple[str, int, int]], seed: int) -> None:
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        base, overlay, flat = (Path(name) / each for each in ("base.qcow2", "overlay.qcow2", "flat.qcow2"))
        make_base(base, seed=seed)
        LocalDisks().make_overlay(base, overlay, virtual_size_bytes=LARGER)
        near = [(how, rng.choice([at, at % 8, 508 + at % 8]), count) for how, at, count in writes]
        qemu_io(
            overlay, *(f"{how} {at * 64}k {(1 if '-c' in how else count) * 64}k" for how, at, count in near)
        )
        flatten(overlay, flat)
        check_image(flat)
        assert_same_content(overlay, flat)


def test_cancelled_flatten_leaves_nothing(tmp_path: Path) -> None:
    base, overlay = tmp_path / "base.qcow2", tmp_path / "overlay.qcow2"
    make_base(base)
    disks, cancelled = LocalDisks(), threading.Event()
    disks.make_overlay(base, overlay, virtual_size_bytes=LARGER)
    cancelled.set()
    with pytest.raises(Cancelled):
        disks.flatten(overlay, tmp_path / "flat.qcow2", progress=StageProgress(), cancelled=cancelled)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["base.qcow2", "overlay.qcow2"]


def test_what_is_no_overlay_is_named(tmp_path: Path) -> None:
    base = tmp_path / "base.qcow2"
    make_base(base)
    for path, word in ((base, "no overlay"), (tmp_path / "absent.qcow2", "No such file")):
        with pytest.raises(ToolError, match=word):
            LocalDisks().flatten(
                path, tmp_path / "flat.qcow2", progress=StageProgress(), cancelled=threading.Event()
            )


def test_damaged_image_is_reported_by_the_check(tmp_path: Path) -> None:
    base = tmp_path / "base.qcow2"
    make_base(base)
    raw = bytearray(base.read_bytes())
    with Qcow2Image(base) as image:
        at = image.tables_begin
    raw[at : at + 8] = (1 << 62 | 3 << 40).to_bytes(8, "big")
    base.write_bytes(raw)
    with pytest.raises(ToolError, match="damaged"):
        check_image(base)
