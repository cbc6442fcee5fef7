"""A VM from vCenter to a running Instance, stage by stage, through every real protocol of the lab."""

import time
from dataclasses import replace
from functools import partial

import pytest
from fakes.plans import BATCH_ID
from lab_stages import ZONE, LabMigration, LabSite

from v2s_tui.domain.errors import (
    ImportRefused,
    NotFound,
    OutOfStock,
    PreflightBlocked,
    QuotaExceeded,
    TargetError,
)
from v2s_tui.domain.guest.network import NicMode
from v2s_tui.domain.planning.plan import PostMigration
from v2s_tui.domain.planning.plan_options import NewNetwork, VolumeClass
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.domain.ports import CloudState
from v2s_tui.domain.source.vm import PowerState
from v2s_tui.domain.target.network_map import PlannedNic
from v2s_tui.engine.stages.create_instance import instance_holds
from v2s_tui.engine.stages.import_scw import import_holds
from v2s_tui.engine.stages.upload_s3 import upload_holds

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    made = LabSite(tmp_path_factory.mktemp("lab"))
    yield made
    made.stop()


def made_of(site, kind, name):
    return [each for each in site.state()["resources"].get(kind, []) if each["name"] == name]


def test_a_vm_with_two_disks_arrives_whole_and_leaves_nothing_behind(site, tmp_path):
    migration = LabMigration(site, "tiny-03", tmp_path, "0000a001", tags=("team:web",))
    migration.run_from(Stage.VALIDATE)

    state = site.state()
    (server,) = made_of(site, "server", "tiny-03")
    assert server["state"] == "running"
    assert server["id"] == migration.artifacts.server_id
    assert "ok volumes in boot order: all, in order" in migration.artifacts.notes["verified"]
    assert not state["buckets"][site.bucket]["objects"]
    assert not state["buckets"][site.bucket]["uploads"]
    assert site.source.snapshots_named("v2s-0000a001") == ()
    assert site.cloud.find("block_snapshot", ZONE, "v2s:0a1b2c3d:0000a001") == ()
    assert not migration.work_dir.exists()
    migration.compare_volumes()


def test_networks_cloud_init_and_an_image(site, tmp_path):
    network = site.cloud._apis.vpc.create_private_network(
        region="fr-par",
        name="prod-net",
        subnets=["10.10.0.0/24"],
        default_route_propagation_enabled=False,
        project_id=site.lab.secrets.project_id,
    )
    (listed,) = [each for each in site.cloud.private_networks(ZONE) if each.name == "prod-net"]
    assert listed.id == network.id
    assert listed.holds("10.10.0.77")
    assert not listed.holds("10.11.0.1")
    group = site.cloud._apis.instance.create_security_group(
        zone=ZONE, name="web", description="", stateful=True, project=site.lab.secrets.project_id
    ).security_group
    migration = LabMigration(
        site,
        "tiny-01",
        tmp_path,
        "0000a002",
        nics=(
            PlannedNic(
                "Network adapter 1", "", "prod-net", "prod-net", NicMode.STATIC, addresses=("10.10.0.77/24",)
            ),
        ),
        public_ip=True,
        security_group="web",
        volume_class=VolumeClass.SBS_15K,
        cloud_init="#cloud-config\nhostname: tiny\n",
    )
    migration.change(make_image=True, post_migration=PostMigration(tag_source="migrated"))
    migration.run_from(Stage.VALIDATE)

    artifacts = migration.artifacts
    (server,) = made_of(site, "server", "tiny-01")
    assert server["_security_group"] == group.id
    assert artifacts.public_ip
    nic = site.cloud.get("private_nic", ZONE, artifacts.private_nics[0])
    assert nic.state is CloudState.READY
    assert nic.name == network.id
    (booked,) = [
        each for each in site.state()["resources"]["ipam_ip"] if each["address"].startswith("10.10.0.77")
    ]
    assert booked["resource"]["id"] == artifacts.private_nics[0].partition("/")[2]
    volume = site.cloud.get("volume", ZONE, artifacts.disks[0].volume_id)
    assert volume.detail == "15000 IOPS"
    image = site.cloud.get("image", ZONE, artifacts.image_id)
    assert image.volumes == (artifacts.disks[0].snapshot_id,), "the image keeps its snapshot"
    text = site.cloud._apis.instance.get_server_user_data(
        zone=ZONE, server_id=artifacts.server_id, key="cloud-init"
    ).text
    assert text == "#cloud-config\nhostname: tiny\n"
    assert "v2s/migrated" in site.vm("tiny-01").tags

    site.cloud.instance_action(ZONE, artifacts.server_id, "poweroff")
    wait_until_stopped(site, artifacts.server_id)
    (address,) = site.cloud.find("address", "fr-par", "")
    assert (address.name, address.state) == ("10.10.0.77", CloudState.IN_USE)
    site.cloud.delete("instance", ZONE, artifacts.server_id)
    assert site.cloud.get("address", "fr-par", address.id).state is CloudState.READY
    site.cloud.delete("address", "fr-par", address.id)
    assert site.cloud.find("address", "fr-par", "") == ()
    assert site.cloud.get("volume", ZONE, artifacts.disks[0].volume_id) is not None


