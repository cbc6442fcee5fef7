"""SDK models become CloudResource: the API's many words for states are reduced to those that decide.

Words not in a table are PENDING: a state that Scaleway adds later is waited out, never taken for success.
"""

from typing import Any

from v2s_tui.domain.ports import CloudResource, CloudState

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


def from_block_snapshot(snapshot: Any) -> CloudResource:
    """scaleway.block.v1 Snapshot."""
    return CloudResource(
        id=snapshot.id,
        name=snapshot.name,
        state=state_of("block_snapshot", snapshot.status),
        status=str(snapshot.status),
        zone=str(snapshot.zone),
        tags=tuple(snapshot.tags or ()),
        size_bytes=snapshot.size or 0,
        created_at=snapshot.created_at,
    )


def from_volume(volume: Any) -> CloudResource:
    """scaleway.block.v1 Volume. detail: its performance class, `5000 IOPS`."""
    iops = getattr(volume.specs, "perf_iops", None)
    return CloudResource(
        id=volume.id,
        name=volume.name,
        state=state_of("volume", volume.status),
        status=str(volume.status),
        zone=str(volume.zone),
        tags=tuple(volume.tags or ()),
        size_bytes=volume.size or 0,
        created_at=volume.created_at,
        attached_to=next((each.product_resource_id for each in volume.references or ()), ""),
        detail=f"{iops} IOPS" if iops else "",
    )


def from_image(image: Any) -> CloudResource:
    """scaleway.instance.v1 Image. volumes: its snapshots, root first."""
    extra = sorted((image.extra_volumes or {}).items(), key=lambda item: int(item[0]))
    root = [image.root_volume.id] if image.root_volume else []
    return CloudResource(
        id=image.id,
        name=image.name,
        state=state_of("image", image.state),
        status=str(image.state),
        zone=str(image.zone),
        tags=tuple(image.tags or ()),
        created_at=image.creation_date,
        volumes=(*root, *(volume.id for _, volume in extra)),
    )


def from_ip(ip: Any) -> CloudResource:
    """scaleway.instance.v1 Ip."""
    return CloudResource(
        id=ip.id,
        name=ip.address,
        state=state_of("ip", ip.state),
        status=str(ip.state),
        zone=str(ip.zone),
        tags=tuple(ip.tags or ()),
        attached_to=ip.server.id if ip.server else "",
        address=ip.address,
    )


def from_private_nic(nic: Any) -> CloudResource:
    """scaleway.instance.v1 PrivateNIC. id: `{server}/{nic}`, because the API finds a NIC by both.

    name: id of its Private Network. detail: its MAC address.
    """
    return CloudResource(
        id=f"{nic.server_id}/{nic.id}",
        name=nic.private_network_id,
        state=state_of("private_nic", nic.state),
        status=str(nic.state),
        zone=str(nic.zone),
        tags=tuple(nic.tags or ()),
        created_at=nic.creation_date,
        attached_to=nic.server_id,
        detail=nic.mac_address or "",
    )


def from_server(server: Any) -> CloudResource:
    """scaleway.instance.v1 Server. volumes: in the order of their slots, the boot volume first."""
    slots = sorted((server.volumes or {}).items(), key=lambda item: int(item[0]))
    return CloudResource(
        id=server.id,
        name=server.name,
        state=state_of("instance", server.state),
        status=str(server.state),
        zone=str(server.zone),
        tags=tuple(server.tags or ()),
        created_at=server.creation_date,
        commercial_type=server.commercial_type,
        volumes=tuple(volume.id for _, volume in slots),
        addresses=tuple(ip.address for ip in server.public_ips or ()),
        private_nics=tuple(f"{server.id}/{nic.id}" for nic in server.private_nics or ()),
        detail=server.state_detail or "",
    )
