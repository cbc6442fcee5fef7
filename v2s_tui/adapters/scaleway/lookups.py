"""Names in a plan become ids: Private Networks, security groups, placement groups, and the key for Windows.

A plan is written by people, so `prod-net` is as good as its UUID. Several of one name are an error, no guess.
"""

import re
from collections.abc import Callable
from typing import Any

from v2s_tui.adapters.scaleway.pages import all_pages
from v2s_tui.domain.errors import NotFound, TargetError
from v2s_tui.domain.target.private_networks import PrivateNetwork, Vpc, region_of

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def private_networks(apis: Any, zone: str, project_id: str) -> tuple[PrivateNetwork, ...]:
    """All of the zone's region, with their subnets."""
    return tuple(map(private_network, listed_networks(apis, region_of(zone), project_id=project_id or None)))


def private_network(found: Any) -> PrivateNetwork:
    """As pre-flight needs it, of the API's own."""
    subnets = tuple(each.subnet for each in found.subnets or ())
    return PrivateNetwork(str(found.id), found.name, subnets, str(found.vpc_id))


def listed_networks(apis: Any, region: str, **asked: Any) -> list[Any]:
    """Private Networks as the API tells them; asked: its own filters."""
    return all_pages(
        lambda page, size: apis.vpc.list_private_networks(region=region, page=page, page_size=size, **asked),
        lambda answer: list(answer.private_networks),
    )


def vpcs(apis: Any, zone: str, project_id: str) -> tuple[Vpc, ...]:
    """All of the zone's region."""
    found: list[Any] = all_pages(
        lambda page, size: apis.vpc.list_vp_cs(
            region=region_of(zone), project_id=project_id or None, page=page, page_size=size
        ),
        lambda answer: list(answer.vpcs),
    )
    return tuple(Vpc(str(each.id), each.name, default=bool(each.is_default)) for each in found)


def private_network_id(apis: Any, zone: str, name_or_id: str, project_id: str) -> str:
    """Of a Private Network of the zone's region."""
    region = region_of(zone)
    return _id_of(
        name_or_id,
        f"Private Network in {region}",
        lambda page, size: apis.vpc.list_private_networks(
            region=region, name=name_or_id, project_id=project_id or None, page=page, page_size=size
        ),
        "private_networks",
    )


def vpc_id(apis: Any, zone: str, name_or_id: str, project_id: str) -> str:
    """Of a VPC of the zone's region; "" stays "", which the API takes for the default one."""
    region = region_of(zone)
    return _id_of(
        name_or_id,
        f"VPC in {region}",
        lambda page, size: apis.vpc.list_vp_cs(
            region=region, name=name_or_id, project_id=project_id or None, page=page, page_size=size
        ),
        "vpcs",
    )


def security_group_id(apis: Any, zone: str, name_or_id: str, project_id: str) -> str:
    """Of a security group of the zone; "" stays ""."""
    return _id_of(
        name_or_id,
        f"security group in {zone}",
        lambda page, size: apis.instance.list_security_groups(
            zone=zone, name=name_or_id, project=project_id or None, page=page, per_page=size
        ),
        "security_groups",
    )


def placement_group_id(apis: Any, zone: str, name_or_id: str, project_id: str) -> str:
    """Of a placement group of the zone; "" stays ""."""
    return _id_of(
        name_or_id,
        f"placement group in {zone}",
        lambda page, size: apis.instance.list_placement_groups(
            zone=zone, name=name_or_id, project=project_id or None, page=page, per_page=size
        ),
        "placement_groups",
    )


def windows_key_id(apis: Any, commercial_type: str, project_id: str) -> str | None:
    """The SSH key by which a Windows Instance's first password is encrypted: the project's first RSA key.

    Only RSA keys can decrypt it (reference: scaleway.md 1.5). None for other types, or without such a key.
    """
    if not commercial_type.endswith("-WIN"):
        return None
    keys = all_pages(
        lambda page, size: apis.iam.list_ssh_keys(project_id=project_id or None, page=page, page_size=size),
        lambda answer: list(answer.ssh_keys),
    )
    usable = [key for key in keys if str(key.public_key).startswith("ssh-rsa ") and not key.disabled]
    return str(usable[0].id) if usable else None


def _id_of(name_or_id: str, what: str, fetch: Callable[[int, int], Any], items: str) -> str:
    if not name_or_id or _UUID.fullmatch(name_or_id):
        return name_or_id
    found = [
        each
        for each in all_pages(fetch, lambda answer: list(getattr(answer, items)))
        if each.name == name_or_id
    ]
    if not found:
        raise NotFound(f"there is no {what} named {name_or_id}", hint="create it, or give its id in the plan")
    if len(found) > 1:
        raise TargetError(
            f"{len(found)} of the {what} are named {name_or_id}", hint="give the id of the right one"
        )
    return str(found[0].id)
