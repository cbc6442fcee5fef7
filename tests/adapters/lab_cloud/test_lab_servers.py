"""The life of an Instance against the lab, through the unmodified SDK."""

from pathlib import Path
from typing import Any

import pytest
from cloud_under_test import BUCKET, Cloud, qemu_img, until
from scaleway.block.v1 import (
    BlockV1API,
    CreateVolumeRequestFromEmpty,
    CreateVolumeRequestFromSnapshot,
    Snapshot,
    Volume,
)
from scaleway.instance.v1 import VolumeServerTemplate, VolumeTemplate
from scaleway.instance.v1.custom_api import InstanceUtilsV1API
from scaleway.ipam.v1 import IpamV1API, Source
from scaleway.vpc.v2 import VpcV2API
from scaleway_core.api import ScalewayException

pytestmark = pytest.mark.usefixtures("trusting")
GB = 10**9


@pytest.fixture
def instance(cloud: Cloud) -> InstanceUtilsV1API:
    return InstanceUtilsV1API(cloud.client())


@pytest.fixture
def block(cloud: Cloud) -> BlockV1API:
    return BlockV1API(cloud.client())


def ready_volume(block: BlockV1API, name: str = "data", size: int = 10 * GB, **source: Any) -> Volume:
    kind = source or {"from_empty": CreateVolumeRequestFromEmpty(size=size)}
    volume = block.create_volume(name=name, **kind)
    return until(lambda: block.get_volume(volume_id=volume.id), lambda each: each.status == "available")


def by_id(volume: Volume) -> VolumeServerTemplate:
    return VolumeServerTemplate(id=volume.id, volume_type="sbs_volume", boot=None, size=None)


def new_server(instance: InstanceUtilsV1API, *volumes: Volume, **changes: Any) -> Any:
    chosen = {str(index): by_id(volume) for index, volume in enumerate(volumes)}
    arguments = {
        "commercial_type": "POP2-2C-8G",
        "name": "web",
        "volumes": chosen,
        "dynamic_ip_required": False,
    }
    return instance.create_server(**arguments | changes).server


def reach(instance: InstanceUtilsV1API, server_id: str, state: str) -> Any:
    return until(lambda: instance.get_server(server_id=server_id).server, lambda each: each.state == state)


def act(instance: InstanceUtilsV1API, server_id: str, action: str) -> Any:
    return instance.server_action(server_id=server_id, action=action).task


def refused(call: Any, *arguments: Any, **keywords: Any) -> tuple[int, dict[str, Any]]:
    with pytest.raises(ScalewayException) as failed:
        call(*arguments, **keywords)
    return failed.value.status_code, failed.value.response.json()


def snapshot_of(cloud: Cloud, block: BlockV1API, folder: Path, key: str) -> Snapshot:
    qemu_img("create", "-q", "-f", "qcow2", folder / "s.qcow2", "2G")
    cloud.put({key: folder / "s.qcow2"})
    made = block.import_snapshot_from_object_storage(bucket=BUCKET, key=key, name=key)
    return until(lambda: block.get_snapshot(snapshot_id=made.id), lambda each: each.status == "available")


def test_from_volumes_to_running_and_away(instance: InstanceUtilsV1API, block: BlockV1API) -> None:
    volumes = [ready_volume(block, f"disk-{number}") for number in range(3)]
    server = new_server(instance, *volumes, tags=["batch", "vm"], name="Web_Prod 01")
    assert (server.state, server.image, server.hostname) == ("stopped", None, "web-prod-01")
    assert [server.volumes[key].id for key in ("0", "1", "2")] == [each.id for each in volumes]
    assert (server.volumes["0"].name, server.volumes["0"].size) == (None, None)
    used = block.get_volume(volume_id=volumes[1].id)
    assert used.status == "in_use"
    assert [(ref.product_resource_type, ref.product_resource_id) for ref in used.references] == [
        ("instance_server", server.id)
    ]
    task = act(instance, server.id, "poweron")
    assert (task.progress, task.id) == (0, "00000000-0000-0000-0000-000000000000")
    running = reach(instance, server.id, "running")
    assert running.state_detail == "booting kernel"
    act(instance, server.id, "stop_in_place")
    reach(instance, server.id, "stopped in place")
    act(instance, server.id, "poweron")
    reach(instance, server.id, "running")
    assert refused(instance.delete_server, server_id=server.id)[0] == 400
    act(instance, server.id, "terminate")
    until(lambda: [each.id for each in instance.list_servers_all()], lambda found: server.id not in found)
    status, answer = refused(instance.get_server, server_id=server.id)
    assert (status, answer["type"], answer["resource"]) == (404, "not_found", "instance_server")
    assert {block.get_volume(volume_id=each.id).status for each in volumes} == {"available"}


