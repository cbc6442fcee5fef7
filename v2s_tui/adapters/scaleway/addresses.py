"""Addresses of Private Networks in IPAM: which are taken, which are in use."""

from collections import defaultdict
from dataclasses import replace
from typing import Any

from v2s_tui.adapters.scaleway.lookups import listed_networks, private_network
from v2s_tui.adapters.scaleway.pages import all_pages
from v2s_tui.domain.target.private_networks import PrivateNetwork, region_of


def networks_with_taken(apis: Any, zone: str, project_id: str) -> tuple[PrivateNetwork, ...]:
    """Private Networks of the zone's region with their addresses that are booked or in use. The API names the
    network of an address or only its subnet.
    """
    region, project = region_of(zone), project_id or None
    networks = listed_networks(apis, region, project_id=project)
    network_of = {str(each.id): str(each.id) for each in networks}
    network_of |= {str(subnet.id): str(each.id) for each in networks for subnet in each.subnets or ()}
    taken: dict[str, set[str]] = defaultdict(set)
    for ip in listed_addresses(apis, region, project_id=project):
        source = ip.source.private_network_id or ip.source.subnet_id
        if source in network_of:
            taken[network_of[source]].add(ip.address.partition("/")[0])
    return tuple(
        replace(private_network(each), taken=frozenset(taken.get(str(each.id), ()))) for each in networks
    )


def used_addresses(apis: Any, region: str, network_id: str) -> int:
    """How many addresses of a Private Network belong to a resource."""
    return len(listed_addresses(apis, region, private_network_id=network_id, attached=True))


def listed_addresses(apis: Any, region: str, **asked: Any) -> list[Any]:
    """Addresses as the API tells them; asked: its own filters."""
    return all_pages(
        lambda page, size: apis.ipam.list_i_ps(region=region, page=page, page_size=size, **asked),
        lambda answer: list(answer.ips),
    )
