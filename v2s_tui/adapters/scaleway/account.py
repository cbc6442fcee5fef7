"""The account behind the key: its quotas, what is used of them, and what the key may not do."""

from collections.abc import Callable, Mapping
from typing import Any

from v2s_tui.adapters.scaleway.access import ScalewayAccess
from v2s_tui.adapters.scaleway.pages import all_pages
from v2s_tui.domain.errors import NotFound, TargetError

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


def missing_access(apis: Any, access: ScalewayAccess, zone: str = "fr-par-1") -> tuple[str, ...]:
    """One sentence per harmless call that the API refused."""
    project = access.project_id or None
    calls: tuple[tuple[str, Callable[[], Any]], ...] = (
        ("read Instances", lambda: apis.instance.list_servers(zone=zone, project=project, per_page=1)),
        ("read images", lambda: apis.instance.list_images(zone=zone, project=project, per_page=1)),
        (
            "read Block Storage",
            lambda: apis.block.list_snapshots(
                zone=zone, include_deleted=False, project_id=project, page_size=1
            ),
        ),
        (
            "read quotas",
            lambda: apis.iam.list_quota(organization_id=access.organization_id or None, page_size=1),
        ),
    )
    return tuple(sentence for what, call in calls if (sentence := _refusal(what, call)))


def _refusal(what: str, call: Callable[[], Any]) -> str:
    """ "" when the call is allowed. Errors that are not about rights (no connection) are the caller's."""
    try:
        call()
    except NotFound as err:
        return f"cannot {what}: {err}"
    except TargetError as err:
        if err.status not in {401, 403}:
            raise
        return f"cannot {what}: {err}"
    return ""
