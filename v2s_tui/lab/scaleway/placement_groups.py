"""instance/v1 placement groups."""

from v2s_tui.lab.scaleway.answers import NO_CONTENT, Answer, invalid_argument
from v2s_tui.lab.scaleway.listing import answer_instance_list, selected
from v2s_tui.lab.scaleway.routing import Call, Route
from v2s_tui.lab.scaleway.store import Resource, public
from v2s_tui.lab.scaleway.volumes import in_use, zone_of


def list_groups(call: Call) -> Answer:
    """GET placement groups."""
    found = selected(call, call.world.store.all("placement_group", place=zone_of(call)))
    return answer_instance_list(call, "placement_groups", found)


def create_group(call: Call) -> Answer:
    """POST: policy_mode optional | enforced, policy_type low_latency | max_availability."""
    body = call.body
    mode, kind = body.get("policy_mode") or "optional", body.get("policy_type") or "max_availability"
    if mode not in ("optional", "enforced") or kind not in ("low_latency", "max_availability"):
        raise invalid_argument("policy_mode", "policy_mode or policy_type is unknown")
    group = call.world.store.add(
        "placement_group",
        {
            "name": body.get("name") or "placement-group",
            "organization": call.world.account.organization_id,
            "project": call.project(),
            "tags": body.get("tags") or [],
            "policy_mode": mode,
            "policy_type": kind,
            "policy_respected": True,
            "zone": zone_of(call),
        },
    )
    return Answer(201, {"placement_group": public(group)})


def _group(call: Call) -> Resource:
    return call.world.store.get("placement_group", call.params["group_id"], place=zone_of(call))


def get_group(call: Call) -> Answer:
    """GET one placement group."""
    return Answer(200, {"placement_group": public(_group(call))})


def delete_group(call: Call) -> Answer:
    """DELETE: refused while servers are in it."""
    group = _group(call)
    if any(each["_placement_group"] == group["id"] for each in call.world.store.all("server")):
        raise in_use("instance_placement_group")
    call.world.store.remove("placement_group", group)
    return NO_CONTENT


_BASE = "/instance/v1/zones/{zone}/placement_groups"
ROUTES = (
    Route("GET", _BASE, list_groups),
    Route("POST", _BASE, create_group),
    Route("GET", f"{_BASE}/{{group_id}}", get_group),
    Route("DELETE", f"{_BASE}/{{group_id}}", delete_group),
)
