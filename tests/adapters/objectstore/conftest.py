"""Object Storage for real: Swift's S3 API over TLS, one server for all tests of this folder."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from v2s_tui.adapters.objectstore.access import StorageAccess
from v2s_tui.adapters.objectstore.store import S3ObjectStore
from v2s_tui.lab.objectstorage.configuration import ROLES
from v2s_tui.lab.objectstorage.server import ObjectStorageServer
from v2s_tui.lab.tls import make_certificate

KEYS = {"lab:user": "a-secret-of-the-lab"}


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@pytest.fixture(scope="session")
def storage_access(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageAccess]:
    folder: Path = tmp_path_factory.mktemp("object-storage")
    tls = make_certificate(folder / "tls")
    ports = dict(zip(ROLES, free_ports(len(ROLES)), strict=True))
    server = ObjectStorageServer(folder / "swift", tls=tls, ports=ports, keys=KEYS)
    server.start()
    server.wait_ready()
    ((access_key, secret_key),) = KEYS.items()
    yield StorageAccess(server.url, "fr-par", access_key, secret_key, ca_file=tls.ca_file)
    server.stop()


@pytest.fixture
def store(storage_access: StorageAccess) -> Iterator[S3ObjectStore]:
    made = S3ObjectStore(storage_access)
    yield made
    made.close()


@pytest.fixture
def bucket(store: S3ObjectStore) -> str:
    store.ensure_bucket("transit")
    return "transit"
