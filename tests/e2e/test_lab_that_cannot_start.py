"""A lab that cannot start says why and ends: a start that fails half-way must not wait for ever."""

from pathlib import Path

import pytest
from lab_process import v2s

pytestmark = [pytest.mark.lab]

SCENARIO = """
name: small
hosts: [{name: esxi-01, cluster: prod}]
datastores: [datastore1]
networks: [VM Network]
disks_at_start: true
vms:
  - name: too-small
    folder: /DC1
    host: esxi-01
    guest_id: debian12_64Guest
    guest_full_name: Debian GNU/Linux 12 (64-bit)
    networks: [VM Network]
    disks: [{size_gib: 0.1, content: bootable-bls}]
"""


def test_a_disk_that_cannot_be_made_ends_the_lab_with_its_name(tmp_path: Path) -> None:
    scenario = tmp_path / "small.yaml"
    scenario.write_text(SCENARIO)
    done = v2s(None, "lab", "up", "--dir", str(tmp_path / "lab"), "--scenario", str(scenario), timeout=60)
    assert done.returncode == 2
    assert "the lab did not start: too-small-" in done.stderr
    assert "a bls guest needs 167772160 bytes" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_scenario_is_named(tmp_path: Path) -> None:
    done = v2s(None, "lab", "up", "--dir", str(tmp_path / "lab"), "--scenario", "nope", timeout=60)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "scenario nope" in done.stderr
