"""The target side of the lab: one without faults for all tests here, one on which much goes wrong."""

from collections.abc import Iterator

import pytest
from cloud_under_test import Cloud, make_cloud, run_cloud


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Both servers, without faults."""
    yield from run_cloud(make_cloud(tmp_path_factory.mktemp("cloud")))


FAULTS = """
rules:
  - {server: objectstorage, operation: UploadPart, subject: "*busy*", first: 2, status: 503}
  - {server: objectstorage, operation: UploadPart, subject: "*cut*", first: 2, cut_after_bytes: 100000}
  - {server: objectstorage, operation: GetObject, subject: "*cut*", nth: 1, cut_after_bytes: 1000}
  - {server: objectstorage, operation: HeadObject, subject: "*slow*", delay_seconds: 0.4}
  - {server: objectstorage, operation: PutObject, subject: "*slow*", bytes_per_second: 1000000}
  - {server: scaleway, operation: "POST */import-from-object-storage", fault: import_error}
"""


@pytest.fixture(scope="session")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Both servers, with faults for objects by name, and imports that all fail."""
    yield from run_cloud(make_cloud(tmp_path_factory.mktemp("faulty"), faults=FAULTS))


@pytest.fixture
def trusting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK trusts the lab's authority."""
    cloud: Cloud = request.getfixturevalue("cloud")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(cloud.tls.ca_file))
