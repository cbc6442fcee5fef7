"""Looking at and removing one resource by its id, per kind."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from v2s_tui.adapters.scaleway import resources
from v2s_tui.adapters.scaleway.addresses import used_addresses
from v2s_tui.domain.errors import NotFound, TargetError
from v2s_tui.domain.ports import CloudResource, CloudState
from v2s_tui.domain.target.private_networks import region_of

if TYPE_CHECKING:
    from v2s_tui.adapters.scaleway.sdk import Apis


_LETTING_GO_SECONDS = 60.0
_LOOK_SECONDS = 2.0
_NOT_DELETABLE = frozenset({"running", "starting", "stopping", "stopped in place"})


def _delete_instance(apis: "Apis", zone: str, instance_id: str) -> None:
    """Its volumes are detached first: deleting an Instance deletes what is attached (scaleway.md E4).

    A running one is refused before anything is detached. Its private NICs go with it; addresses that were
    booked for them stay booked. Returns once its volumes can be used or deleted, which Scaleway allows some
    seconds after the Instance is gone (terraform-provider-scaleway #2931, scaleway-cli #4388), or after a
    minute.
    """
    server = apis.instance.get_server(zone=zone, server_id=instance_id).server
    if str(server.state) in _NOT_DELETABLE:
        raise TargetError(f"the Instance {server.name} is {server.state}", hint="power it off first")
    volume_ids = [volume.id for volume in (server.volumes or {}).values()]
    for each in volume_ids:
        apis.instance.detach_server_volume(zone=zone, server_id=instance_id, volume_id=each)
    apis.instance.delete_server(zone=zone, server_id=instance_id)
    waited = 0.0
    while waited < _LETTING_GO_SECONDS and any(_is_held(apis, zone, each) for each in volume_ids):
        apis.instance.transport.pause(_LOOK_SECONDS)
        waited += _LOOK_SECONDS


def _is_held(apis: "Apis", zone: str, volume_id: str) -> bool:
    try:
        return resources.from_volume(apis.block.get_volume(zone=zone, volume_id=volume_id)).state in {
            CloudState.IN_USE,
            CloudState.PENDING,
        }
    except NotFound:
        return False


def _delete_private_nic(apis: "Apis", zone: str, resource_id: str) -> None:
    server_id, _, nic_id = resource_id.partition("/")
    apis.instance.delete_private_nic(zone=zone, server_id=server_id, private_nic_id=nic_id)


def _get_private_nic(apis: "Apis", zone: str, resource_id: str) -> CloudResource:
    server_id, _, nic_id = resource_id.partition("/")
    answer = apis.instance.get_private_nic(zone=zone, server_id=server_id, private_nic_id=nic_id)
    return resources.from_private_nic(answer.private_nic)


def _get_private_network(apis: "Apis", zone: str, network_id: str) -> CloudResource:
    region = region_of(zone)
    network = apis.vpc.get_private_network(region=region, private_network_id=network_id)
    return resources.from_private_network(network, used_addresses(apis, region, network_id))


def _delete_private_network(apis: "Apis", zone: str, network_id: str) -> None:
    """The API refuses while a resource is attached or an address is booked (docs: vpc/cant-delete-vpc-pn)."""
    apis.vpc.delete_private_network(region=region_of(zone), private_network_id=network_id)


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
    "private_network": _get_private_network,
    "address": lambda apis, zone, each: resources.from_address(
        apis.ipam.get_ip(region=region_of(zone), ip_id=each)
    ),
}

DELETERS: dict[str, Callable[[Any, str, str], None]] = {
    "block_snapshot": lambda apis, zone, each: apis.block.delete_snapshot(zone=zone, snapshot_id=each),
    "volume": lambda apis, zone, each: apis.block.delete_volume(zone=zone, volume_id=each),
    "image": lambda apis, zone, each: apis.instance.delete_image(zone=zone, image_id=each),
    "ip": lambda apis, zone, each: apis.instance.delete_ip(zone=zone, ip=each),
    "instance": _delete_instance,
    "private_nic": _delete_private_nic,
    "private_network": _delete_private_network,
    "address": lambda apis, zone, each: apis.ipam.release_ip(region=region_of(zone), ip_id=each),
}
