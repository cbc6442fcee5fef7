"""Whole disks through the receiver, compared by qemu-img with what they were made of."""

import os
import random
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_maker import GRAIN, StreamMaker, front_stream, some_grains
from test_damaged_streams import Pieces

from v2s_tui.adapters.disk.codec import Mode
from v2s_tui.adapters.disk.images import check_image
from v2s_tui.adapters.disk.receive import DiskReceiver, Received
from v2s_tui.domain.errors import LeaseFailed
from v2s_tui.lab.disks.vmdk_stream import stream_vmdk

TERABYTE = 10**12


def receive(body: bytes, target: Path, *, mode: Mode) -> Received:
    with target.open("w+b") as file:
        return DiskReceiver(file.fileno(), mode=mode).receive(Pieces(body, [1 << 20]))


def write_raw(path: Path, maker: StreamMaker) -> None:
    """A sparse file, also for disks larger than memory."""
    with path.open("wb") as file:
        for number, content in maker.grains.items():
            room = min(len(content), maker.capacity_bytes - number * GRAIN)
            os.pwrite(file.fileno(), content[:room], number * GRAIN)
        file.truncate(maker.capacity_bytes)


def assert_round_trip(maker: StreamMaker, folder: Path, mode: Mode, *, body: bytes | None = None) -> Received:
    raw, image = folder / "disk.raw", folder / "disk.qcow2"
    write_raw(raw, maker)
    received = receive(maker.stream() if body is None else body, image, mode=mode)
    check_image(image)
    compare = ["qemu-img", "compare", "-f", "raw", "-F", "qcow2", str(raw), str(image)]
    done = subprocess.run(compare, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert received.size_bytes == image.stat().st_size
    return received


def noise(seed: int, count: int) -> dict[int, bytes]:
    rng = random.Random(seed)
    return {number: rng.randbytes(GRAIN) for number in range(count)}


@pytest.mark.parametrize("mode", Mode)
def test_incompressible_disk(tmp_path: Path, mode: Mode) -> None:
    received = assert_round_trip(StreamMaker(48 * GRAIN, noise(1, 48)), tmp_path, mode)
    assert received.data_bytes == 48 * GRAIN
    assert received.size_bytes < received.received_bytes * 1.1 + 6 * GRAIN


@pytest.mark.parametrize("mode", Mode)
def test_disk_of_zeros_becomes_tables_only(tmp_path: Path, mode: Mode) -> None:
    zeros = {number: bytes(GRAIN) for number in range(20)}
    received = assert_round_trip(StreamMaker(600 * GRAIN, zeros), tmp_path, mode)
    assert (received.data_bytes, received.size_bytes) == (0, 4 * GRAIN)


def test_empty_disk(tmp_path: Path) -> None:
    assert assert_round_trip(StreamMaker(600 * GRAIN, {}), tmp_path, Mode.W12).data_bytes == 0


@pytest.mark.parametrize("last_bytes", [512, 7 * 512, GRAIN - 512, GRAIN])
@pytest.mark.parametrize("mode", Mode)
def test_odd_last_grain(tmp_path: Path, mode: Mode, last_bytes: int) -> None:
    for whole in (True, False):  # VMware fills the last grain up, others cut it
        grains = noise(2, 3)
        grains[2] = grains[2][: GRAIN if whole else last_bytes]
        received = assert_round_trip(StreamMaker(2 * GRAIN + last_bytes, grains), tmp_path, mode)
        assert received.virtual_size_bytes == 2 * GRAIN + last_bytes


def test_sparse_terabyte(tmp_path: Path) -> None:
    last = TERABYTE // GRAIN
    grains = some_grains(4, [0, 511, 512, last // 2, last - 1])
    received = assert_round_trip(StreamMaker(TERABYTE, grains), tmp_path, Mode.W12)
    assert received.virtual_size_bytes == TERABYTE
    assert received.size_bytes < 2_000_000


def test_every_table_of_a_larger_disk_is_used(tmp_path: Path) -> None:
    numbers = list(range(0, 512 * 40, 509))
    text = (b"the same line again\n" * 4000)[:GRAIN]
    received = assert_round_trip(
        StreamMaker(512 * 40 * GRAIN, dict.fromkeys(numbers, text)), tmp_path, Mode.PASS
    )
    assert received.data_bytes == len(numbers) * GRAIN


@settings(max_examples=15, deadline=None)
@given(
    numbers=st.sets(st.integers(min_value=0, max_value=1399), max_size=25),
    rng=st.randoms(use_true_random=False),
    mode=st.sampled_from(Mode),
    tables_at_end=st.booleans(),
    level=st.integers(min_value=0, max_value=9),
    odd_sectors=st.integers(min_value=0, max_value=128),
)
def test_any_disk_in_any_order(
    *, numbers: set[int], rng: random.Random, mode: Mode, tables_at_end: bool, level: int, odd_sectors: int
) -> None:
    order = sorted(numbers)
    rng.shuffle(order)
    maker = StreamMaker(
        1400 * GRAIN - odd_sectors * 512 + 65536,
        some_grains(rng.randrange(1000), sorted(numbers)),
        level=level,
        order=order,
        tables_at_end=tables_at_end,
    )
    with tempfile.TemporaryDirectory() as folder:
        assert_round_trip(maker, Path(folder), mode)


@pytest.mark.parametrize("end", [True, False])
def test_tables_in_front(tmp_path: Path, end: bool) -> None:
    maker = StreamMaker(700 * GRAIN, some_grains(9, [0, 1, 300, 512, 699]))
    body = front_stream(maker.capacity_bytes, maker.grains, end=end)
    assert_round_trip(maker, tmp_path, Mode.W12, body=body)


@pytest.mark.parametrize("mode", Mode)
def test_streams_of_qemu_and_of_the_lab(tmp_path: Path, mode: Mode) -> None:
    maker = StreamMaker(300 * GRAIN + 512 * 3, some_grains(11, [0, 5, 6, 250, 299]))
    raw, vmdk = tmp_path / "source.raw", tmp_path / "source.vmdk"
    write_raw(raw, maker)
    convert = ["qemu-img", "convert", "-O", "vmdk", "-o", "subformat=streamOptimized", str(raw), str(vmdk)]
    subprocess.run(convert, check=True, capture_output=True)
    assert_round_trip(maker, tmp_path, mode, body=vmdk.read_bytes())
    assert_round_trip(maker, tmp_path, mode, body=b"".join(stream_vmdk(raw)))


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("piece_bytes", [999, 65536, 1 << 20])
def test_raw_stream_of_a_flat_disk(tmp_path: Path, mode: Mode, piece_bytes: int) -> None:
    maker = StreamMaker(70 * GRAIN + 512 * 3, some_grains(12, [0, 5, 6, 50, 70]))
    raw, image = tmp_path / "disk.raw", tmp_path / "disk.qcow2"
    write_raw(raw, maker)
    with image.open("w+b") as file:
        receiver = DiskReceiver(file.fileno(), mode=mode, expected_capacity_bytes=maker.capacity_bytes)
        receiver.receive(Pieces(raw.read_bytes(), [1, piece_bytes]))
    check_image(image)
    subprocess.run(["qemu-img", "compare", "-f", "raw", "-F", "qcow2", str(raw), str(image)], check=True)


@pytest.mark.parametrize("change", [-1, 1, -65536])
def test_raw_stream_of_another_length_is_refused(tmp_path: Path, change: int) -> None:
    body = random.Random(1).randbytes(5 * GRAIN + 512)
    with (tmp_path / "disk.qcow2").open("w+b") as file:
        receiver = DiskReceiver(file.fileno(), mode=Mode.W12, expected_capacity_bytes=len(body) + change)
        with pytest.raises(LeaseFailed, match="at byte"):
            receiver.receive(Pieces(body, [1 << 20]))
