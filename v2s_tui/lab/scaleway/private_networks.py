"""vpc/v2: VPCs and Private Networks."""

import ipaddress
from typing import Any

from v2s_tui.lab.scaleway.answers import NO_CONTENT, Answer, already_exists, invalid_argument
from v2s_tui.lab.scaleway.listing import answer_list, selected
from v2s_tui.lab.scaleway.routing import Call, Route
from v2s_tui.lab.scaleway.store import Resource, now_text, public
from v2s_tui.lab.scaleway.volumes import in_use
from v2s_tui.lab.scaleway.world import REGIONS, World

_POOL = "172.16.0.0/12"
_PREFIX_LENGTH = 22


def region_of(call: Call) -> str:
    """The path's region. Raises a 400 refusal for one that does not exist."""
    if call.region not in REGIONS:
        raise invalid_argument("region", f"region {call.region} does not exist", reason="unknown")
    return call.region


def list_vpcs(call: Call) -> Answer:
    """GET VPCs; the default one is always there."""
    region = region_of(call)
    _default_vpc(call.world, region)
    found = selected(call, call.world.store.all("vpc", place=region))
    return answer_list(call, "vpcs", found, view=lambda each: _vpc_view(call.world, each))


def _vpc_view(world: World, vpc: Resource) -> Resource:
    networks = [each for each in world.store.all("private_network") if each["vpc_id"] == vpc["id"]]
    return public(vpc) | {"private_network_count": len(networks)}


def _default_vpc(world: World, region: str) -> Resource:
    for vpc in world.store.all("vpc", place=region):
        if vpc["is_default"]:
            return vpc
    return _new_vpc(world, region, {"name": "default", "is_default": True}, world.account.project(None))


def _new_vpc(world: World, region: str, body: dict[str, Any], project_id: str) -> Resource:
    return world.store.add(
        "vpc",
        {
            "name": body.get("name") or "vpc",
            "organization_id": world.account.organization_id,
            "project_id": project_id,
            "region": region,
            "tags": body.get("tags") or [],
            "is_default": bool(body.get("is_default")),
            "routing_enabled": True,
            "custom_routes_propagation_enabled": False,
            "transitivity_enabled": False,
            "object_storage_private_access_enabled": False,
            "created_at": now_text(),
            "updated_at": now_text(),
        },
    )


def create_vpc(call: Call) -> Answer:
    """POST a VPC."""
    body = {key: value for key, value in call.body.items() if key != "is_default"}
    vpc = _new_vpc(call.world, region_of(call), body, call.project())
    return Answer(200, _vpc_view(call.world, vpc))


def get_vpc(call: Call) -> Answer:
    """GET one VPC."""
    return Answer(200, _vpc_view(call.world, _vpc(call)))


def _vpc(call: Call) -> Resource:
    return call.world.store.get("vpc", call.params["vpc_id"], place=region_of(call))


def delete_vpc(call: Call) -> Answer:
    """DELETE: refused while it has networks."""
    vpc = _vpc(call)
    if _vpc_view(call.world, vpc)["private_network_count"]:
        raise in_use("vpc")
    call.world.store.remove("vpc", vpc)
    return NO_CONTENT


def list_networks(call: Call) -> Answer:
    """GET Private Networks; vpc_id: of that VPC only."""
    found = selected(call, call.world.store.all("private_network", place=region_of(call)))
    if vpc_id := call.one("vpc_id"):
        found = [each for each in found if each["vpc_id"] == vpc_id]
    return answer_list(call, "private_networks", found)


def create_network(call: Call) -> Answer:
    """POST: subnets as CIDR; an IPv4 /22 is chosen where none is given."""
    world, region = call.world, region_of(call)
    vpc_id = call.body.get("vpc_id")
    vpc = world.store.get("vpc", vpc_id, place=region) if vpc_id else _default_vpc(world, region)
    world.check_quota("vpc_private_networks", wanted=1, current=len(world.store.all("private_network")))
    taken = _subnets(world, vpc)
    wanted = [_subnet(each, taken) for each in call.body.get("subnets") or []]
    if not any(each.version == 4 for each in wanted):
        wanted.insert(0, _free_subnet(taken))
    network = world.store.add("private_network", _fields(call, region, vpc))
    network["subnets"] = [_subnet_json(network, each, index) for index, each in enumerate(wanted)]
    world.store.save("private_network", network)
    return Answer(200, public(network))


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _subnets(world: World, vpc: Resource) -> list[Network]:
    networks = [each for each in world.store.all("private_network") if each["vpc_id"] == vpc["id"]]
    return [ipaddress.ip_network(subnet["subnet"]) for each in networks for subnet in each["subnets"]]


