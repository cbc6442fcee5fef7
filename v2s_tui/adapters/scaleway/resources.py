"""SDK models become CloudResource: the API's many words for states are reduced to those that decide.

Words not in a table are PENDING: a state that Scaleway adds later is waited out, never taken for success.
"""

from collections.abc import Iterable
from typing import Any

from v2s_tui.domain.ports import CloudResource, CloudState

OWN_TAGS = "v2s:"
"""What the tag of everything made by v2s begins with (domain/execution/ledger.py)."""


def has_tag(tags: Iterable[str], tag: str) -> bool:
    """True when it is among them; tag "": when any of them is v2s's."""
    return tag in tags if tag else any(each.startswith(OWN_TAGS) for each in tags)


_STATES: dict[str, dict[str, CloudState]] = {
    "block_snapshot": {
        "available": CloudState.READY,
        "in_use": CloudState.IN_USE,
        "error": CloudState.ERROR,
        "locked": CloudState.ERROR,
        "deleted": CloudState.GONE,
    },
    "volume": {
        "available": CloudState.READY,
        "in_use": CloudState.IN_USE,
        "error": CloudState.ERROR,
        "locked": CloudState.ERROR,
        "deleted": CloudState.GONE,
    },
    "image": {"available": CloudState.READY, "error": CloudState.ERROR},
    "ip": {"detached": CloudState.READY, "attached": CloudState.IN_USE, "error": CloudState.ERROR},
    "private_network": {"empty": CloudState.READY, "used": CloudState.IN_USE},
    "address": {"booked": CloudState.READY, "attached": CloudState.IN_USE},
    "private_nic": {"available": CloudState.READY, "syncing_error": CloudState.ERROR},
    "instance": {
        "running": CloudState.RUNNING,
        "stopped": CloudState.STOPPED,
        "stopped in place": CloudState.STOPPED,
        "stopped_in_place": CloudState.STOPPED,
        "locked": CloudState.ERROR,
    },
}


def state_of(kind: str, status: Any) -> CloudState:
    """The state that decides, of the API's word for a resource of this kind."""
    return _STATES[kind].get(str(status), CloudState.PENDING)


def _resource(kind: str, thing: Any, *, name: str, status: Any, **more: Any) -> CloudResource:
    """What all models have in common, and what each has besides."""
    return CloudResource(
        id=more.pop("id", thing.id),
        name=name,
        state=state_of(kind, status),
        status=str(status),
        zone=str(more.pop("zone", None) or thing.zone),
        tags=tuple(thing.tags or ()),
        **more,
    )


def from_block_snapshot(snapshot: Any) -> CloudResource:
    """scaleway.block.v1 Snapshot."""
    return _resource(
        "block_snapshot",
        snapshot,
        name=snapshot.name,
        status=snapshot.status,
        size_bytes=snapshot.size or 0,
        created_at=snapshot.created_at,
    )


def from_volume(volume: Any) -> CloudResource:
    """scaleway.block.v1 Volume. detail: its performance class, `5000 IOPS`."""
    iops = getattr(volume.specs, "perf_iops", None)
    return _resource(
        "volume",
        volume,
        name=volume.name,
        status=volume.status,
        size_bytes=volume.size or 0,
        created_at=volume.created_at,
        attached_to=next((each.product_resource_id for each in volume.references or ()), ""),
        detail=f"{iops} IOPS" if iops else "",
    )


def from_image(image: Any) -> CloudResource:
    """scaleway.instance.v1 Image. volumes: its snapshots, root first."""
    root = (image.root_volume.id,) if image.root_volume else ()
    return _resource(
        "image",
        image,
        name=image.name,
        status=image.state,
        created_at=image.creation_date,
        volumes=root + _in_slots(image.extra_volumes),
    )


def from_ip(ip: Any) -> CloudResource:
    """scaleway.instance.v1 Ip."""
    attached_to = ip.server.id if ip.server else ""
    return _resource("ip", ip, name=ip.address, status=ip.state, address=ip.address, attached_to=attached_to)


def from_private_nic(nic: Any) -> CloudResource:
    """scaleway.instance.v1 PrivateNIC. id: `{server}/{nic}`, because the API finds a NIC by both.

    name: id of its Private Network. detail: its MAC address.
    """
    return _resource(
        "private_nic",
        nic,
        id=_nic_id(nic.server_id, nic),
        name=nic.private_network_id,
        status=nic.state,
        created_at=nic.creation_date,
        attached_to=nic.server_id,
        detail=nic.mac_address or "",
    )


def from_private_network(network: Any, used_addresses: int) -> CloudResource:
    """scaleway.vpc.v2 PrivateNetwork, which has no state of its own: IN_USE while a resource has an address
    of it. zone: its region. detail: how many.
    """
    return _resource(
        "private_network",
        network,
        name=network.name,
        status="used" if used_addresses else "empty",
        zone=network.region,
        created_at=network.created_at,
        detail=f"{used_addresses} addresses in use" if used_addresses else "",
    )


def from_address(ip: Any) -> CloudResource:
    """scaleway.ipam.v1 IP: an address of a Private Network. zone: its region."""
    attached_to = str(ip.resource.id or "") if ip.resource else ""
    return _resource(
        "address",
        ip,
        name=ip.address.partition("/")[0],
        status="attached" if attached_to else "booked",
        zone=ip.region,
        created_at=ip.created_at,
        address=ip.address.partition("/")[0],
        attached_to=attached_to,
    )


def from_server(server: Any) -> CloudResource:
    """scaleway.instance.v1 Server. volumes: in the order of their slots, the boot volume first."""
    return _resource(
        "instance",
        server,
        name=server.name,
        status=server.state,
        created_at=server.creation_date,
        commercial_type=server.commercial_type,
        volumes=_in_slots(server.volumes),
        addresses=tuple(ip.address for ip in server.public_ips or ()),
        private_nics=tuple(_nic_id(server.id, nic) for nic in server.private_nics or ()),
        detail=server.state_detail or "",
    )


def _in_slots(volumes: Any) -> tuple[str, ...]:
    """Ids of volumes by slot number, `"0"` first."""
    slots = sorted((volumes or {}).items(), key=lambda item: int(item[0]))
    return tuple(volume.id for _, volume in slots)


def _nic_id(server_id: str, nic: Any) -> str:
    return f"{server_id}/{nic.id}"
