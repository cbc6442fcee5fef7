"""A lab vCenter per test, and unmodified pyVmomi logged in to it over TLS."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lab_vcenter_rig import PASSWORD, USER, Lab

from v2s_tui.lab.faults import FaultRules
from v2s_tui.lab.scenarios import Scenario, load_scenario
from v2s_tui.lab.tls import make_certificate
from v2s_tui.lab.vcenter.server import VCenterServer


@pytest.fixture(scope="session")
def disk_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw disks are made once for all tests: their content depends on the scenario only."""
    return tmp_path_factory.mktemp("lab-disks")


@pytest.fixture
def start_lab(tmp_path: Path, disk_folder: Path) -> Iterator[Callable[..., Lab]]:
    """Start a vCenter: `start_lab("tiny", faults=[...], pace=0.1, ...)`."""
    started: list[Lab] = []

    def start(
        scenario: str | Scenario = "tiny", *, vm_count: int | None = None, faults: Any = (), **options: Any
    ) -> Lab:
        if isinstance(scenario, str):
            scenario = load_scenario(scenario, vm_count=vm_count, folder=disk_folder)
        tls = make_certificate(tmp_path / "tls")
        server = VCenterServer(
            scenario,
            folder=tmp_path,
            tls=tls,
            faults=FaultRules.parse(list(faults)),
            username=USER,
            password=PASSWORD,
            **{"pace": 0.1, **options},
        )
        server.start()
        started.append(Lab(server, tls))
        return started[-1]

    yield start
    for lab in started:
        lab.close()


@pytest.fixture
def lab(start_lab: Callable[..., Lab]) -> Lab:
    """The tiny scenario."""
    return start_lab("tiny")
