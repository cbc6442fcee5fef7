"""Fixed addresses on Private Networks: booked in IPAM for a NIC, given back after it is gone."""

from collections.abc import Iterable
from typing import Any

from v2s_tui.adapters.scaleway.finding import OWN_TAGS
from v2s_tui.adapters.scaleway.pages import all_pages
from v2s_tui.domain.errors import NotFound


def book_address(
    apis: Any, zone: str, *, network_id: str, address: str, tags: tuple[str, ...], project_id: str
) -> str:
    """Id of the booking; one that an interrupted run made with the same tags is taken."""
    from v2s_tui.adapters.scaleway.sdk import Source

    region = zone.rpartition("-")[0]
    booked = all_pages(
        lambda page, size: apis.ipam.list_i_ps(
            region=region, private_network_id=network_id, is_ipv6=False, page=page, page_size=size
        ),
        lambda answer: list(answer.ips),
    )
    for ip in booked:
        if ip.address.partition("/")[0] == address and set(tags) <= set(ip.tags):
            return str(ip.id)
    made = apis.ipam.book_ip(
        region=region,
        source=Source(private_network_id=network_id, regional=None),
        is_ipv6=False,
        address=address,
        tags=list(tags),
        project_id=project_id or None,
    )
    return str(made.id)


def release_ours(apis: Any, zone: str, ip_ids: Iterable[str]) -> None:
    """Give back those bookings that v2s made; addresses of DHCP go by themselves."""
    region = zone.rpartition("-")[0]
    for ip_id in ip_ids:
        try:
            ip = apis.ipam.get_ip(region=region, ip_id=ip_id)
            if any(tag.startswith(OWN_TAGS) for tag in ip.tags):
                apis.ipam.release_ip(region=region, ip_id=ip_id)
        except NotFound:
            continue
