"""How an Instance looks to a client: put together from what the lab keeps of it and its parts."""

import re
from typing import Any

from v2s_tui.lab.scaleway.store import Resource, public
from v2s_tui.lab.scaleway.world import World

_ACTIONS = {
    "stopped": ["poweron", "backup"],
    "running": ["poweroff", "terminate", "reboot", "stop_in_place", "backup"],
    "stopped in place": ["poweroff", "terminate", "poweron", "backup"],
}
"""What may be asked of an Instance in each settled state; nothing while it changes (scaleway.md 1.7)."""


def allowed_actions(state: str) -> list[str]:
    """Actions that the state allows."""
    return _ACTIONS.get(state, [])


def host_name(name: str) -> str:
    """The name lower-cased, with dashes for what a host name cannot hold."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "server"


def server_view(world: World, server: Resource) -> Resource:
    """The whole JSON of an Instance."""
    image = world.store.find("image", server["_image"]) if server["_image"] else None
    group = world.store.find("placement_group", server["_placement_group"] or "")
    addresses = [ip_stub(each) for each in ips_of(world, server)]
    return public(server) | {
        "allowed_actions": allowed_actions(server["state"]),
        "hostname": host_name(server["name"]),
        "image": public(image) if image else None,
        "placement_group": public(group) if group else None,
        "volumes": _volumes(world, server),
        "private_nics": [public(each) for each in nics_of(world, server)],
        "public_ip": addresses[0] if addresses else None,
        "public_ips": addresses,
        "security_group": _security_group(world, server),
        "dns": f"{server['id']}.pub.instances.scw.cloud" if addresses else None,
    }


def _volumes(world: World, server: Resource) -> dict[str, Any]:
    """Block volumes show as stubs: no name, no size (scaleway.md 1.6)."""
    return {
        key: {
            "boot": entry["boot"],
            "id": entry["id"],
            "volume_type": "sbs_volume",
            "state": (world.store.find("volume", entry["id"]) or {"status": "available"})["status"],
            "zone": server["zone"],
        }
        for key, entry in server["_volumes"].items()
    }


def _security_group(world: World, server: Resource) -> Resource | None:
    group = world.store.find("security_group", server["_security_group"])
    return {"id": group["id"], "name": group["name"]} if group else None


def nics_of(world: World, server: Resource) -> list[Resource]:
    """Private NICs in order of attachment."""
    return [each for each in world.store.all("private_nic") if each["server_id"] == server["id"]]


def ips_of(world: World, server: Resource) -> list[Resource]:
    """Public addresses, kept and dynamic ones."""
    return [each for each in world.store.all("ip") if each["_server"] == server["id"]]


def ip_stub(ip: Resource) -> Resource:
    """A public address as the Instance shows it."""
    is_v6 = ip["type"] == "routed_ipv6"
    return {
        "id": ip["id"],
        "address": ip["address"] or ip["prefix"],
        "dynamic": ip["_dynamic"],
        "family": "inet6" if is_v6 else "inet",
        "gateway": "fe80::1" if is_v6 else "62.210.0.1",
        "netmask": "64" if is_v6 else "32",
        "provisioning_mode": "slaac" if is_v6 else "dhcp",
        "tags": ip["tags"],
        "state": "attached",
        "ipam_id": ip["ipam_id"],
    }
