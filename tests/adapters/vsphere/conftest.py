"""A lab vCenter over real TLS sockets, and a source connected to it."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from vsphere_lab import Connect, StartLab, address_of_lab

from v2s_tui.adapters.vsphere.source import VsphereSource, connect
from v2s_tui.lab.faults import FaultRules
from v2s_tui.lab.scenarios.loader import load_scenario
from v2s_tui.lab.tls import make_certificate
from v2s_tui.lab.vcenter.server import VCenterServer


@pytest.fixture(scope="session")
def tls_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One set of certificates for all labs of this folder."""
    return tmp_path_factory.mktemp("tls")


@pytest.fixture
def start_lab(tmp_path: Path, tls_folder: Path) -> Iterator[StartLab]:
    """Start a lab vCenter: `start_lab("tiny", rules=[...], pace=0.1)`."""
    with ExitStack() as stack:

        def start(
            scenario: str = "tiny", *, rules: list[dict[str, Any]] | None = None, **more: Any
        ) -> VCenterServer:
            server = VCenterServer(
                load_scenario(scenario, vm_count=more.pop("vm_count", None), folder=tmp_path),
                folder=tls_folder,
                tls=make_certificate(tls_folder),
                faults=FaultRules.parse(rules or []),
                username="migrator",
                password="s3cret",
                **{"pace": 0.05, **more},
            )
            server.start()
            stack.callback(server.stop)
            return server

        yield start


@pytest.fixture
def open_source(tls_folder: Path) -> Iterator[Connect]:
    """Connect to a lab; everything is logged out at the end."""
    with ExitStack() as stack:

        def open_one(server: VCenterServer, **more: Any) -> VsphereSource:
            source = connect(address_of_lab(server, tls_folder, **more))
            stack.callback(source.close)
            return source

        yield open_one
