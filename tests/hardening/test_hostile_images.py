"""qcow2 files whose headers and tables lie: refused in words, never read beyond what they are."""

import random
import struct
import subprocess
import tracemalloc
from pathlib import Path

import pytest
from campaign import Campaign

from v2s_tui.adapters.disk.foreign_image import image_format, refuse_foreign_files
from v2s_tui.adapters.disk.qcow2_reader import Qcow2Image
from v2s_tui.domain.errors import InputError, OutsideError
from v2s_tui.usecases.inspect_disks import guest_plan

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


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-b", "/etc/passwd", "-F", "raw"], "no file of its folder"),
        (["-b", "../secret", "-F", "raw"], "no file of its folder"),
        (["-b", 'json:{"driver":"raw","file.filename":"/etc/passwd"}', "-F", "raw"], "no file of its folder"),
        (["-b", "nbd:localhost:10809", "-F", "raw"], "no file of its folder"),
        (["-b", "link", "-F", "raw"], "no file of its folder"),
        (["-o", "data_file=/tmp/v2s-data"], "another file"),
    ],
    ids=["absolute", "parent", "json", "nbd", "link", "data file"],
)
def test_an_image_that_shows_another_file_as_its_disk_is_refused(
    tmp_path: Path, options: list[str], words: str
) -> None:
    (tmp_path / "secret").write_bytes(b"s" * MIB)
    folder = tmp_path / "disks"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "secret")
    image = folder / "disk.qcow2"
    options = [each.replace("/tmp/v2s-data", str(tmp_path / "data")) for each in options]
    argv = ["qemu-img", "create", "-q", "-u", "-f", "qcow2", *options, str(image), "4M"]
    subprocess.run(argv, check=True, timeout=60)
    with pytest.raises(InputError, match=words):
        guest_plan([image], tmp_path / "cache")


def test_an_overlay_of_a_base_beside_it_is_taken(tmp_path: Path) -> None:
    for name, more in (("base.qcow2", []), ("overlay.qcow2", ["-b", "base.qcow2", "-F", "qcow2"])):
        argv = ["qemu-img", "create", "-q", "-f", "qcow2", *more, str(tmp_path / name), "4M"]
        subprocess.run(argv, check=True, timeout=60)
    refuse_foreign_files(tmp_path / "overlay.qcow2")
    assert image_format(tmp_path / "overlay.qcow2") == "qcow2"
