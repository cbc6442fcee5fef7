"""The lab's Scaleway boots what was migrated, and verify knows a guest that lives from one that does not."""

import os
import socket
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lab_stages import LabMigration, LabSite

from v2s_tui.domain.errors import VerificationFailed
from v2s_tui.domain.planning.stages import Stage

pytestmark = [pytest.mark.slow_guest, pytest.mark.lab, pytest.mark.timeout(600)]
SCENARIO = """
name: boots
hosts: [{name: esxi-01, cluster: prod-cluster}]
vms:
  - name: bios-01
    folder: /DC1/Production
    host: esxi-01
    power: poweredOff
    disks: [{size_gib: 1, content: bootable-bios}]
"""
AS_ASKED: dict[str, Any] = {"public_ip": True, "checks": ("tcp:8080", "http:8080/")}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[LabSite]:
    scenario = tmp_path / "boots.yaml"
    scenario.write_text(SCENARIO)
    cache = Path(os.environ.get("V2S_LAB_CACHE") or Path.home() / ".cache/v2s-lab")
    site = LabSite(tmp_path / "lab", scenario=str(scenario), boot=True, guest_cache=cache)
    yield site
    site.stop()


def migrate(migration: LabMigration, *guest_stages: Stage) -> None:
    """Every stage until the Instance runs."""
    for stage in (Stage.VALIDATE, Stage.SNAPSHOT, Stage.EXPORT, Stage.CONVERT, *guest_stages):
        migration.run(stage)
    migration.run_from(Stage.UPLOAD_S3, until=Stage.CREATE_INSTANCE)


def server(site: LabSite, server_id: str) -> dict[str, Any]:
    """As the API and the lab know it."""
    (found,) = [each for each in site.state()["resources"]["server"] if each["id"] == server_id]
    return dict(found)


def test_a_migrated_guest_answers_from_the_cloud_and_an_unadapted_one_does_not(
    site: LabSite, tmp_path: Path
) -> None:
    as_is = LabMigration(site, "bios-01", tmp_path / "work", "as-is", adapt=False, **AS_ASKED)
    migrate(as_is)
    adapted = LabMigration(site, "bios-01", tmp_path / "work", "adapted", **AS_ASKED)
    migrate(adapted, Stage.ADAPT_GUEST, Stage.ENSURE_UEFI)
    done = adapted.run(Stage.VERIFY)
    assert f"tcp:8080 at {done.public_ip}: answers" in done.notes["verified"]
    with urllib.request.urlopen(f"http://{done.public_ip}:8080/", timeout=10) as answer:
        page = answer.read().decode().split()
    assert page == ["host", "bios-01", "firmware", "uefi", "disk", "sda", "SCW", "network", "ens2"]

    as_is.planned = replace(as_is.planned, boot_timeout_seconds=3)
    with pytest.raises(VerificationFailed, match=r"tcp:8080 at 127\.\S+: .*refused for"):
        as_is.run(Stage.VERIFY)
    console = Path(server(site, as_is.artifacts.server_id)["_console"]).read_bytes()
    assert b"UEFI Interactive Shell" in console

    cloud, zone = site.cloud, adapted.planned.zone
    cloud.instance_action(zone, done.server_id, "poweroff")
    deadline = time.monotonic() + 30
    while server(site, done.server_id)["state"] != "stopped" and time.monotonic() < deadline:
        time.sleep(0.2)
    assert server(site, done.server_id)["state"] == "stopped"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((done.public_ip, 8080), timeout=10)