def test_a_network_of_the_plan_is_made_for_the_first_vm_and_found_by_the_second(site, tmp_path):
    wanted = NewNetwork(name="made-net", vpc="default", subnet="10.20.0.0/24")
    servers = []
    for number, name in enumerate(("tiny-01", "tiny-02"), start=1):
        address = f"10.20.0.{10 + number}/24"
        nics = (PlannedNic("Network adapter 1", "", "lan", "made-net", NicMode.STATIC, addresses=(address,)),)
        migration = LabMigration(site, name, tmp_path, f"0000b00{number}", nics=nics)
        migration.change(private_networks=(wanted,))
        servers.append(migration.run_from(Stage.VALIDATE))
    listed = site.cloud.private_networks(ZONE, with_taken=True)
    (network,) = [each for each in listed if each.name == "made-net"]
    assert "10.20.0.0/24" in network.subnets
    assert {"10.20.0.11", "10.20.0.12"} <= network.taken
    (ours,) = site.cloud.find("private_network", "fr-par", "")
    assert (ours.id, ours.state, ours.detail) == (network.id, CloudState.IN_USE, "2 addresses in use")
    with pytest.raises(TargetError, match="still in use"):
        site.cloud.delete("private_network", "fr-par", network.id)

    for artifacts in servers:
        site.cloud.instance_action(ZONE, artifacts.server_id, "poweroff")
        wait_until_stopped(site, artifacts.server_id)
        site.cloud.delete("instance", ZONE, artifacts.server_id)
    assert site.cloud.get("private_network", ZONE, network.id).state is CloudState.READY
    with pytest.raises(TargetError, match="still in use"):
        site.cloud.delete("private_network", "fr-par", network.id)
    for booked in site.cloud.find("address", "fr-par", ""):
        site.cloud.delete("address", "fr-par", booked.id)
    site.cloud.delete("private_network", "fr-par", network.id)
    assert site.cloud.get("private_network", "fr-par", network.id) is None


def test_a_network_that_cannot_be_made_says_why(site):
    make = partial(site.cloud.create_private_network, ZONE, name="no-net", subnet=None, tags=())
    with pytest.raises(NotFound, match="no VPC in fr-par named green"):
        make(vpc="green")
    site.set(quotas={"vpc_private_networks": 0})
    with pytest.raises(QuotaExceeded, match="of 0 used"):
        make(vpc=None)
    site.set(quotas={"vpc_private_networks": 255})


def test_an_undo_by_hand_keeps_volumes_until_they_are_deleted(site, tmp_path):
    migration = LabMigration(site, "tiny-02", tmp_path, "0000a003")
    artifacts = migration.run_from(Stage.VALIDATE, until=Stage.VERIFY)
    assert all(
        look(migration.input(), site.ports).holds for look in (upload_holds, import_holds, instance_holds)
    )
    site.cloud.instance_action(ZONE, artifacts.server_id, "poweroff")
    wait_until_stopped(site, artifacts.server_id)
    site.cloud.delete("instance", ZONE, artifacts.server_id)
    assert site.cloud.get("instance", ZONE, artifacts.server_id) is None
    assert not instance_holds(migration.input(), site.ports).holds
    volume = site.cloud.get("volume", ZONE, artifacts.disks[0].volume_id)
    assert volume is not None
    site.cloud.delete("volume", ZONE, volume.id)
    wait_until_gone(site, volume.id)
    site.objects.delete(site.bucket, artifacts.disks[0].key)
    found = upload_holds(migration.input(), site.ports)
    assert found.missing == ("the object of disk 0 is missing or another",)


def wait_until_gone(site, volume_id) -> None:
    """A deletion is accepted first and done a moment later."""
    ends = time.monotonic() + 10
    while site.cloud.get("volume", ZONE, volume_id) is not None:
        assert time.monotonic() < ends, "it does not go"
        time.sleep(0.02)


def wait_until_stopped(site, server_id) -> None:
    ends = time.monotonic() + 40
    while site.cloud.get("instance", ZONE, server_id).state is not CloudState.STOPPED:
        assert time.monotonic() < ends, "it does not stop"
        time.sleep(0.1)