def test_a_stopped_server_is_deleted_and_its_volumes_stay(
    instance: InstanceUtilsV1API, block: BlockV1API
) -> None:
    volume = ready_volume(block)
    server = new_server(instance, volume)
    assert refused(act, instance, server.id, "terminate")[0] == 400
    status, answer = refused(block.delete_volume, volume_id=volume.id)
    assert (status, answer["precondition"]) == (412, "resource_still_in_use")
    instance.delete_server(server_id=server.id)
    block.delete_volume(volume_id=volume.id)
    until(lambda: [each.id for each in block.list_volumes_all(include_deleted=False)],
          lambda found: volume.id not in found)  # fmt: skip


def test_a_server_from_an_image_has_all_its_disks(
    cloud: Cloud, instance: InstanceUtilsV1API, block: BlockV1API, tmp_path: Path
) -> None:
    root, data = (snapshot_of(cloud, block, tmp_path, f"{name}.qcow2") for name in ("root", "data"))
    image = instance.create_image(
        name="migrated-web",
        root_volume=root.id,
        arch="x86_64",
        public=False,
        extra_volumes={"1": VolumeTemplate(id=data.id, name=None, size=None, volume_type=None)},
    ).image
    assert (image.state, image.root_volume.volume_type) == ("available", "sbs_snapshot")
    assert image.extra_volumes["1"].id == data.id
    assert refused(block.delete_snapshot, snapshot_id=root.id)[0] == 412
    server = instance.create_server(
        commercial_type="POP2-2C-8G", image=image.id, name="from-image", dynamic_ip_required=False
    ).server
    parents = [block.get_volume(volume_id=server.volumes[key].id).parent_snapshot_id for key in ("0", "1")]
    assert parents == [root.id, data.id]
    assert server.image.id == image.id
    both = {"0": by_id(ready_volume(block))}
    assert refused(new_server, instance, image=image.id, volumes=both)[0] == 400
    instance.delete_image(image_id=image.id)
    block.delete_snapshot(snapshot_id=root.id)


def test_a_server_straight_from_snapshots(
    cloud: Cloud, instance: InstanceUtilsV1API, block: BlockV1API, tmp_path: Path
) -> None:
    snapshot = snapshot_of(cloud, block, tmp_path, "direct.qcow2")
    template = VolumeServerTemplate(volume_type="sbs_volume", base_snapshot=snapshot.id, boot=True, size=None)
    server = new_server(instance, volumes={"0": template})
    volume = block.get_volume(volume_id=server.volumes["0"].id)
    assert (volume.size, volume.status, server.volumes["0"].boot) == (snapshot.size, "in_use", True)
    careless = VolumeServerTemplate(volume_type="sbs_volume", base_snapshot=snapshot.id)
    status, answer = refused(new_server, instance, volumes={"0": careless})
    assert (status, answer["details"][0]["argument_name"]) == (400, "volumes.0.size")


def test_volumes_grow_and_get_faster_while_attached(instance: InstanceUtilsV1API, block: BlockV1API) -> None:
    volume = ready_volume(block)
    new_server(instance, volume)
    changed = block.update_volume(volume_id=volume.id, perf_iops=15000, size=20 * GB)
    assert changed.status in ("updating", "resizing")
    done = until(lambda: block.get_volume(volume_id=volume.id), lambda each: each.status == "in_use")
    assert (done.size, done.specs.perf_iops, done.type_) == (20 * GB, 15000, "sbs_15k")
    assert refused(block.update_volume, volume_id=volume.id, size=GB)[0] == 400


