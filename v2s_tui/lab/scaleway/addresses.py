"""instance/v1 public addresses, kept (flexible) and dynamic."""

from typing import Any

from v2s_tui.lab.scaleway.answers import NO_CONTENT, Answer, invalid_argument
from v2s_tui.lab.scaleway.booting import loopback_address
from v2s_tui.lab.scaleway.listing import answer_instance_list, selected
from v2s_tui.lab.scaleway.routing import Call, Route
from v2s_tui.lab.scaleway.store import Resource, public
from v2s_tui.lab.scaleway.volumes import zone_of
from v2s_tui.lab.scaleway.world import World

_TYPES = ("routed_ipv4", "routed_ipv6")


def list_ips(call: Call) -> Answer:
    """GET addresses; dynamic ones are not resources of their own."""
    found = [each for each in call.world.store.all("ip", place=zone_of(call)) if not each["_dynamic"]]
    return answer_instance_list(call, "ips", selected(call, found), view=lambda each: _view(call.world, each))


def get_ip(call: Call) -> Answer:
    """GET one address, by id or by the address itself."""
    return Answer(200, {"ip": _view(call.world, _ip(call))})


def _ip(call: Call) -> Resource:
    wanted, store = call.params["ip"], call.world.store
    by_address = next((each["id"] for each in store.all("ip") if each["address"] == wanted), wanted)
    return store.get("ip", by_address, place=zone_of(call))


def _view(world: World, ip: Resource) -> Resource:
    server = world.store.find("server", ip["_server"]) if ip["_server"] else None
    stub = {"id": server["id"], "name": server["name"]} if server else None
    return public(ip) | {"server": stub, "state": "attached" if server else "detached"}


def create_ip(call: Call) -> Answer:
    """POST: type routed_ipv4 or routed_ipv6; server: attach it at once."""
    zone, world = zone_of(call), call.world
    kind = call.body.get("type") or "routed_ipv4"
    if kind not in _TYPES:
        raise invalid_argument("type", "type must be routed_ipv4 or routed_ipv6")
    server = world.store.get("server", call.body["server"], place=zone) if call.body.get("server") else None
    current = sum(not each["_dynamic"] for each in world.store.all("ip"))
    world.check_quota("instance_ips", wanted=1, current=current)
    ip = allocate_ip(world, zone=zone, project=call.project(), kind=kind, server=server)
    ip["tags"] = call.body.get("tags") or []
    world.store.save("ip", ip)
    return Answer(201, {"ip": _view(world, ip)})


def allocate_ip(
    world: World, *, zone: str, project: str, kind: str, server: Resource | None, dynamic: bool = False
) -> Resource:
    """A new address out of the ranges that are for benchmarks and documentation only; one of loopback where
    Instances really boot.
    """
    number = _next_number(world)
    is_v6 = kind == "routed_ipv6"
    fields: dict[str, Any] = {
        "address": "" if is_v6 else loopback_address(world, number) or _benchmark_address(number),
        "prefix": f"2001:db8:{number:x}::/64" if is_v6 else "",
        "organization": world.account.organization_id,
        "project": project,
        "reverse": None,
        "tags": [],
        "type": kind,
        "ipam_id": "",
        "zone": zone,
        "_number": number,
        "_dynamic": dynamic,
        "_server": server["id"] if server else None,
    }
    return world.store.add("ip", fields)


def _benchmark_address(number: int) -> str:
    return f"198.18.{number >> 8 & 255}.{number & 255}"


def _next_number(world: World) -> int:
    taken = {each["_number"] for each in world.store.all("ip")}
    return next(number for number in range(10, 60_000) if number not in taken)


def update_ip(call: Call) -> Answer:
    """PATCH: server (null detaches), tags, reverse."""
    ip, store = _ip(call), call.world.store
    if "server" in call.body:
        wanted = call.body["server"]
        ip["_server"] = store.get("server", wanted, place=ip["zone"])["id"] if wanted else None
    ip |= {key: call.body[key] for key in ("tags", "reverse") if call.body.get(key) is not None}
    store.save("ip", ip)
    return Answer(200, {"ip": _view(call.world, ip)})


def delete_ip(call: Call) -> Answer:
    """DELETE: an attached one is detached first."""
    call.world.store.remove("ip", _ip(call))
    return NO_CONTENT


def attach_ip(world: World, ip: Resource, server: Resource) -> None:
    """Give the Instance this address. Raises a 400 refusal when another has it."""
    if ip["_server"] not in (None, server["id"]):
        raise invalid_argument("public_ips", f"{ip['id']} is attached to another server")
    ip["_server"] = server["id"]
    world.store.save("ip", ip)


def release_ips(world: World, server: Resource) -> None:
    """Free the Instance's addresses; dynamic ones are gone."""
    for ip in [each for each in world.store.all("ip") if each["_server"] == server["id"]]:
        if ip["_dynamic"]:
            world.store.remove("ip", ip)
        else:
            ip["_server"] = None
            world.store.save("ip", ip)


_BASE = "/instance/v1/zones/{zone}/ips"
ROUTES = (
    Route("GET", _BASE, list_ips),
    Route("POST", _BASE, create_ip),
    Route("GET", f"{_BASE}/{{ip}}", get_ip),
    Route("PATCH", f"{_BASE}/{{ip}}", update_ip),
    Route("DELETE", f"{_BASE}/{{ip}}", delete_ip),
)
