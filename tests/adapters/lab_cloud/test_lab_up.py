"""The lab as a whole, in a process of its own as `v2s lab up` runs it."""

import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from cloud_under_test import until
from scaleway import Client
from scaleway.block.v1 import BlockV1API, CreateVolumeRequestFromEmpty

GB = 10**9
_SERVE = """
import sys
from pathlib import Path
from v2s_tui.lab.up import serve
serve(Path(sys.argv[1]), scenario="tiny")
"""


def start(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", _SERVE, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == f"lab ready {folder / 'migration.yaml'}\n"
    return process


@contextmanager
def running(folder: Path, number: int = signal.SIGTERM) -> Iterator[subprocess.Popen[str]]:
    """A lab in a process of its own, ended by this signal."""
    process = start(folder)
    try:
        yield process
    finally:
        process.send_signal(number)
        process.wait(20)
        assert process.stdout
        process.stdout.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lab folder that all tests here use in turn."""
    return tmp_path_factory.mktemp("lab")


def configuration(folder: Path) -> Any:
    return yaml.safe_load((folder / "migration.yaml").read_text())


def block_api(folder: Path) -> BlockV1API:
    settings = configuration(folder)["scaleway"]
    os.environ["REQUESTS_CA_BUNDLE"] = settings["ca_file"]
    client = Client(
        access_key=Path(settings["access_key_file"]).read_text(),
        secret_key=Path(settings["secret_key_file"]).read_text(),
        api_url=settings["api_url"],
        default_project_id=settings["project_id"],
        default_zone=settings["default_zone"],
    )
    return BlockV1API(client)


def listeners(folder: Path) -> list[str]:
    """Names of the lab's servers that somebody listens for."""
    found = []
    for name, port in json.loads((folder / "ports.json").read_text()).items():
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                found.append(name)
    return found


def processes_of(folder: Path) -> list[int]:
    """Processes whose command line names the folder."""
    wanted = os.fsencode(folder)
    lines = {path: path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()}
    return [int(path.parent.name) for path, line in lines.items() if wanted in line]


def test_state_keys_and_ports_survive_a_restart(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "")
    with running(folder):
        before = configuration(folder)
        volume = block_api(folder).create_volume(
            name="kept", from_empty=CreateVolumeRequestFromEmpty(size=GB)
        )
        assert sorted(listeners(folder)) == [
            "account", "container", "object", "proxy", "scaleway", "vcenter",
        ]  # fmt: skip
    assert processes_of(folder) == []
    with running(folder):
        assert configuration(folder) == before
        again = block_api(folder).get_volume(volume_id=volume.id)
    assert (again.name, again.status) == ("kept", "available")


def test_nothing_outlives_a_killed_lab(folder: Path) -> None:
    with running(folder, signal.SIGKILL):
        assert len(processes_of(folder)) >= 6
    until(lambda: processes_of(folder), lambda found: not found)
    assert listeners(folder) == []


def test_a_folder_has_one_lab_with_its_own_secrets_and_certificates(folder: Path) -> None:
    started = time.monotonic()
    with running(folder):
        took_seconds = time.monotonic() - started
        second = subprocess.run(
            [sys.executable, "-c", _SERVE, str(folder)], capture_output=True, text=True, check=False
        )
        certified = [name for name in ("vcenter", "scaleway", "proxy") if has_certificate(folder, name)]
    assert took_seconds < 40  # about 2 s on an idle machine
    assert second.returncode != 0
    assert "already running" in second.stderr
    assert certified == ["vcenter", "scaleway", "proxy"]
    files = [*(folder / "secrets").iterdir(), folder / "objectstorage" / "conf" / "credentials.json"]
    assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}
    assert "password" not in configuration(folder)["vmware"]


def has_certificate(folder: Path, name: str) -> bool:
    """Whether this server is trusted by who trusts the lab's authority."""
    port = json.loads((folder / "ports.json").read_text())[name]
    context = ssl.create_default_context(cafile=str(folder / "tls" / "ca.pem"))
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
    ):
        return secured.version() in ("TLSv1.2", "TLSv1.3")
