"""The account behind the key: its quotas, and what is used of them."""

from collections.abc import Mapping
from typing import Any

from v2s_tui.adapters.scaleway.pages import all_pages
from v2s_tui.domain.units import GB

_COUNTS = ("servers", "volumes", "images", "snapshots", "ips", "security_groups", "private_nics")


def quota_limits(iam: Any, organization_id: str) -> Mapping[str, int]:
    """Limits by quota name; a limit of one zone or region is `name@fr-par-1`. -1: unlimited."""
    quota = all_pages(
        lambda page, size: iam.list_quota(organization_id=organization_id or None, page=page, page_size=size),
        lambda answer: list(answer.quota),
    )
    limits: dict[str, int] = {}
    for each in quota:
        if each.limit is not None or each.unlimited:
            limits[each.name] = -1 if each.unlimited else each.limit
        for local in each.limits or ():
            place = local.zone or local.region or ""
            limits[f"{each.name}@{place}" if place else each.name] = (
                -1 if local.unlimited else (local.limit or 0)
            )
    return limits


def usage_counts(instance: Any, zone: str, project_id: str) -> Mapping[str, int]:
    """What the project has in the zone (the API's dashboard)."""
    board = instance.get_dashboard(zone=zone, project=project_id or None).dashboard
    counts = {name: int(getattr(board, f"{name}_count", 0) or 0) for name in _COUNTS}
    return {**counts, **{name: int(count) for name, count in (board.servers_by_types or {}).items()}}


def block_storage_gb(block: Any, zone: str, project_id: str) -> int:
    """GB of the project's Block Storage volumes in the zone, which the dashboard does not know."""
    volumes = all_pages(
        lambda page, size: block.list_volumes(
            zone=zone, project_id=project_id or None, include_deleted=False, page=page, page_size=size
        ),
        lambda answer: list(answer.volumes),
    )
    return int(sum(each.size for each in volumes) // GB)
