"""instance/v1 private NICs: an Instance on a Private Network."""

from v2s_tui.lab.scaleway.answers import NO_CONTENT, Answer, invalid_argument, precondition_failed
from v2s_tui.lab.scaleway.ipam import reserve
from v2s_tui.lab.scaleway.listing import answer_instance_list, selected
from v2s_tui.lab.scaleway.routing import Call, Route
from v2s_tui.lab.scaleway.store import Resource, now_text, public
from v2s_tui.lab.scaleway.volumes import zone_of
from v2s_tui.lab.scaleway.world import World

MAX_NICS = 8
_SYNC_SECONDS = 0.6


def list_nics(call: Call) -> Answer:
    """GET the NICs of a server."""
    server = _server(call)
    found = [each for each in call.world.store.all("private_nic") if each["server_id"] == server["id"]]
    return answer_instance_list(call, "private_nics", selected(call, found))


def _server(call: Call) -> Resource:
    return call.world.store.get("server", call.params["server_id"], place=zone_of(call))


def create_nic(call: Call) -> Answer:
    """POST: on a Private Network of the region, with booked addresses or the next free one."""
    server, world = _server(call), call.world
    network = world.store.get("private_network", call.need("private_network_id"), place=call.region)
    _check_room(world, server, network)
    booked = [_booked(call, each, network) for each in call.body.get("ipam_ip_ids") or []]
    ips = booked or [reserve(world, network, wanted=None)]
    nic = world.store.add("private_nic", _fields(call, server, network, ips, own=not booked))
    for ip in ips:
        ip["resource"] = {
            "type": "instance_private_nic",
            "id": nic["id"],
            "mac_address": nic["mac_address"],
            "name": server["name"],
        }
        world.store.save("ipam_ip", ip)
    world.store.later("private_nic", nic, _SYNC_SECONDS, changes={"state": "available"})
    return Answer(201, {"private_nic": public(nic)})


def _check_room(world: World, server: Resource, network: Resource) -> None:
    nics = [each for each in world.store.all("private_nic") if each["server_id"] == server["id"]]
    if len(nics) >= MAX_NICS:
        raise precondition_failed("too_many_nics", f"an Instance has at most {MAX_NICS} private NICs")
    if any(each["private_network_id"] == network["id"] for each in nics):
        raise invalid_argument("private_network_id", "the server is attached to this Private Network already")


def _booked(call: Call, ip_id: str, network: Resource) -> Resource:
    ip = call.world.store.get("ipam_ip", ip_id, place=call.region)
    if ip["source"]["private_network_id"] != network["id"]:
        raise invalid_argument("ipam_ip_ids", "the address belongs to another Private Network")
    if ip["resource"]:
        raise invalid_argument("ipam_ip_ids", "the address is attached to another resource")
    return ip


def _fields(call: Call, server: Resource, network: Resource, ips: list[Resource], *, own: bool) -> Resource:
    number = 1 + max((each["_number"] for each in call.world.store.all("private_nic")), default=0)
    return {
        "server_id": server["id"],
        "private_network_id": network["id"],
        "mac_address": "02:00:00:" + number.to_bytes(3, "big").hex(":"),
        "state": "syncing",
        "tags": call.body.get("tags") or [],
        "zone": server["zone"],
        "ipam_ip_ids": [each["id"] for each in ips],
        "creation_date": now_text(),
        "_number": number,
        "_own_address": own,
    }


def get_nic(call: Call) -> Answer:
    """GET one NIC."""
    return Answer(200, {"private_nic": public(_nic(call))})


def _nic(call: Call) -> Resource:
    _server(call)
    return call.world.store.get("private_nic", call.params["nic_id"], place=zone_of(call))


def update_nic(call: Call) -> Answer:
    """PATCH: tags."""
    nic = _nic(call)
    nic |= {key: call.body[key] for key in ("tags",) if call.body.get(key) is not None}
    call.world.store.save("private_nic", nic)
    return Answer(200, {"private_nic": public(nic)})


def delete_nic(call: Call) -> Answer:
    """DELETE one NIC."""
    _remove(call.world, _nic(call))
    return NO_CONTENT


def delete_nics(world: World, server: Resource) -> None:
    """Remove all NICs of an Instance."""
    for nic in [each for each in world.store.all("private_nic") if each["server_id"] == server["id"]]:
        _remove(world, nic)


def _remove(world: World, nic: Resource) -> None:
    """Booked addresses are free again, those given out with the NIC are gone."""
    for ip in [each for each in world.store.all("ipam_ip") if each["id"] in nic["ipam_ip_ids"]]:
        if nic["_own_address"]:
            world.store.remove("ipam_ip", ip)
        else:
            ip["resource"] = None
            world.store.save("ipam_ip", ip)
    world.store.remove("private_nic", nic)


_BASE = "/instance/v1/zones/{zone}/servers/{server_id}/private_nics"
ROUTES = (
    Route("GET", _BASE, list_nics),
    Route("POST", _BASE, create_nic),
    Route("GET", f"{_BASE}/{{nic_id}}", get_nic),
    Route("PATCH", f"{_BASE}/{{nic_id}}", update_nic),
    Route("DELETE", f"{_BASE}/{{nic_id}}", delete_nic),
)
