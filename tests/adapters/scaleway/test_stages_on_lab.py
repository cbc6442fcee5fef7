"""A VM from vCenter to a running Instance, stage by stage, through every real protocol of the lab."""

import subprocess
from pathlib import Path

import pytest
from lab_stages import LabMigration, LabSite

from v2s_tui.domain.planning.stages import Stage

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    made = LabSite(tmp_path_factory.mktemp("lab"))
    yield made
    made.stop()


def test_a_vm_with_two_disks_arrives_whole_and_leaves_nothing_behind(site, tmp_path):
    migration = LabMigration(site, "tiny-03", tmp_path, "0000a001", tags=("team:web",))
    migration.run_from(Stage.VALIDATE)

    state = site.state()
    (server,) = [each for each in state["resources"]["server"] if each["name"] == "tiny-03"]
    assert server["state"] == "running"
    assert server["id"] == migration.artifacts.server_id
    assert "ok volumes in boot order: all, in order" in migration.artifacts.notes["verified"]
    assert state["buckets"][site.bucket]["objects"] == []
    assert state["buckets"][site.bucket]["uploads"] == []
    assert site.source.snapshots_named("v2s-0000a001") == ()
    assert site.cloud.find("block_snapshot", "fr-par-1", "v2s:0a1b2c3d:0000a001") == ()
    assert not migration.work_dir.exists()
