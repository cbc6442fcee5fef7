"""Parts announced while a disk arrives are parts of what is uploaded in the end."""

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

from nfc_server import Behaviour, nfc_server
from stream_maker import GRAIN
from test_flatten_overlay import qemu_io, read_whole
from test_round_trips import StreamMaker, noise

from v2s_tui.adapters.disk.images import check_image
from v2s_tui.adapters.disk.local import LocalDisks
from v2s_tui.domain.execution.progress import StageProgress
from v2s_tui.domain.ports import DiskStream


@dataclass
class ReadingSink:
    """Reads each part at once, as a sender would."""

    part_bytes: int
    room_bytes: int = 0
    parts: dict[int, bytes] = field(default_factory=dict)

    def part_ready(self, path: Path, number: int, offset: int, size_bytes: int) -> None:
        descriptor = os.open(path, os.O_RDONLY)
        self.parts[number] = os.pread(descriptor, size_bytes, offset)
        os.close(descriptor)


def test_announced_parts_stay_true_through_adaptation(tmp_path: Path) -> None:
    maker = StreamMaker(300 * GRAIN, noise(3, 100))
    base, overlay, image = tmp_path / "base.qcow2", tmp_path / "overlay.qcow2", tmp_path / "upload.qcow2"
    sink, disks = ReadingSink(part_bytes=1_000_000), LocalDisks(layered=True)
    with nfc_server(tmp_path, Behaviour(maker.stream())) as server:
        stream = DiskStream(server.url, server.tls.thumbprint_sha1, 2000, maker.capacity_bytes)
        disks.receive(stream, base, progress=StageProgress(), cancelled=threading.Event(), parts=sink)
    disks.make_overlay(base, overlay, virtual_size_bytes=2**30)
    qemu_io(overlay, "write -P 7 65000 1000000", "write -z 3M 1M")
    disks.flatten(overlay, image, progress=StageProgress(), cancelled=threading.Event())
    whole = read_whole(image, 1 << 20)
    assert list(sink.parts) == list(range(2, len(sink.parts) + 2))
    assert len(sink.parts) >= 5
    for number, content in sink.parts.items():
        assert whole[(number - 1) * 1_000_000 : number * 1_000_000] == content
    (tmp_path / "whole.qcow2").write_bytes(whole)
    check_image(tmp_path / "whole.qcow2")