def test_a_server_that_starts_takes_no_other_action(
    cloud: Cloud, instance: InstanceUtilsV1API, block: BlockV1API, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = new_server(instance, ready_volume(block))
    monkeypatch.setattr(cloud.scaleway.world.store, "speed", 0.1)
    act(instance, server.id, "poweron")
    starting = instance.get_server(server_id=server.id).server
    assert (starting.state, starting.state_detail) == ("starting", "allocating node")
    assert starting.allowed_actions == []
    status, answer = refused(act, instance, server.id, "poweroff")
    assert (status, answer["type"], answer["current_state"]) == (409, "transient_state", "starting")


def test_a_volume_that_is_being_made_cannot_be_used(
    cloud: Cloud, instance: InstanceUtilsV1API, block: BlockV1API, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = ready_volume(block)
    monkeypatch.setattr(cloud.scaleway.world.store, "speed", 0.1)
    fresh = block.create_volume(name="fresh", from_empty=CreateVolumeRequestFromEmpty(size=10 * GB))
    status, answer = refused(new_server, instance, fresh)
    assert (status, answer["type"], answer["current_state"]) == (409, "transient_state", "creating")
    new_server(instance, taken)
    assert refused(new_server, instance, taken)[0] == 412


def test_more_than_sixteen_volumes_are_refused(instance: InstanceUtilsV1API) -> None:
    templates = {
        str(number): VolumeServerTemplate(volume_type="sbs_volume", size=10 * GB, boot=None)
        for number in range(17)
    }
    assert refused(new_server, instance, volumes=templates)[0] == 400


def test_volumes_are_attached_and_detached(instance: InstanceUtilsV1API, block: BlockV1API) -> None:
    root, extra = ready_volume(block), ready_volume(block)
    server = new_server(instance, root)
    after = instance.attach_server_volume(
        server_id=server.id, volume_id=extra.id, volume_type="sbs_volume"
    ).server
    assert after.volumes["1"].id == extra.id
    instance.detach_server_volume(server_id=server.id, volume_id=extra.id)
    assert block.get_volume(volume_id=extra.id).status == "available"


def test_user_data_is_kept_as_it_was_sent(instance: InstanceUtilsV1API, block: BlockV1API) -> None:
    server = new_server(instance, ready_volume(block))
    text = b"#cloud-config\nhostname: \xc3\xa9t\xc3\xa9\n"
    instance.set_server_user_data(server_id=server.id, key="cloud-init", content=text)
    assert instance.list_server_user_data(server_id=server.id).user_data == ["cloud-init"]
    assert instance.get_server_user_data(server_id=server.id, key="cloud-init").content == text
    instance.delete_server_user_data(server_id=server.id, key="cloud-init")
    assert instance.list_server_user_data(server_id=server.id).user_data == []


def test_a_booked_address_reaches_its_nic(
    cloud: Cloud, instance: InstanceUtilsV1API, block: BlockV1API
) -> None:
    vpc, ipam = VpcV2API(cloud.client()), IpamV1API(cloud.client())
    network = vpc.create_private_network(
        name="prod", subnets=["172.16.64.0/22"], default_route_propagation_enabled=False
    )
    booked = ipam.book_ip(source=Source(private_network_id=network.id), address="172.16.64.7", is_ipv6=False)
    assert booked.address == "172.16.64.7/22"
    again = {"source": Source(private_network_id=network.id), "is_ipv6": False}
    assert refused(ipam.book_ip, address="172.16.64.7", **again)[0] == 409
    for kept in ("172.16.64.0", "172.16.64.1", "172.16.67.254", "172.16.67.255", "10.0.0.1"):
        assert refused(ipam.book_ip, address=kept, **again)[0] == 400
    server = new_server(instance, ready_volume(block))
    nic = instance.create_private_nic(
        server_id=server.id, private_network_id=network.id, ipam_ip_ids=[booked.id]
    ).private_nic
    assert nic.state == "syncing"
    assert nic.mac_address.startswith("02:00:00")
    until(
        lambda: instance.get_private_nic(server_id=server.id, private_nic_id=nic.id).private_nic,
        lambda each: each.state == "available",
    )
    assert ipam.get_ip(ip_id=booked.id).resource.id == nic.id
    assert refused(vpc.delete_private_network, private_network_id=network.id)[0] == 412
    instance.delete_server(server_id=server.id)
    assert ipam.get_ip(ip_id=booked.id).resource is None
    assert refused(vpc.delete_private_network, private_network_id=network.id)[0] == 412
    ipam.release_ip(ip_id=booked.id)
    vpc.delete_private_network(private_network_id=network.id)


def test_overlapping_subnets_are_refused(cloud: Cloud) -> None:
    vpc = VpcV2API(cloud.client())
    chosen = {"default_route_propagation_enabled": False}
    vpc.create_private_network(name="one", subnets=["10.9.0.0/24"], **chosen)
    assert refused(vpc.create_private_network, name="two", subnets=["10.9.0.128/25"], **chosen)[0] == 409
    free = vpc.create_private_network(name="three", **chosen)
    assert free.subnets[0].subnet.endswith("/22")


def test_addresses_security_groups_and_placement_groups(
    instance: InstanceUtilsV1API, block: BlockV1API
) -> None:
    ip = instance.create_ip(type_="routed_ipv4", tags=["v2s"]).ip
    group = instance.create_security_group(
        name="web", description="", stateful=True, inbound_default_policy="drop",
        outbound_default_policy="accept",
    ).security_group  # fmt: skip
    placement = instance.create_placement_group(
        name="apart", policy_mode="enforced", policy_type="max_availability"
    ).placement_group
    rule = {"direction": "inbound", "action": "accept", "ip_range": "0.0.0.0/0", "dest_port_from": 443,
            "position": 1, "editable": True}  # fmt: skip
    named = {"security_group_id": group.id}
    made = instance.create_security_group_rule(**named, protocol="TCP", **rule).rule
    assert refused(instance.create_security_group_rule, **named, protocol="tcp", **rule)[0] == 400
    assert [each.id for each in instance.list_security_group_rules(**named).rules] == [made.id]
    server = new_server(
        instance, ready_volume(block), public_ips=[ip.id], security_group=group.id,
        placement_group=placement.id,
    )  # fmt: skip
    assert [each.address for each in server.public_ips] == [ip.address]
    assert (server.security_group.id, server.placement_group.id) == (group.id, placement.id)
    assert instance.get_ip(ip=ip.id).ip.server.id == server.id
    assert refused(instance.delete_security_group, security_group_id=group.id)[0] == 412
    instance.delete_server(server_id=server.id)
    assert instance.get_ip(ip=ip.id).ip.server is None
    instance.delete_ip(ip=ip.id)
    instance.delete_security_group(security_group_id=group.id)
    instance.delete_placement_group(placement_group_id=placement.id)


def test_lists_filter_by_tag_and_name(instance: InstanceUtilsV1API, block: BlockV1API) -> None:
    for name in ("filter-a", "filter-b"):
        volume = ready_volume(block, name)
        new_server(instance, volume, name=name, tags=["v2s", f"vm={name}"])
    assert [each.name for each in instance.list_servers_all(tags=["v2s", "vm=filter-a"])] == ["filter-a"]
    assert {each.name for each in instance.list_servers_all(name="filter-")} == {"filter-a", "filter-b"}
    assert [each.name for each in block.list_volumes_all(name="filter-b", include_deleted=False)] == [
        "filter-b"
    ]


def test_a_snapshot_of_a_volume_makes_volumes(block: BlockV1API) -> None:
    volume = ready_volume(block, "origin")
    snapshot = block.create_snapshot(volume_id=volume.id, name="copy", public=False)
    until(lambda: block.get_snapshot(snapshot_id=snapshot.id), lambda each: each.status == "available")
    source = CreateVolumeRequestFromSnapshot(snapshot_id=snapshot.id, size=20 * GB)
    copy = ready_volume(block, "copied", from_snapshot=source)
    assert (copy.size, copy.parent_snapshot_id) == (20 * GB, snapshot.id)
