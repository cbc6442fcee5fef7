"""instance/v1 security groups and their rules, and placement groups."""

from typing import Any

from v2s_tui.lab.scaleway.answers import NO_CONTENT, Answer, invalid_argument
from v2s_tui.lab.scaleway.listing import answer_instance_list, selected
from v2s_tui.lab.scaleway.routing import Call, Route
from v2s_tui.lab.scaleway.store import Resource, now_text, public
from v2s_tui.lab.scaleway.volumes import in_use, zone_of
from v2s_tui.lab.scaleway.world import World

_PROTOCOLS = ("TCP", "UDP", "ICMP", "ANY")
_POLICIES = ("accept", "drop")
_SYNC_SECONDS = 0.2


def list_groups(call: Call) -> Answer:
    """GET security groups; the project's default one is always there."""
    zone = zone_of(call)
    default_group(call.world, zone=zone, project=call.world.account.project(None))
    found = selected(call, call.world.store.all("security_group", place=zone))
    return answer_instance_list(call, "security_groups", found, view=lambda each: _view(call.world, each))


def _view(world: World, group: Resource) -> Resource:
    servers = [each for each in world.store.all("server") if each["_security_group"] == group["id"]]
    return public(group) | {"servers": [{"id": each["id"], "name": each["name"]} for each in servers]}


def default_group(world: World, *, zone: str, project: str) -> Resource:
    """The project's default security group of a zone, made when first needed."""
    for group in world.store.all("security_group", place=zone):
        if group["project_default"] and group["project"] == project:
            return group
    name = "Default security group"
    return world.store.add(
        "security_group", _fields(world, zone, project, {"name": name, "project_default": True})
    )


def _fields(world: World, zone: str, project: str, body: dict[str, Any]) -> Resource:
    return {
        "name": body.get("name") or "security-group",
        "description": body.get("description") or "",
        "enable_default_security": body.get("enable_default_security", True),
        "inbound_default_policy": body.get("inbound_default_policy") or "accept",
        "outbound_default_policy": body.get("outbound_default_policy") or "accept",
        "organization": world.account.organization_id,
        "project": project,
        "project_default": bool(body.get("project_default")),
        "organization_default": bool(body.get("project_default")),
        "stateful": bool(body.get("stateful", True)),
        "state": "available",
        "tags": body.get("tags") or [],
        "zone": zone,
        "creation_date": now_text(),
        "modification_date": now_text(),
        "_rules": [],
    }


def _group(call: Call) -> Resource:
    return call.world.store.get("security_group", call.params["group_id"], place=zone_of(call))


def get_group(call: Call) -> Answer:
    """GET one security group."""
    return Answer(200, {"security_group": _view(call.world, _group(call))})


def create_group(call: Call) -> Answer:
    """POST a security group; `syncing` for a moment."""
    for key in ("inbound_default_policy", "outbound_default_policy"):
        if call.body.get(key) not in (None, *_POLICIES):
            raise invalid_argument(key, f"{key} must be accept or drop")
    world = call.world
    current = len(world.store.all("security_group"))
    world.check_quota("instance_security_groups", wanted=1, current=current)
    group = world.store.add("security_group", _fields(world, zone_of(call), call.project(), call.body))
    group["state"] = "syncing"
    world.store.later("security_group", group, _SYNC_SECONDS, changes={"state": "available"})
    return Answer(201, {"security_group": _view(world, group)})


def update_group(call: Call) -> Answer:
    """PATCH the plain fields."""
    group = _group(call)
    keys = ("name", "description", "tags", "stateful", "inbound_default_policy", "outbound_default_policy")
    group |= {key: call.body[key] for key in keys if call.body.get(key) is not None}
    call.world.store.save("security_group", group)
    return Answer(200, {"security_group": _view(call.world, group)})


def delete_group(call: Call) -> Answer:
    """DELETE: refused while servers use it."""
    group = _group(call)
    if any(each["_security_group"] == group["id"] for each in call.world.store.all("server")):
        raise in_use("instance_security_group")
    call.world.store.remove("security_group", group)
    return NO_CONTENT


def list_rules(call: Call) -> Answer:
    """GET the rules of a group."""
    rules = _group(call)["_rules"]
    return Answer(200, {"rules": rules}, {"X-Total-Count": str(len(rules))})


def create_rule(call: Call) -> Answer:
    """POST one rule behind the others."""
    group = _group(call)
    rule = _rule(call.body, call.zone, position=len(group["_rules"]) + 1)
    group["_rules"].append(rule)
    call.world.store.save("security_group", group)
    return Answer(201, {"rule": rule})


def set_rules(call: Call) -> Answer:
    """PUT all rules anew."""
    group = _group(call)
    wanted = call.body.get("rules") or []
    group["_rules"] = [_rule(each, call.zone, position=index + 1) for index, each in enumerate(wanted)]
    call.world.store.save("security_group", group)
    return Answer(200, {"rules": group["_rules"]})


def _rule(body: dict[str, Any], zone: str, *, position: int) -> Resource:
    """Protocols are upper case on the wire (scaleway.md 1.4). Raises a 400 refusal."""
    if body.get("protocol") not in _PROTOCOLS:
        raise invalid_argument("protocol", f"protocol must be one of {', '.join(_PROTOCOLS)}")
    if body.get("direction") not in ("inbound", "outbound"):
        raise invalid_argument("direction", "direction must be inbound or outbound")
    if body.get("action") not in _POLICIES:
        raise invalid_argument("action", "action must be accept or drop")
    return {
        "id": body.get("id") or f"00000000-0000-4000-8000-{position:012d}",
        "protocol": body["protocol"],
        "direction": body["direction"],
        "action": body["action"],
        "ip_range": body.get("ip_range") or "0.0.0.0/0",
        "dest_port_from": body.get("dest_port_from"),
        "dest_port_to": body.get("dest_port_to"),
        "position": position,
        "editable": True,
        "zone": zone,
    }


_BASE = "/instance/v1/zones/{zone}/security_groups"
ROUTES = (
    Route("GET", _BASE, list_groups),
    Route("POST", _BASE, create_group),
    Route("GET", f"{_BASE}/{{group_id}}", get_group),
    Route("PATCH", f"{_BASE}/{{group_id}}", update_group),
    Route("DELETE", f"{_BASE}/{{group_id}}", delete_group),
    Route("GET", f"{_BASE}/{{group_id}}/rules", list_rules),
    Route("POST", f"{_BASE}/{{group_id}}/rules", create_rule),
    Route("PUT", f"{_BASE}/{{group_id}}/rules", set_rules),
)
