"""Looking at and removing one resource by its id, per kind."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from v2s_tui.adapters.scaleway import resources
from v2s_tui.adapters.scaleway.addresses import release_ours
from v2s_tui.domain.ports import CloudResource

if TYPE_CHECKING:
    from v2s_tui.adapters.scaleway.sdk import Apis


def _delete_instance(apis: "Apis", zone: str, instance_id: str) -> None:
    """Its volumes are detached first: deleting an Instance deletes what is attached (scaleway.md E4).

    Its private NICs go with it; the addresses that were booked for them are given back.
    """
    server = apis.instance.get_server(zone=zone, server_id=instance_id).server
    for volume in (server.volumes or {}).values():
        apis.instance.detach_server_volume(zone=zone, server_id=instance_id, volume_id=volume.id)
    apis.instance.delete_server(zone=zone, server_id=instance_id)
    release_ours(apis, zone, [each for nic in server.private_nics or () for each in nic.ipam_ip_ids or ()])


def _delete_private_nic(apis: "Apis", zone: str, resource_id: str) -> None:
    """The address that was booked for it is given back too."""
    server_id, _, nic_id = resource_id.partition("/")
    nic = apis.instance.get_private_nic(zone=zone, server_id=server_id, private_nic_id=nic_id).private_nic
    apis.instance.delete_private_nic(zone=zone, server_id=server_id, private_nic_id=nic_id)
    release_ours(apis, zone, nic.ipam_ip_ids or [])


def _get_private_nic(apis: "Apis", zone: str, resource_id: str) -> CloudResource:
    server_id, _, nic_id = resource_id.partition("/")
    answer = apis.instance.get_private_nic(zone=zone, server_id=server_id, private_nic_id=nic_id)
    return resources.from_private_nic(answer.private_nic)


GETTERS: dict[str, Callable[[Any, str, str], CloudResource]] = {
    "block_snapshot": lambda apis, zone, each: resources.from_block_snapshot(
        apis.block.get_snapshot(zone=zone, snapshot_id=each)
    ),
    "volume": lambda apis, zone, each: resources.from_volume(
        apis.block.get_volume(zone=zone, volume_id=each)
    ),
    "image": lambda apis, zone, each: resources.from_image(
        apis.instance.get_image(zone=zone, image_id=each).image
    ),
    "ip": lambda apis, zone, each: resources.from_ip(apis.instance.get_ip(zone=zone, ip=each).ip),
    "instance": lambda apis, zone, each: resources.from_server(
        apis.instance.get_server(zone=zone, server_id=each).server
    ),
    "private_nic": _get_private_nic,
}

DELETERS: dict[str, Callable[[Any, str, str], None]] = {
    "block_snapshot": lambda apis, zone, each: apis.block.delete_snapshot(zone=zone, snapshot_id=each),
    "volume": lambda apis, zone, each: apis.block.delete_volume(zone=zone, volume_id=each),
    "image": lambda apis, zone, each: apis.instance.delete_image(zone=zone, image_id=each),
    "ip": lambda apis, zone, each: apis.instance.delete_ip(zone=zone, ip=each),
    "instance": _delete_instance,
    "private_nic": _delete_private_nic,
}
