"""`export_strategy` streaming and auto on a disk of several parts, through every real protocol of the lab."""

from pathlib import Path

import pytest
import yaml
from lab_stages import LabMigration, LabSite

from v2s_tui.domain.errors import StorageError
from v2s_tui.domain.execution.part_size import LEAST_PART_BYTES
from v2s_tui.domain.execution.transfer import Strategy
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.engine.stages.export import export_holds

pytestmark = pytest.mark.lab

SCENARIO = {
    "name": "streaming",
    "hosts": [{"name": "esxi-01", "cluster": "prod"}],
    "datastores": ["datastore1"],
    "networks": ["VM Network"],
    "vms": [
        {
            "name": "large-01",
            "folder": "/DC1/Production",
            "host": "esxi-01",
            "firmware": "efi",
            "power": "poweredOff",
            "networks": ["VM Network"],
            "disks": [{"size_gib": 1, "content": "random", "payload_mib": 140}],
        }
    ],
}
"""Half of its 140 MiB do not compress, so that the image has at least four parts of 16 MiB."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("streaming")
    scenario = folder / "scenario.yaml"
    scenario.write_text(yaml.safe_dump(SCENARIO))
    made = LabSite(folder / "lab", scenario=str(scenario))
    yield made
    made.stop()


@pytest.fixture
def migration_of(site, tmp_path):
    def made(migration_id: str) -> LabMigration:
        migration = LabMigration(site, "large-01", tmp_path, migration_id)
        migration.change(strategy=Strategy.STREAMING)
        return migration

    return made


def upload(migration: LabMigration) -> int:
    """Run the stage; bytes that crossed the wire for it."""
    migration.context.progress.moved_bytes = 0
    migration.run(Stage.UPLOAD_S3)
    return migration.context.progress.moved_bytes


def test_parts_that_went_out_early_are_not_sent_again_and_the_volume_is_whole(site, migration_of):
    migration = migration_of("0000c001")
    migration.run_from(Stage.VALIDATE, until=Stage.EXPORT)
    (disk,) = migration.artifacts.disks
    early_bytes = sum(part.size_bytes for part in disk.early_parts)
    assert early_bytes >= 2 * LEAST_PART_BYTES
    assert early_bytes % LEAST_PART_BYTES == 0
    assert migration.context.progress.moved_bytes == disk.received_bytes + early_bytes
    assert migration.context.progress.activity.endswith(f"{early_bytes // 2**20} MiB sent")
    migration.run(Stage.CONVERT)
    sent_bytes = upload(migration)
    (disk,) = migration.artifacts.disks
    assert sent_bytes == disk.object_bytes - early_bytes
    assert disk.object_etag.endswith(f"-{-(-disk.object_bytes // LEAST_PART_BYTES)}")
    migration.run_from(Stage.IMPORT_SCW)
    migration.compare_volumes()
    bucket = site.state()["buckets"][site.bucket]
    assert not bucket["objects"]
    assert not bucket["uploads"]


def test_a_disk_that_is_read_again_goes_on_with_the_same_upload(site, migration_of):
    migration = migration_of("0000c002")
    migration.run_from(Stage.VALIDATE, until=Stage.EXPORT)
    Path(migration.artifacts.disks[0].base.path).unlink()
    migration.run_from(Stage.EXPORT, until=Stage.CONVERT)
    (key,) = [each.key for each in site.objects.list_uploads(site.bucket, "migrations/0000c002/")]
    upload(migration)
    assert migration.artifacts.disks[0].key == key
    migration.run_from(Stage.IMPORT_SCW)
    migration.compare_volumes()


def test_an_upload_that_was_aborted_meanwhile_costs_nothing_but_time(site, migration_of):
    migration = migration_of("0000c003")
    migration.run_from(Stage.VALIDATE, until=Stage.CONVERT)
    for each in site.objects.list_uploads(site.bucket, "migrations/0000c003/"):
        site.objects.abort_upload(site.bucket, each.key, each.upload_id)
    sent_bytes = upload(migration)
    assert sent_bytes == migration.artifacts.disks[0].object_bytes
    migration.run_from(Stage.IMPORT_SCW)
    migration.compare_volumes()


def test_early_sending_that_fails_does_not_fail_the_export(site, migration_of, monkeypatch):
    def refused(*_arguments: object) -> str:
        raise StorageError("the part was refused")

    migration = migration_of("0000c004")
    with monkeypatch.context() as patched:
        patched.setattr("v2s_tui.adapters.objectstore.part_sender.PartSender._put", refused)
        migration.run_from(Stage.VALIDATE, until=Stage.EXPORT)
    assert migration.artifacts.disks[0].early_parts == ()
    assert migration.artifacts.notes["early upload of disk 0"] == "ended: the part was refused"
    migration.run(Stage.CONVERT)
    assert upload(migration) == migration.artifacts.disks[0].object_bytes
    migration.run(Stage.CLEANUP)
    assert not site.state()["buckets"][site.bucket]["uploads"]


def occupied_bytes(folder: Path) -> int:
    return sum(each.stat().st_blocks * 512 for each in folder.rglob("*.qcow2"))


def test_a_disk_that_nothing_opens_here_leaves_only_its_ends_on_the_work_disk(
    site, migration_of, monkeypatch
):
    monkeypatch.setattr("v2s_tui.engine.stages.multipart.passing_bytes", lambda _: 3 * LEAST_PART_BYTES)
    migration = migration_of("0000c005")
    migration.change(strategy=Strategy.AUTO)
    migration.run_from(Stage.VALIDATE, until=Stage.CONVERT)
    (disk,) = migration.artifacts.disks
    assert disk.passing
    assert "without a local copy" in migration.artifacts.notes["transfer"]
    early_bytes = sum(part.size_bytes for part in disk.early_parts)
    assert early_bytes >= 2 * LEAST_PART_BYTES
    assert occupied_bytes(migration.work_dir) < disk.base.size_bytes - early_bytes + 2**20
    assert export_holds(migration.input(), site.ports).holds
    sent_bytes = upload(migration)
    assert sent_bytes == migration.artifacts.disks[0].object_bytes - early_bytes
    assert export_holds(migration.input(), site.ports).holds
    migration.run_from(Stage.IMPORT_SCW)
    migration.compare_volumes()


def test_a_disk_that_was_not_kept_is_read_again_when_its_parts_are_gone(site, migration_of):
    migration = migration_of("0000c006")
    migration.change(strategy=Strategy.AUTO)
    migration.run_from(Stage.VALIDATE, until=Stage.CONVERT)
    for each in site.objects.list_uploads(site.bucket, "migrations/0000c006/"):
        site.objects.abort_upload(site.bucket, each.key, each.upload_id)
    assert "parts of disk 0 are gone" in export_holds(migration.input(), site.ports).missing[0]
    with pytest.raises(StorageError, match="lost part"):
        upload(migration)
    migration.run_from(Stage.EXPORT)
    migration.compare_volumes()
