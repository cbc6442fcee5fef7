"""Looking up what carries a tag. The API's own tag filters differ between products, so every answer is
filtered here again.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from v2s_tui.adapters.scaleway import resources
from v2s_tui.adapters.scaleway.addresses import listed_addresses, used_addresses
from v2s_tui.adapters.scaleway.lookups import listed_networks
from v2s_tui.adapters.scaleway.pages import all_pages
from v2s_tui.adapters.scaleway.resources import has_tag
from v2s_tui.domain.ports import CloudResource, CloudState
from v2s_tui.domain.target.private_networks import region_of


def find_resources(apis: Any, kind: str, zone: str, tag: str, project_id: str) -> tuple[CloudResource, ...]:
    """Existing resources of the kind with the tag, oldest first; tag "": everything of v2s."""
    found = _LISTERS[kind](apis, zone, tag, project_id or None)
    mine = [each for each in found if each.state is not CloudState.GONE and has_tag(each.tags, tag)]
    return tuple(sorted(mine, key=_age))


def _age(resource: CloudResource) -> tuple[datetime, str]:
    return (resource.created_at or datetime.min.replace(tzinfo=UTC), resource.id)


def _block(call: str, items: str) -> Callable[[Any, str, str, str | None], list[Any]]:
    def listed(apis: Any, zone: str, tag: str, project_id: str | None) -> list[Any]:
        return all_pages(
            lambda page, size: getattr(apis.block, call)(
                zone=zone,
                include_deleted=False,
                tags=[tag] if tag else None,
                project_id=project_id,
                page=page,
                page_size=size,
            ),
            lambda answer: list(getattr(answer, items)),
        )

    return listed


def _instance(call: str, items: str, *, tag_as_list: bool = True) -> Callable[..., list[Any]]:
    def listed(apis: Any, zone: str, tag: str, project_id: str | None) -> list[Any]:
        wanted = [tag] if tag_as_list else tag
        return all_pages(
            lambda page, size: getattr(apis.instance, call)(
                zone=zone, tags=wanted if tag else None, project=project_id, page=page, per_page=size
            ),
            lambda answer: list(getattr(answer, items)),
        )

    return listed


_snapshots = _block("list_snapshots", "snapshots")
_volumes = _block("list_volumes", "volumes")
_images = _instance("list_images", "images", tag_as_list=False)
_servers = _instance("list_servers", "servers")
_ips = _instance("list_ips", "ips")


def _private_nics(apis: Any, zone: str, tag: str, project_id: str | None) -> list[CloudResource]:
    """NICs of all Instances: the API lists NICs by Instance only, and their tags are their own."""
    del tag
    return [
        resources.from_private_nic(nic)
        for server in _servers(apis, zone, "", project_id)
        for nic in server.private_nics or ()
    ]


def _private_networks(apis: Any, zone: str, tag: str, project_id: str | None) -> list[CloudResource]:
    """Only those with our tag: for each the addresses in use are asked."""
    region = region_of(zone)
    listed = listed_networks(apis, region, tags=[tag] if tag else None, project_id=project_id)
    return [
        resources.from_private_network(each, used_addresses(apis, region, each.id))
        for each in listed
        if has_tag(each.tags or (), tag)
    ]


def _addresses(apis: Any, zone: str, tag: str, project_id: str | None) -> list[CloudResource]:
    tags = [tag] if tag else None
    listed = listed_addresses(apis, region_of(zone), project_id=project_id, tags=tags)
    return [resources.from_address(each) for each in listed]


_LISTERS: dict[str, Callable[[Any, str, str, str | None], list[CloudResource]]] = {
    "block_snapshot": lambda *asked: [resources.from_block_snapshot(each) for each in _snapshots(*asked)],
    "volume": lambda *asked: [resources.from_volume(each) for each in _volumes(*asked)],
    "image": lambda *asked: [resources.from_image(each) for each in _images(*asked)],
    "ip": lambda *asked: [resources.from_ip(each) for each in _ips(*asked)],
    "instance": lambda *asked: [resources.from_server(each) for each in _servers(*asked)],
    "private_nic": _private_nics,
    "private_network": _private_networks,
    "address": _addresses,
}