def _subnet(text: str, taken: list[Network]) -> Network:
    try:
        subnet = ipaddress.ip_network(text)
    except ValueError as err:
        raise invalid_argument("subnets", str(err), reason="format") from err
    clash = next((each for each in taken if each.version == subnet.version and each.overlaps(subnet)), None)
    if clash is not None:
        raise already_exists("vpc_subnet", str(clash), f"{subnet} overlaps {clash} in this VPC")
    return subnet


def _free_subnet(taken: list[Network]) -> ipaddress.IPv4Network:
    used = [each for each in taken if isinstance(each, ipaddress.IPv4Network)]
    pool = ipaddress.IPv4Network(_POOL).subnets(new_prefix=_PREFIX_LENGTH)
    return next(each for each in pool if not any(each.overlaps(one) for one in used))


def _fields(call: Call, region: str, vpc: Resource) -> Resource:
    return {
        "name": call.body.get("name") or "private-network",
        "organization_id": call.world.account.organization_id,
        "project_id": call.project(),
        "region": region,
        "tags": call.body.get("tags") or [],
        "subnets": [],
        "vpc_id": vpc["id"],
        "dhcp_enabled": True,
        "default_route_propagation_enabled": bool(call.body.get("default_route_propagation_enabled")),
        "has_object_storage_private_access": False,
        "created_at": now_text(),
        "updated_at": now_text(),
    }


def _subnet_json(network: Resource, subnet: Network, index: int) -> Resource:
    return {
        "id": f"{network['id'][:-2]}{index:02d}",
        "subnet": str(subnet),
        "project_id": network["project_id"],
        "private_network_id": network["id"],
        "vpc_id": network["vpc_id"],
        "region": network["region"],
        "created_at": network["created_at"],
        "updated_at": network["updated_at"],
    }


def get_network(call: Call) -> Answer:
    """GET one Private Network."""
    return Answer(200, public(_network(call)))


def _network(call: Call) -> Resource:
    return call.world.store.get("private_network", call.params["network_id"], place=region_of(call))


def update_network(call: Call) -> Answer:
    """PATCH: name, tags."""
    network = _network(call)
    network |= {key: call.body[key] for key in ("name", "tags") if call.body.get(key) is not None}
    call.world.store.save("private_network", network)
    return Answer(200, public(network))


def delete_network(call: Call) -> Answer:
    """DELETE: refused while something is attached or an address is booked (docs: vpc/cant-delete-vpc-pn)."""
    network, store = _network(call), call.world.store
    attached = any(each["private_network_id"] == network["id"] for each in store.all("private_nic"))
    booked = any(each["source"]["private_network_id"] == network["id"] for each in store.all("ipam_ip"))
    if attached or booked:
        raise in_use("vpc_private_network")
    store.remove("private_network", network)
    return NO_CONTENT


_BASE = "/vpc/v2/regions/{region}"
ROUTES = (
    Route("GET", f"{_BASE}/vpcs", list_vpcs),
    Route("POST", f"{_BASE}/vpcs", create_vpc),
    Route("GET", f"{_BASE}/vpcs/{{vpc_id}}", get_vpc),
    Route("DELETE", f"{_BASE}/vpcs/{{vpc_id}}", delete_vpc),
    Route("GET", f"{_BASE}/private-networks", list_networks),
    Route("POST", f"{_BASE}/private-networks", create_network),
    Route("GET", f"{_BASE}/private-networks/{{network_id}}", get_network),
    Route("PATCH", f"{_BASE}/private-networks/{{network_id}}", update_network),
    Route("DELETE", f"{_BASE}/private-networks/{{network_id}}", delete_network),
)
