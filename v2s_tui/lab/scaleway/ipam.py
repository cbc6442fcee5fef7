"""ipam/v1: addresses of Private Networks, booked or given out."""

import ipaddress

from v2s_tui.lab.scaleway.answers import (
    NO_CONTENT,
    Answer,
    already_exists,
    invalid_argument,
    precondition_failed,
)
from v2s_tui.lab.scaleway.listing import answer_list, selected
from v2s_tui.lab.scaleway.private_networks import region_of
from v2s_tui.lab.scaleway.routing import Call, Route
from v2s_tui.lab.scaleway.store import Resource, now_text, public
from v2s_tui.lab.scaleway.volumes import in_use
from v2s_tui.lab.scaleway.world import World

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def list_ips(call: Call) -> Answer:
    """GET addresses; private_network_id, resource_id, attached, is_ipv6, mac_address: filters."""
    found = selected(call, call.world.store.all("ipam_ip", place=region_of(call)))
    if network_id := call.one("private_network_id") or call.one("source.private_network_id"):
        found = [each for each in found if each["source"]["private_network_id"] == network_id]
    if resource_id := call.one("resource_id"):
        found = [each for each in found if (each["resource"] or {}).get("id") == resource_id]
    if attached := call.one("attached").lower():
        found = [each for each in found if bool(each["resource"]) == (attached == "true")]
    if is_ipv6 := call.one("is_ipv6").lower():
        found = [each for each in found if (":" in each["address"]) == (is_ipv6 == "true")]
    return answer_list(call, "ips", found)


def get_ip(call: Call) -> Answer:
    """GET one address."""
    return Answer(200, public(_ip(call)))


def _ip(call: Call) -> Resource:
    return call.world.store.get("ipam_ip", call.params["ip_id"], place=region_of(call))


def book_ip(call: Call) -> Answer:
    """POST: reserve an address, this one or the next free, of a Private Network."""
    network_id = (call.need("source")).get("private_network_id")
    if not network_id:
        raise invalid_argument(
            "source", "the lab books addresses of Private Networks only", reason="required"
        )
    network = call.world.store.get("private_network", network_id, place=region_of(call))
    version = 6 if call.body.get("is_ipv6") else 4
    ip = reserve(call.world, network, wanted=call.body.get("address"), version=version)
    ip["tags"] = call.body.get("tags") or []
    call.world.store.save("ipam_ip", ip)
    return Answer(200, public(ip))


def reserve(world: World, network: Resource, *, wanted: str | None, version: int = 4) -> Resource:
    """A new address of the network. Raises 400 outside its subnets, 409 for one that is taken."""
    subnets = [ipaddress.ip_network(each["subnet"]) for each in network["subnets"]]
    subnet = next((each for each in subnets if each.version == version), None)
    if subnet is None:
        raise invalid_argument("is_ipv6", f"the Private Network has no IPv{version} subnet")
    address = _free(world, subnet) if wanted is None else _chosen(world, subnet, wanted)
    return world.store.add(
        "ipam_ip",
        {
            "address": f"{address}/{subnet.prefixlen}",
            "project_id": network["project_id"],
            "source": {"private_network_id": network["id"], "subnet_id": network["subnets"][0]["id"]},
            "resource": None,
            "tags": [],
            "reverses": [],
            "region": network["region"],
            "zone": None,
            "created_at": now_text(),
            "updated_at": now_text(),
        },
    )


def _taken(world: World) -> dict[str, str]:
    return {each["address"].partition("/")[0]: each["id"] for each in world.store.all("ipam_ip")}


def _free(world: World, subnet: Network) -> Address:
    """The first free address; the first two and the last two of a subnet are kept (docs: ipam/concepts)."""
    taken = _taken(world)
    for place in range(2, min(subnet.num_addresses - 2, 1 << 16)):
        if str(subnet[place]) not in taken:
            return subnet[place]
    raise precondition_failed("no_free_address", f"{subnet} has no free address")


def _chosen(world: World, subnet: Network, text: str) -> Address:
    try:
        address = ipaddress.ip_address(text.partition("/")[0])
    except ValueError as err:
        raise invalid_argument("address", str(err), reason="format") from err
    reserved = {subnet[place] for place in (0, 1, -2, -1)}
    if address not in subnet or address in reserved:
        raise invalid_argument("address", f"{address} is not usable in {subnet}")
    taken = _taken(world)
    if str(address) in taken:
        raise already_exists("ipam_ip", taken[str(address)], f"{address} is already booked")
    return address


def update_ip(call: Call) -> Answer:
    """PATCH: tags."""
    ip = _ip(call)
    ip |= {key: call.body[key] for key in ("tags",) if call.body.get(key) is not None}
    call.world.store.save("ipam_ip", ip)
    return Answer(200, public(ip))


def release_ip(call: Call) -> Answer:
    """DELETE: refused while something has it."""
    ip = _ip(call)
    if ip["resource"]:
        raise in_use("ipam_ip")
    call.world.store.remove("ipam_ip", ip)
    return NO_CONTENT


_BASE = "/ipam/v1/regions/{region}/ips"
ROUTES = (
    Route("GET", _BASE, list_ips),
    Route("POST", _BASE, book_ip),
    Route("GET", f"{_BASE}/{{ip_id}}", get_ip),
    Route("PATCH", f"{_BASE}/{{ip_id}}", update_ip),
    Route("DELETE", f"{_BASE}/{{ip_id}}", release_ip),
)
