"""Power of an Instance, its user data, and the types it could change to."""

import base64
from collections.abc import Iterator
from typing import Any

from v2s_tui.lab.scaleway.answers import (
    NO_CONTENT,
    Answer,
    invalid_argument,
    invalid_request,
    out_of_stock,
    precondition_failed,
    transient_state,
)
from v2s_tui.lab.scaleway.products import availability
from v2s_tui.lab.scaleway.routing import Call, Route
from v2s_tui.lab.scaleway.server_view import allowed_actions
from v2s_tui.lab.scaleway.servers import the_server
from v2s_tui.lab.scaleway.store import Resource, now_text

_MAX_USER_DATA_BYTES = 128 << 10
_SETTLED = {"stopped", "running", "stopped in place"}
_ACTIONS = {"poweron", "poweroff", "stop_in_place", "reboot", "terminate", "backup"}

_COURSES: dict[str, list[tuple[float, dict[str, str]]]] = {
    "poweron": [
        (0.0, {"state": "starting", "state_detail": "allocating node"}),
        (0.4, {"state_detail": "provisioning node"}),
        (1.0, {"state": "running", "state_detail": "booting kernel"}),
    ],
    "poweroff": [
        (0.0, {"state": "stopping", "state_detail": "stopping"}),
        (0.8, {"state": "stopped", "state_detail": ""}),
    ],
    "stop_in_place": [
        (0.0, {"state": "stopping", "state_detail": "stopping in place"}),
        (0.6, {"state": "stopped in place", "state_detail": ""}),
    ],
    "reboot": [
        (0.0, {"state": "stopping", "state_detail": "rebooting"}),
        (0.8, {"state": "running", "state_detail": "booting kernel"}),
    ],
    "terminate": [(0.0, {"state": "stopping", "state_detail": "terminating"})],
}
"""What an action does to the state, by seconds after it (scaleway.md 1.7: 5-118 s in reality)."""

_TERMINATE_SECONDS = 0.8


def list_actions(call: Call) -> Answer:
    """GET the actions that are allowed now."""
    return Answer(200, {"actions": allowed_actions(the_server(call)["state"])})


def act(call: Call) -> Answer:
    """POST an action: 202 with a task that tells nothing; the server is what must be polled."""
    server, action = the_server(call), call.need("action")
    _check(call, server, action)
    store = call.world.store
    for seconds, changes, effect in _course(call, action):
        if seconds:
            store.later("server", server, seconds, changes=changes, effect=effect)
        else:
            server |= changes
            store.save("server", server)
    if action == "terminate":
        store.later("server", server, _TERMINATE_SECONDS, effect="dissolve_server")
    return Answer(202, {"task": _task(call, action)})


def _course(call: Call, action: str) -> Iterator[tuple[float, dict[str, str], str | None]]:
    """Seconds, changes and effect of each step; the last one is the machine's where Instances really boot."""
    steps = _COURSES[action]
    for number, (seconds, changes) in enumerate(steps, start=1):
        if number == len(steps) and call.world.machines is not None and action != "terminate":
            yield seconds, {}, f"boot_{action}"
        else:
            yield seconds, changes, None


def _check(call: Call, server: Resource, action: str) -> None:
    if action not in _ACTIONS:
        raise invalid_argument("action", f"{action} is not an action", reason="unknown")
    if server["state"] not in _SETTLED:
        raise transient_state("instance_server", server["id"], server["state"])
    if action == "backup":
        raise invalid_request("the lab makes no backups")
    if action not in allowed_actions(server["state"]):
        raise invalid_request(f"{action} is not possible while the server is {server['state']}")
    if server["protected"] and action in ("poweroff", "terminate"):
        raise precondition_failed("resource_protected", "the server is protected")
    kind = call.world.catalogue.find(server["commercial_type"], server["zone"])
    if action == "poweron" and kind and availability(call.world, kind, server["zone"]) == "shortage":
        raise out_of_stock(server["commercial_type"])
    if action == "poweron" and call.world.machines is not None and not call.world.machines.has_room():
        raise out_of_stock(f"{server['commercial_type']} (the lab's host boots {call.world.machines.limit})")


def _task(call: Call, action: str) -> dict[str, Any]:
    return {
        "id": "00000000-0000-0000-0000-000000000000",
        "description": f"server_{action}",
        "href_from": call.path,
        "href_result": call.path.removesuffix("/action"),
        "progress": 0,
        "started_at": now_text(),
        "terminated_at": None,
        "status": "pending",
        "zone": call.zone,
    }


def list_user_data(call: Call) -> Answer:
    """GET the keys of the user data."""
    return Answer(200, {"user_data": list(the_server(call)["_user_data"])})


def get_user_data(call: Call) -> Answer:
    """GET one value as it is; 404 without a body for a key that is not there."""
    value = the_server(call)["_user_data"].get(call.params["key"])
    return Answer(404) if value is None else Answer(200, base64.b64decode(value))


def set_user_data(call: Call) -> Answer:
    """PATCH one value: the raw body, plain text only."""
    server = the_server(call)
    if len(call.raw) > _MAX_USER_DATA_BYTES or b"\0" in call.raw:
        raise invalid_argument("content", "user data is plain text of 128 KiB at most", reason="format")
    server["_user_data"][call.params["key"]] = base64.b64encode(call.raw).decode()
    call.world.store.save("server", server)
    return NO_CONTENT


def delete_user_data(call: Call) -> Answer:
    """DELETE one value."""
    server = the_server(call)
    if server["_user_data"].pop(call.params["key"], None) is None:
        return Answer(404)
    call.world.store.save("server", server)
    return NO_CONTENT


def compatible_types(call: Call) -> Answer:
    """GET the types a server could change to: same architecture, still sold."""
    server = the_server(call)
    names = [
        each.name
        for each in call.world.catalogue.sold_in(server["zone"])
        if each.arch == server["arch"] and not each.end_of_service
    ]
    return Answer(200, {"compatible_types": names})


_BASE = "/instance/v1/zones/{zone}/servers/{server_id}"
ROUTES = (
    Route("GET", f"{_BASE}/action", list_actions),
    Route("POST", f"{_BASE}/action", act),
    Route("GET", f"{_BASE}/user_data", list_user_data),
    Route("GET", f"{_BASE}/user_data/{{key}}", get_user_data),
    Route("PATCH", f"{_BASE}/user_data/{{key}}", set_user_data),
    Route("DELETE", f"{_BASE}/user_data/{{key}}", delete_user_data),
    Route("GET", f"{_BASE}/compatible-types", compatible_types),
)