def test_quota_stock_and_a_wrong_type_are_found_before_anything_is_touched(site, tmp_path):
    migration = LabMigration(site, "tiny-01", tmp_path, "0000a004", target_type="POP2-4C-16G")
    site.set(quotas={"cp_servers_type_POP2_4C_16G": 0})
    with pytest.raises(QuotaExceeded, match="0 of 0"):
        migration.run(Stage.VALIDATE)
    site.set(quotas={"cp_servers_type_POP2_4C_16G": 10}, stock={f"{ZONE}/POP2-4C-16G": "shortage"})
    with pytest.raises(OutOfStock, match="has no POP2-4C-16G left"):
        migration.run(Stage.VALIDATE)
    wrong = LabMigration(site, "tiny-win-01", tmp_path, "0000a005")
    with pytest.raises(PreflightBlocked, match="no Windows licence"):
        wrong.run(Stage.VALIDATE)
    assert site.source.snapshots_named("v2s-0000a004") == ()


def test_sold_out_at_the_start_another_type_and_another_copy_are_made_of_what_is_there(
    site, tmp_path, monkeypatch
):
    """Two retries of one VM: by an edited entry, then from an earlier stage while its Instance is off."""
    migration = LabMigration(site, "tiny-01", tmp_path, "0000a010", target_type="POP2-8C-32G")
    migration.change(make_image=True)
    migration.run_from(Stage.VALIDATE, until=Stage.IMPORT_SCW)
    act = site.cloud.instance_action

    def at_the_last_moment(*asked):
        site.set(stock={f"{ZONE}/POP2-8C-32G": "shortage", f"{ZONE}/POP2-4C-16G": "available"})
        act(*asked)

    with monkeypatch.context() as patched:
        patched.setattr(site.cloud, "instance_action", at_the_last_moment)
        with pytest.raises(OutOfStock):
            migration.run(Stage.CREATE_INSTANCE)
    (server,) = made_of(site, "server", "tiny-01")
    assert (server["commercial_type"], server["state"]) == ("POP2-8C-32G", "stopped")
    migration.planned = replace(migration.planned, target_type="POP2-4C-16G")
    migration.run(Stage.CREATE_INSTANCE)
    migration.run(Stage.VERIFY)
    (server,) = made_of(site, "server", "tiny-01")
    assert (server["commercial_type"], server["state"]) == ("POP2-4C-16G", "running")

    migration.artifacts = migration.artifacts.with_disk(
        replace(migration.artifacts.disks[0], object_etag="x")
    )
    with pytest.raises(TargetError, match="running from an earlier copy"):
        migration.run_from(Stage.IMPORT_SCW, until=Stage.CREATE_INSTANCE)
    site.cloud.instance_action(ZONE, server["id"], "poweroff")
    wait_until_stopped(site, server["id"])
    migration.run_from(Stage.IMPORT_SCW, until=Stage.VERIFY)
    (again,) = made_of(site, "server", "tiny-01")
    assert again["id"] != server["id"]
    tag = f"v2s:{BATCH_ID}:0000a010"
    kinds = ("volume", "image", "block_snapshot")
    assert {kind: len(site.cloud.find(kind, ZONE, tag)) for kind in kinds} == dict.fromkeys(kinds, 1)
    migration.compare_volumes()


def test_without_an_instance_the_image_is_the_result(site, tmp_path):
    migration = LabMigration(site, "tiny-01", tmp_path, "0000a006", create_instance=False)
    migration.change(make_image=True, post_migration=PostMigration(power_off_source=True))
    artifacts = migration.run_from(Stage.VALIDATE)
    assert "ok image" in artifacts.notes["verified"]
    assert site.cloud.get("block_snapshot", ZONE, artifacts.disks[0].snapshot_id) is not None
    assert site.source.power_state(migration.planned.vm.moref) is PowerState.OFF


def test_what_is_no_qcow2_is_refused_in_plain_words(site, tmp_path):
    path = tmp_path / "no.qcow2"
    path.write_bytes(b"not a disk at all" * 100)
    migration = LabMigration(site, "tiny-01", tmp_path, "0000a007")
    upload_id = site.objects.begin_upload(site.bucket, "no.qcow2")
    site.objects.upload_file(
        path,
        site.bucket,
        "no.qcow2",
        upload_id,
        progress=migration.context.progress,
        cancelled=migration.context.cancelled,
    )
    with pytest.raises(ImportRefused, match="qcow2"):
        site.cloud.import_snapshot(ZONE, bucket=site.bucket, key="no.qcow2", name="no", tags=())
    with pytest.raises(ImportRefused, match="region"):
        site.cloud.import_snapshot("nl-ams-1", bucket=site.bucket, key="no.qcow2", name="no", tags=())
    site.objects.delete(site.bucket, "no.qcow2")


def test_a_network_nobody_made_is_said_by_name(site, tmp_path):
    migration = LabMigration(
        site,
        "tiny-01",
        tmp_path,
        "0000a008",
        nics=(PlannedNic("Network adapter 1", "", "prod-net", "no-such-net"),),
    )
    with pytest.raises(NotFound, match="no Private Network in fr-par named no-such-net"):
        site.cloud.create_private_nic(
            ZONE,
            instance_id="00000000-0000-4000-8000-000000000000",
            private_network_id=migration.planned.nics[0].network,
            address_id="",
            tags=(),
        )
