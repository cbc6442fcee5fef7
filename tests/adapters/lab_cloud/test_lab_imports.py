"""Imports from Object Storage: what is accepted, what is refused, and that the content is the source's."""

import os
import struct
import subprocess
from pathlib import Path

import pytest
from cloud_under_test import BUCKET, Cloud, qemu_img, until
from hypothesis import given
from hypothesis import strategies as st
from scaleway.block.v1 import BlockV1API, CreateVolumeRequestFromSnapshot, Snapshot
from scaleway_core.api import ScalewayException

from v2s_tui.lab.scaleway.qcow2 import Qcow2Error, flatten, parse_header

MIB = 1 << 20
GIB = 1 << 30
pytestmark = pytest.mark.usefixtures("trusting")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sparse raw disk of 1.5 GiB with a few megabytes of two kinds of content and a last odd sector."""
    path = tmp_path_factory.mktemp("source") / "disk.raw"
    with path.open("wb") as file:
        file.truncate(3 * GIB // 2 + 512)
        for offset, content in ((0, os.urandom(MIB)), (700 * MIB + 4096, b"compresses well. " * 200_000)):
            file.seek(offset)
            file.write(content)
        file.seek(-512, os.SEEK_END)
        file.write(b"\xaa" * 512)
    return path


def start_import(cloud: Cloud, key: str, **changes: object) -> Snapshot:
    api = BlockV1API(cloud.client())
    arguments = {"bucket": BUCKET, "key": key, "name": key, "zone": "fr-par-1"} | changes
    return api.import_snapshot_from_object_storage(**arguments)


def finished(cloud: Cloud, snapshot: Snapshot) -> Snapshot:
    api = BlockV1API(cloud.client())
    return until(
        lambda: api.get_snapshot(snapshot_id=snapshot.id, zone=snapshot.zone),
        lambda each: each.status != "creating",
    )


@pytest.mark.parametrize(
    "options",
    [["-c"], ["-o", "compat=0.10"], ["-c", "-o", "cluster_size=2M"], ["-S", "0", "-o", "cluster_size=4k"]],
    ids=["compressed", "version-2", "large-clusters", "small-clusters-allocated"],
)
def test_an_imported_disk_is_the_source(
    cloud: Cloud, source: Path, tmp_path: Path, options: list[str]
) -> None:
    image, small = tmp_path / "disk.qcow2", tmp_path / "small.raw"
    whole = "small-clusters" not in " ".join(options) and options[0] != "-S"
    if not whole:  # every cluster allocated: on the first megabytes only
        with source.open("rb") as file:
            small.write_bytes(file.read(3 * MIB + 512))
        source = small
    qemu_img("convert", "-O", "qcow2", *options, source, image)
    cloud.put({"imported.qcow2": image})
    started = start_import(cloud, "imported.qcow2", tags=["v2s"])
    done = finished(cloud, started)
    raw = cloud.scaleway.world.store.get("snapshot", done.id)["_raw_path"]
    assert (started.status, done.status, done.tags, done.class_) == ("creating", "available", ["v2s"], "sbs")
    assert done.size == max(source.stat().st_size, 10**9)
    assert "identical" in qemu_img("compare", "-f", "raw", "-F", "raw", source, raw)
    assert Path(raw).stat().st_blocks * 512 < 16 * MIB


def test_zero_clusters_and_discarded_ones_read_as_zeros(tmp_path: Path) -> None:
    image, raw = tmp_path / "z.qcow2", tmp_path / "z.raw"
    qemu_img("create", "-f", "qcow2", image, "8M")
    writes = ["-c", "write -P 7 0 2M", "-c", "write -z 1M 512k"]
    subprocess.run(["qemu-io", "-f", "qcow2", *writes, str(image)], check=True, capture_output=True)
    flatten(image, raw)
    assert "identical" in qemu_img("compare", "-f", "qcow2", "-F", "raw", image, raw)


def test_a_volume_outlives_its_snapshot(cloud: Cloud, source: Path, tmp_path: Path) -> None:
    image = tmp_path / "v.qcow2"
    qemu_img("convert", "-O", "qcow2", "-c", source, image)
    cloud.put({"v.qcow2": image})
    api = BlockV1API(cloud.client())
    snapshot = finished(cloud, start_import(cloud, "v.qcow2", size=2 * 10**9))
    volume = api.create_volume(
        name="root",
        perf_iops=15000,
        from_snapshot=CreateVolumeRequestFromSnapshot(snapshot_id=snapshot.id, size=None),
    )
    until(lambda: api.get_volume(volume_id=volume.id), lambda each: each.status == "available")
    api.delete_snapshot(snapshot_id=snapshot.id)
    store = cloud.scaleway.world.store
    named = {"name": "v.qcow2", "include_deleted": False}
    until(lambda: api.list_snapshots_all(**named), lambda found: not found)
    raw = store.get("volume", volume.id)["_raw_path"]
    assert (volume.size, volume.type_, volume.parent_snapshot_id) == (2 * 10**9, "sbs_15k", snapshot.id)
    assert "identical" in qemu_img("compare", "-f", "raw", "-F", "raw", source, raw)


def small_qcow2(folder: Path, *options: str, size: str = "16M") -> bytes:
    image = folder / "small.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", *options, image, size)
    return image.read_bytes()


def refusal(cloud: Cloud, key: str, **changes: object) -> dict[str, object]:
    with pytest.raises(ScalewayException) as failed:
        start_import(cloud, key, **changes)
    assert failed.value.status_code == 400
    return failed.value.response.json()


def test_refused_images(cloud: Cloud, tmp_path: Path) -> None:
    base = tmp_path / "base.raw"
    base.write_bytes(bytes(MIB))
    images = {
        "not a qcow2": b"KDMV" + bytes(600),
        "incomplete": b"QFI\xfb",
        "backing file": small_qcow2(tmp_path, "-b", str(base), "-F", "raw"),
        "encrypted": _encrypted(small_qcow2(tmp_path)),
        "zstd": small_qcow2(tmp_path, "-o", "compression_type=zstd"),
        "above 1 TB": small_qcow2(tmp_path, size="1000001M"),
        "features": small_qcow2(tmp_path, "-o", "extended_l2=on"),
        "cleanly": _dirty(small_qcow2(tmp_path)),
        "version": b"QFI\xfb" + struct.pack(">I", 4) + bytes(600),
    }
    cloud.put({f"{words}.qcow2": image for words, image in images.items()})
    for words in images:
        answer = refusal(cloud, f"{words}.qcow2")
        assert answer["type"] == "invalid_request_error"
        assert words in str(answer["message"])


def _encrypted(image: bytes) -> bytes:
    return image[:32] + struct.pack(">I", 2) + image[36:]


def _dirty(image: bytes) -> bytes:
    return image[:79] + b"\x01" + image[80:]


def test_refused_places(cloud: Cloud, tmp_path: Path) -> None:
    good = small_qcow2(tmp_path)
    cloud.put({"good.img": good, "good.qcow2": good})
    assert "must end with" in str(refusal(cloud, "good.img")["message"])
    assert "does not exist" in str(refusal(cloud, "missing.qcow2")["message"])
    assert "does not exist" in str(refusal(cloud, "good.qcow2", bucket="no-bucket")["message"])
    assert "region nl-ams" in str(refusal(cloud, "good.qcow2", zone="nl-ams-1")["message"])
    details = refusal(cloud, "good.qcow2", size=10**6)["details"]
    assert details[0]["argument_name"] == "size"


def test_exactly_one_terabyte_is_accepted(cloud: Cloud, tmp_path: Path) -> None:
    cloud.put({"large.qcow2": small_qcow2(tmp_path, size=str(10**12))})
    assert finished(cloud, start_import(cloud, "large.qcow2")).status == "available"


def test_damage_behind_the_header_ends_in_error_without_a_word(cloud: Cloud, tmp_path: Path) -> None:
    raw, image = tmp_path / "d.raw", tmp_path / "d.qcow2"
    raw.write_bytes(b"text that compresses\n" * 100_000)
    qemu_img("convert", "-O", "qcow2", "-c", raw, image)
    content = bytearray(image.read_bytes())
    header = parse_header(bytes(content[:112]))
    first_table = struct.unpack_from(">Q", content, header.l1_offset)[0] & 0x00FFFFFFFFFFFE00
    struct.pack_into(">Q", content, first_table, 1 << 63 | 1 << 40)
    cloud.put({"tables.qcow2": bytes(content), "short.qcow2": image.read_bytes()[: first_table + 8]})
    for key in ("tables.qcow2", "short.qcow2"):
        done = finished(cloud, start_import(cloud, key))
        assert done.status == "error"
        assert "_raw_path" not in cloud.scaleway.world.store.get("snapshot", done.id)
    assert not list((cloud.scaleway.world.folder).glob("*.qcow2"))


GOOD_HEADER = (
    b"QFI\xfb"
    + struct.pack(">IQIIQIIQQIIQ", 3, 0, 0, 16, GIB, 0, 2, 1 << 16, 0, 0, 0, 0)
    + struct.pack(">QQQII", 0, 0, 0, 4, 112)
    + bytes(8)
)


@given(st.binary(max_size=112), st.integers(0, 112))
def test_any_header_is_read_or_refused(noise: bytes, place: int) -> None:
    image = GOOD_HEADER[:place] + noise
    try:
        header = parse_header(image[:112])
    except Qcow2Error:
        assert image[:112] != GOOD_HEADER
    else:
        assert header.virtual_bytes <= 10**12
        assert 9 <= header.cluster_bits <= 21


def test_an_import_can_fail_by_rule(faulty: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(faulty.tls.ca_file))
    faulty.put({"good.qcow2": small_qcow2(tmp_path)})
    assert finished(faulty, start_import(faulty, "good.qcow2")).status == "error"
