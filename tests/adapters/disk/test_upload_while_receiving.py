"""The whole way of a disk, host to Object Storage: parts go out while it arrives, and the guest changes."""

import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from nfc_server import Behaviour, nfc_server
from stream_maker import GRAIN, StreamMaker
from test_flatten_overlay import assert_same_content, qemu_io
from test_round_trips import noise

from v2s_tui.adapters.disk.images import check_image
from v2s_tui.adapters.disk.local import LocalDisks
from v2s_tui.adapters.disk.manifest import manifest_path
from v2s_tui.adapters.disk.verify import verify_disk
from v2s_tui.adapters.objectstore.access import StorageAccess
from v2s_tui.adapters.objectstore.control import ControlClient
from v2s_tui.adapters.objectstore.store import S3ObjectStore
from v2s_tui.domain.execution.progress import StageProgress
from v2s_tui.domain.ports import DiskStream
from v2s_tui.lab.objectstorage.configuration import ROLES
from v2s_tui.lab.objectstorage.server import ObjectStorageServer
from v2s_tui.lab.tls import make_certificate

PART_BYTES = 5 * 1024 * 1024  # the least that Object Storage takes
KEY = "migrations/m/disk-0.qcow2"


@pytest.fixture(scope="module")
def access(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageAccess]:
    folder = tmp_path_factory.mktemp("object-storage")
    probes = {role: socket.create_server(("127.0.0.1", 0)) for role in ROLES}
    ports = {role: probe.getsockname()[1] for role, probe in probes.items()}
    for probe in probes.values():
        probe.close()
    tls = make_certificate(folder / "tls")
    server = ObjectStorageServer(folder / "swift", tls=tls, ports=ports, keys={"lab:user": "a-secret"})
    server.start()
    server.wait_ready()
    yield StorageAccess(server.url, "fr-par", "lab:user", "a-secret", ca_file=tls.ca_file)
    server.stop()


def downloaded(access: StorageAccess, target: Path) -> Path:
    control = ControlClient(access)
    url = control.presign("get_object", expires_seconds=60, Bucket="transit", Key=KEY)
    control.close()
    target.write_bytes(requests.get(url, verify=str(access.ca_file), timeout=30).content)
    return target


@pytest.mark.parametrize("mode", ["w12", "pass"])
def test_object_equals_the_adapted_disk(access: StorageAccess, tmp_path: Path, mode: str) -> None:
    maker = StreamMaker(900 * GRAIN, noise(8, 400), level=1)
    base, overlay, image = (tmp_path / f"disk-0.{each}.qcow2" for each in ("base", "overlay", "upload"))
    disks, store, go_on = LocalDisks(mode=mode, layered=True), S3ObjectStore(access), threading.Event()
    store.ensure_bucket("transit")
    upload_id = store.begin_upload("transit", KEY)
    with (
        nfc_server(tmp_path, Behaviour(maker.stream())) as server,
        store.early_parts("transit", KEY, upload_id, part_bytes=PART_BYTES, cancelled=go_on) as early,
    ):
        stream = DiskStream(server.url, server.tls.thumbprint_sha1, 2000, maker.capacity_bytes)
        disks.receive(stream, base, progress=StageProgress(), cancelled=go_on, parts=early)
    assert early.failure is None
    assert {part.number for part in early.sent} <= {2, 3, 4, 5}
    disks.make_overlay(base, overlay, virtual_size_bytes=10**9)
    qemu_io(overlay, "write -P 7 65000 3000000", "write -z 10M 2M", "write -P 9 700M 64k")
    disks.flatten(overlay, image, progress=StageProgress(), cancelled=go_on)
    stored = store.upload_file(
        image,
        "transit",
        KEY,
        upload_id,
        progress=StageProgress(),
        cancelled=go_on,
        part_bytes=PART_BYTES,
        known=early.sent,
    )
    store.close()
    assert stored.size_bytes == image.stat().st_size
    got = downloaded(access, tmp_path / "got.qcow2")
    check_image(got)
    assert_same_content(overlay, got)
    assert verify_disk(got, manifest_path(image)).holds
    info = subprocess.run(["qemu-img", "info", str(got)], check=True, capture_output=True, text=True).stdout
    assert "backing file" not in info
