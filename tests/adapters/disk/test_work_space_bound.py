"""What is reserved for a VM holds for data that does not compress: measured on real files."""

import random
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.plans import vm_named
from nfc_server import Behaviour, nfc_server
from stream_maker import GRAIN, StreamMaker

from v2s_tui.adapters.disk.local import LocalDisks
from v2s_tui.domain.execution.progress import StageProgress
from v2s_tui.domain.execution.work_space import peak_work_bytes
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.ports import DiskStream
from v2s_tui.domain.source.vm import Disk


@pytest.mark.parametrize("grains", [8, 512])
def test_base_overlay_and_finished_image_fit_into_what_is_reserved(tmp_path: Path, grains: int) -> None:
    dice, capacity, work = random.Random(7), grains * GRAIN, tmp_path / "work"
    work.mkdir()
    maker = StreamMaker(capacity, {number: dice.randbytes(GRAIN) for number in range(grains)})
    progress, cancelled, disks = StageProgress(), threading.Event(), LocalDisks(layered=True)
    base, overlay = work / "disk-0.base.qcow2", work / "disk-0.overlay.qcow2"
    with nfc_server(tmp_path, Behaviour(maker.stream())) as server:
        stream = DiskStream(server.url, server.tls.thumbprint_sha1, 2000, capacity)
        received = disks.receive(stream, base, progress=progress, cancelled=cancelled)
    assert progress.moved_bytes == received.received_bytes
    disks.make_overlay(base, overlay, virtual_size_bytes=10**10)
    disks.flatten(overlay, work / "disk-0.upload.qcow2", progress=progress, cancelled=cancelled)
    used = sum(path.stat().st_blocks * 512 for path in work.iterdir())
    vm = replace(vm_named("a"), disks=(Disk(2000, "Hard disk 1", capacity),), committed_bytes=capacity)
    assert capacity < used <= peak_work_bytes(PlannedVm("a", vm, "POP2-2C-8G", "fr-par-1", "all"))
