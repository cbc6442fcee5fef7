"""Damaged streams are refused with what and where, or the result equals the source; none hangs or grows."""

import io
import json
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from damages import DAMAGES, joined
from hypothesis import example, given, settings
from hypothesis import strategies as st
from stream_maker import GRAIN, Part, StreamMaker, front_stream, some_grains

from v2s_tui.adapters.disk.codec import Mode
from v2s_tui.adapters.disk.receive import DiskReceiver, Received
from v2s_tui.domain.errors import LeaseFailed

CAPACITY = 640 * GRAIN + 7 * 512
MEMORY_LIMIT_BYTES = 200 * 1024 * 1024
NOISE = random.Random(1).randbytes(GRAIN)
MAKER = StreamMaker(CAPACITY, {**some_grains(3, [0, 2, 3, 511, 512, 640]), 1: NOISE})
PARTS = MAKER.build()
GOOD = joined(PARTS)
RAW = MAKER.raw_disk()
FRONT = front_stream(CAPACITY, MAKER.grains, end=False)


class Pieces:
    """A source that hands out its bytes in pieces of these sizes, over and over."""

    def __init__(self, body: bytes, sizes: list[int]) -> None:
        self._body, self._sizes, self._turn = io.BytesIO(body), sizes, 0

    def read_into(self, buffer: memoryview) -> int:
        size = self._sizes[self._turn % len(self._sizes)]
        self._turn += 1
        return self._body.readinto(buffer[:size])


def receive(body: bytes, target: Path, *, sizes: list[int] | None = None, mode: Mode = Mode.W12) -> Received:
    with target.open("w+b") as file:
        receiver = DiskReceiver(file.fileno(), mode=mode, expected_capacity_bytes=CAPACITY)
        return receiver.receive(Pieces(body, sizes or [1 << 20]))


