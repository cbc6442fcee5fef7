"""The canary's image is what it claims: valid, and beyond the window that qcow2 promises."""

import random
import zlib
from pathlib import Path

import pytest

from v2s_tui.adapters.disk.canary_image import CLUSTERS, VIRTUAL_BYTES, cluster_content, make_canary_image
from v2s_tui.adapters.disk.images import check_image, convert_to_raw
from v2s_tui.adapters.disk.manifest import manifest_path
from v2s_tui.adapters.disk.qcow2_reader import Qcow2Image
from v2s_tui.adapters.disk.verify import verify_disk


def test_the_image_is_clean_and_its_manifest_is_true_of_it(tmp_path: Path) -> None:
    image, raw = tmp_path / "canary.qcow2", tmp_path / "canary.raw"
    assert make_canary_image(image) == image.stat().st_size < 16 * 2**20
    check_image(image)
    convert_to_raw(image, raw)
    assert raw.stat().st_size == VIRTUAL_BYTES
    for disk in (image, raw):
        found = verify_disk(disk, manifest_path(image))
        assert found.holds
    with Qcow2Image(image) as opened:
        numbers = [each.number for each in opened.mappings()]
    assert len(numbers) == CLUSTERS
    assert numbers[-1] == VIRTUAL_BYTES // 65536 - 1


def test_a_reader_that_keeps_to_the_window_cannot_read_it() -> None:
    content = cluster_content(random.Random(3))
    payload = zlib.compress(content, 6)[2:-4]
    assert zlib.decompress(payload, -15) == content
    with pytest.raises(zlib.error, match="too far back"):
        inflated_in_steps(payload, window=-12)


def inflated_in_steps(payload: bytes, *, window: int) -> int:
    inflater, size = zlib.decompressobj(window), 0
    while payload:
        size += len(inflater.decompress(payload, 8192))
        payload = inflater.unconsumed_tail
    return size
