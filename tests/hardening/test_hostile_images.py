"""qcow2 files whose headers and tables lie: refused in words, never read beyond what they are."""

import random
import struct
import subprocess
import tracemalloc
from pathlib import Path

from campaign import Campaign

from v2s_tui.adapters.disk.qcow2_reader import Qcow2Image
from v2s_tui.domain.errors import OutsideError

MIB = 1 << 20
MOST_CLUSTERS = 5000


def good_image(folder: Path) -> bytes:
    raw, image = folder / "disk.raw", folder / "good.qcow2"
    raw.write_bytes(random.Random(0).randbytes(MIB) + bytes(3 * MIB) + b"x" * 200_000)
    argv = ["qemu-img", "convert", "-q", "-c", "-f", "raw", "-O", "qcow2", str(raw), str(image)]
    subprocess.run(argv, check=True, timeout=60)
    return image.read_bytes()


def read_all(path: Path) -> int:
    """Everything an adapter asks of an image."""
    image = Qcow2Image(path)
    try:
        found = image.backing_path, image.tables_begin
        assert found
        clusters = 0
        for clusters, mapping in enumerate(image.mappings(), start=1):
            if not mapping.zero and clusters < MOST_CLUSTERS:
                image.cluster(mapping.entry)
        return clusters
    finally:
        image._file.close()


def test_qcow2_with_any_field_changed(tmp_path: Path) -> None:
    chance, campaign = random.Random(41), Campaign((OutsideError, OSError))
    good, path = good_image(tmp_path), tmp_path / "disk.qcow2"
    values = (0, 1, 2**16, 2**31, 2**32 - 1, 2**62, 2**63, 2**64 - 1)
    tracemalloc.start()
    for _ in range(300):
        content = bytearray(good)
        for _ in range(chance.randint(1, 3)):
            place = chance.choice((chance.randrange(0, 104, 4), chance.randrange(0, len(good) - 8, 8)))
            struct.pack_into(">Q", content, min(place, len(good) - 8), chance.choice(values))
        if chance.random() < 0.3:
            del content[chance.randrange(len(content)) :]
        path.write_bytes(content)
        campaign.feed(lambda: read_all(path))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    campaign.report("qcow2, changed fields")
    assert peak_bytes < 64 * MIB
    assert campaign.counted["taken"] > 0