def content(image: Path) -> bytes:
    raw = image.with_suffix(".raw")
    convert = ["qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(image), str(raw)]
    subprocess.run(convert, check=True, capture_output=True)
    return raw.read_bytes()


def test_the_good_stream_is_good(tmp_path: Path) -> None:
    receive(GOOD, tmp_path / "base.qcow2")
    assert content(tmp_path / "base.qcow2") == RAW


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_is_refused_with_what_and_where(tmp_path: Path, kind: str) -> None:
    with pytest.raises(LeaseFailed) as caught:
        receive(DAMAGES[kind](PARTS), tmp_path / "base.qcow2")
    assert "at byte" in caught.value.title or "the disk stream " in caught.value.title


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_is_refused_when_tables_follow_all_grains(tmp_path: Path, kind: str) -> None:
    parts = StreamMaker(CAPACITY, MAKER.grains, order=[640, 2, 1, 512, 0, 3, 511], tables_at_end=True).build()
    with pytest.raises(LeaseFailed):
        receive(DAMAGES[kind](parts), tmp_path / "base.qcow2")


def test_corpus_stays_within_memory() -> None:
    script = "import sys; sys.path[:0] = sys.argv[1:]; import test_damaged_streams as t; t.run_corpus()"
    argv = [sys.executable, "-c", script, str(Path(__file__).parent)]
    done = subprocess.run(argv, check=True, capture_output=True, timeout=50)
    said = json.loads(done.stdout)
    assert said["refused"] == len(DAMAGES)
    assert said["peak_bytes"] < MEMORY_LIMIT_BYTES


def run_corpus() -> None:
    refused = 0
    with tempfile.TemporaryDirectory() as folder:
        for damage in DAMAGES.values():
            try:
                receive(damage(PARTS), Path(folder) / "base.qcow2")
            except LeaseFailed:
                refused += 1
    # Not ru_maxrss: that of a child begins with what its parent, the test runner, had when it forked.
    peak_kib = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak_kib is not None
    peak_bytes = int(peak_kib[1]) * 1024
    print(json.dumps({"refused": refused, "peak_bytes": peak_bytes}))


@settings(max_examples=60, deadline=None)
@given(st.integers(min_value=0, max_value=len(GOOD) - 1))
@example(len(GOOD) - 1)
def test_every_beginning_of_a_stream_is_refused(size: int) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.raises(LeaseFailed):
        receive(GOOD[:size], Path(folder) / "base.qcow2")


@settings(max_examples=40, deadline=None)
@given(st.integers(min_value=0, max_value=len(FRONT) - 513))
def test_every_beginning_of_a_stream_with_tables_in_front_is_refused(size: int) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.raises(LeaseFailed):
        receive(FRONT[:size], Path(folder) / "base.qcow2")


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([GOOD, FRONT]), st.data())
def test_a_flipped_bit_is_refused_or_harmless(stream: bytes, data: st.DataObject) -> None:
    bit = data.draw(st.integers(min_value=0, max_value=len(stream) * 8 - 1))
    damaged = bytearray(stream)
    damaged[bit // 8] ^= 1 << bit % 8
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "base.qcow2"
        try:
            receive(bytes(damaged), image)
        except LeaseFailed:
            return
        assert content(image) == RAW


@pytest.mark.parametrize("bit", range(96, 160))
@pytest.mark.parametrize("stream", [GOOD, FRONT], ids=["tables at the end", "tables in front"])
def test_a_damaged_capacity_is_refused_also_where_no_footer_tells_it_again(
    stream: bytes, bit: int, tmp_path: Path
) -> None:
    damaged = bytearray(stream)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(LeaseFailed):
        receive(bytes(damaged), tmp_path / "base.qcow2")


@pytest.mark.parametrize("told_bytes", [CAPACITY, CAPACITY - 512, 0])
def test_a_capacity_told_in_whole_kb_or_not_at_all_is_that_of_the_stream(
    told_bytes: int, tmp_path: Path
) -> None:
    with (tmp_path / "base.qcow2").open("w+b") as file:
        receiver = DiskReceiver(file.fileno(), mode=Mode.W12, expected_capacity_bytes=told_bytes)
        assert receiver.receive(Pieces(FRONT, [1 << 20])).virtual_size_bytes == CAPACITY


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(min_value=1, max_value=200_000), min_size=1, max_size=5), st.sampled_from(Mode))
@example([7], Mode.PASS)
@example([511], Mode.PASS)
@example([512], Mode.PASS)
@example([513], Mode.W12)
@example([65536], Mode.PLAIN)
def test_the_size_of_the_pieces_does_not_matter(sizes: list[int], mode: Mode) -> None:
    grains = {number: (b"%d " % number * 40000)[:GRAIN] for number in (0, 1, 513, 640)}
    maker = StreamMaker(CAPACITY, grains)
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "base.qcow2"
        receive(maker.stream(), image, sizes=sizes, mode=mode)
        assert content(image) == maker.raw_disk()


FRONT_DAMAGES = {
    "grain lost": lambda s: s[: -len(PARTS[7].raw)],
    "sector lost": lambda s: s[: 200 * 512] + s[201 * 512 :],
    "directory into the grains": lambda s: s[:64] + (22).to_bytes(8, "little") + s[72:],
    "table behind": lambda s: s[: 21 * 512] + b"\xff\xff" + s[21 * 512 + 2 :],
    "table entry changed": lambda s: s[: 22 * 512] + b"\x99" + s[22 * 512 + 1 :],
}


@pytest.mark.parametrize("kind", FRONT_DAMAGES)
def test_damage_is_refused_when_tables_come_first(tmp_path: Path, kind: str) -> None:
    with pytest.raises(LeaseFailed):
        receive(FRONT_DAMAGES[kind](FRONT), tmp_path / "base.qcow2")


def part_names(parts: list[Part]) -> list[str]:
    return [part.name for part in parts]


def test_parts_are_where_the_damages_expect_them() -> None:
    assert part_names(PARTS)[:3] == ["header", "grain 0", "grain 1"]
    assert part_names(PARTS)[-4:] == ["table 1", "directory", "footer", "end"]
