"""Digests of clusters in a file."""

import io
from pathlib import Path

from v2s_tui.adapters.disk.manifest import ZEROS, Manifest, ManifestWriter, digest_of, manifest_path


def write(path: Path, *records: tuple[int, bytes], below: Path | None = None) -> Manifest:
    file = io.BytesIO()
    writer = ManifestWriter(file, virtual_size_bytes=10**9)
    if below is not None:
        writer.copy_records(below)
    writer.add(records)
    path.write_bytes(file.getvalue())
    return Manifest(path)


def test_later_records_hold(tmp_path: Path) -> None:
    one, two = digest_of(b"1"), digest_of(b"2")
    base = tmp_path / "base.manifest"
    assert list(write(base, (0, one), (1, one), (2, one)).clusters()) == [0, 1, 2]
    found = write(tmp_path / "adapted", (1, two), (2, ZEROS), (3, ZEROS), (3, one), below=base)
    assert list(found.clusters()) == [0, 1, 3]
    assert [found.digest(number) for number in range(5)] == [one, two, ZEROS, one, ZEROS]
    assert found.virtual_size_bytes == 10**9


def test_manifest_lies_beside_its_image() -> None:
    assert manifest_path(Path("w/disk-0.base.qcow2")) == Path("w/disk-0.base.qcow2.manifest")
