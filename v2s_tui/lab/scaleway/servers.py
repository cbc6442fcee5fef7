"""instance/v1 servers: made, listed, changed, deleted."""

from typing import Any

from v2s_tui.lab.scaleway.addresses import allocate_ip, attach_ip, release_ips
from v2s_tui.lab.scaleway.answers import (
    NO_CONTENT,
    Answer,
    invalid_argument,
    invalid_request,
    out_of_stock,
    precondition_failed,
)
from v2s_tui.lab.scaleway.booting import forget_machine
from v2s_tui.lab.scaleway.catalogue import InstanceType
from v2s_tui.lab.scaleway.listing import answer_instance_list, selected
from v2s_tui.lab.scaleway.private_nics import delete_nics
from v2s_tui.lab.scaleway.products import availability
from v2s_tui.lab.scaleway.routing import Call, Route
from v2s_tui.lab.scaleway.security_groups import default_group
from v2s_tui.lab.scaleway.server_view import server_view
from v2s_tui.lab.scaleway.server_volumes import choose_volumes, detach_all, take_volumes
from v2s_tui.lab.scaleway.store import Resource, now_text
from v2s_tui.lab.scaleway.volumes import zone_of
from v2s_tui.lab.scaleway.world import World, type_quota_name


def list_servers(call: Call) -> Answer:
    """GET servers; state, commercial_type, servers: further filters."""
    found = selected(call, call.world.store.all("server", place=zone_of(call)))
    for parameter, field in (("state", "state"), ("commercial_type", "commercial_type")):
        if wanted := call.one(parameter):
            found = [each for each in found if each[field] == wanted]
    if ids := call.one("servers"):
        found = [each for each in found if each["id"] in ids.split(",")]
    return answer_instance_list(call, "servers", found, view=lambda each: server_view(call.world, each))


def get_server(call: Call) -> Answer:
    """GET one server."""
    return _answer(call, the_server(call))


def _answer(call: Call, server: Resource, status: int = 200) -> Answer:
    return Answer(status, {"server": server_view(call.world, server)})


def the_server(call: Call) -> Resource:
    """The server of the path. Raises 404."""
    return call.world.store.get("server", call.params["server_id"], place=zone_of(call))


def create_server(call: Call) -> Answer:
    """POST: everything is checked before anything is made."""
    world, body, zone = call.world, call.body, zone_of(call)
    kind = _type(call, zone)
    image = world.store.get("image", body["image"], place=zone) if body.get("image") else None
    if image and image["arch"] != kind.arch:
        raise invalid_argument("image", f"the image is for {image['arch']}, the type is {kind.arch}")
    choices = choose_volumes(world, body, image, zone)
    ips = [world.store.get("ip", each, place=zone) for each in body.get("public_ips") or []]
    group = _security_group(call, zone)
    if body.get("placement_group"):
        world.store.get("placement_group", body["placement_group"], place=zone)
    server = world.store.add("server", _fields(call, kind, zone) | {"_security_group": group["id"]})
    take_volumes(world, server, choices)
    for ip in ips:
        attach_ip(world, ip, server)
    if not ips and body.get("dynamic_ip_required", True):
        allocate_ip(
            world, zone=zone, project=server["project"], kind="routed_ipv4", server=server, dynamic=True
        )
    return _answer(call, server, 201)


def _type(call: Call, zone: str) -> InstanceType:
    """The commercial type, in stock and within quota. Raises refusals."""
    name = call.need("commercial_type")
    kind = call.world.catalogue.find(name, zone)
    if kind is None:
        raise invalid_argument("commercial_type", f"{name} is not sold in {zone}", reason="unknown")
    if kind.end_of_service:
        raise invalid_argument("commercial_type", f"{name} is at its end of service")
    current = sum(each["commercial_type"] == name for each in call.world.store.all("server"))
    call.world.check_quota(type_quota_name(name), wanted=1, current=current)
    if availability(call.world, kind, zone) == "shortage":
        raise out_of_stock(name)
    return kind


def _security_group(call: Call, zone: str) -> Resource:
    if wanted := call.body.get("security_group"):
        return call.world.store.get("security_group", wanted, place=zone)
    return default_group(call.world, zone=zone, project=call.project())


def _fields(call: Call, kind: InstanceType, zone: str) -> dict[str, Any]:
    body = call.body
    return {
        "name": body.get("name") or "server",
        "arch": kind.arch,
        "boot_type": body.get("boot_type") or "local",
        "commercial_type": kind.name,
        "creation_date": now_text(),
        "modification_date": now_text(),
        "dynamic_ip_required": bool(body.get("dynamic_ip_required", True)),
        "routed_ip_enabled": True,
        "enable_ipv6": False,
        "end_of_service": False,
        "filesystems": [],
        "location": None,
        "mac_address": "de:00:00:" + _mac_tail(call.world),
        "maintenances": [],
        "organization": call.world.account.organization_id,
        "private_ip": None,
        "project": call.project(),
        "protected": bool(body.get("protected")),
        "state": "stopped",
        "state_detail": "",
        "tags": body.get("tags") or [],
        "zone": zone,
        "admin_password_encryption_ssh_key_id": body.get("admin_password_encryption_ssh_key_id"),
        "admin_password_encrypted_value": None,
        "_image": body.get("image"),
        "_placement_group": body.get("placement_group"),
        "_volumes": {},
        "_user_data": {},
    }


def _mac_tail(world: World) -> str:
    return (len(world.store.all("server")) + 1).to_bytes(3, "big").hex(":")


_SETTABLE = (
    "name", "tags", "boot_type", "protected", "dynamic_ip_required", "admin_password_encryption_ssh_key_id",
)  # fmt: skip


def update_server(call: Call) -> Answer:
    """PATCH: the plain fields, and the type while it is stopped."""
    server, body = the_server(call), call.body
    if body.get("commercial_type"):
        if server["state"] != "stopped":
            raise invalid_request("the server must be stopped to change its type")
        server["commercial_type"] = _type(call, server["zone"]).name
    if body.get("security_group"):
        group = call.world.store.get("security_group", body["security_group"]["id"], place=server["zone"])
        server["_security_group"] = group["id"]
    if "placement_group" in body:
        server["_placement_group"] = body["placement_group"]
    server |= {key: body[key] for key in _SETTABLE if body.get(key) is not None}
    call.world.store.save("server", server)
    return _answer(call, server)


def delete_server(call: Call) -> Answer:
    """DELETE: only when stopped; block volumes stay."""
    server = the_server(call)
    if server["state"] != "stopped":
        raise invalid_request("the server should be stopped before it is deleted")
    if server["protected"]:
        raise precondition_failed("resource_protected", "the server is protected")
    dissolve(call.world, server)
    return NO_CONTENT


def dissolve(world: World, server: Resource) -> None:
    """Remove an Instance: NICs go, kept addresses and block volumes are free again."""
    forget_machine(world, server)
    delete_nics(world, server)
    release_ips(world, server)
    detach_all(world, server)
    world.store.remove("server", server)


_BASE = "/instance/v1/zones/{zone}/servers"
ROUTES = (
    Route("GET", _BASE, list_servers),
    Route("POST", _BASE, create_server),
    Route("GET", f"{_BASE}/{{server_id}}", get_server),
    Route("PATCH", f"{_BASE}/{{server_id}}", update_server),
    Route("DELETE", f"{_BASE}/{{server_id}}", delete_server),
)
