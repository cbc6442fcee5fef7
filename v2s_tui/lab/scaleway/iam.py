"""iam/v1alpha1 quotas, API keys and SSH keys; account/v3 projects."""

import hashlib
from typing import Any

from v2s_tui.lab.scaleway.answers import NO_CONTENT, Answer, invalid_argument, not_found
from v2s_tui.lab.scaleway.listing import answer_list, page_of, selected
from v2s_tui.lab.scaleway.routing import Call, Route
from v2s_tui.lab.scaleway.store import now_text, public
from v2s_tui.lab.scaleway.world import DEFAULT_QUOTAS, World, type_quota_name

_SINCE = "2026-01-05T08:00:00Z"


def list_quotas(call: Call) -> Answer:
    """GET limits; how much is used is not in the API (scaleway.md 1.5)."""
    rows = _quotas(call.world)
    if names := call.query.get("quotum_names"):
        rows = [each for each in rows if each["name"] in names]
    page, _, _ = page_of(call, rows, size_name="page_size")
    return Answer(200, {"quota": page, "total_count": len(rows)})


def get_quota(call: Call) -> Answer:
    """GET one limit by name."""
    for row in _quotas(call.world):
        if row["name"] == call.params["name"]:
            return Answer(200, row)
    raise not_found("quotum", call.params["name"])


def _quotas(world: World) -> list[dict[str, Any]]:
    types = sorted({kind.name for zone in world.catalogue.zones() for kind in world.catalogue.sold_in(zone)})
    names = {type_quota_name(name): name for name in types} | {name: name for name in DEFAULT_QUOTAS}
    return [_quota(name, pretty, world.quota(name)) for name, pretty in names.items()]


def _quota(name: str, pretty_name: str, limit: int) -> dict[str, Any]:
    return {
        "name": name,
        "limit": limit,
        "unlimited": None,
        "pretty_name": pretty_name,
        "unit": "",
        "description": pretty_name,
        "locality_type": "global",
        "limits": [{"global": True, "limit": limit}],
    }


def list_api_keys(call: Call) -> Answer:
    """GET API keys: the one there is."""
    return Answer(200, {"api_keys": [_api_key(call.world)], "total_count": 1})


def get_api_key(call: Call) -> Answer:
    """GET one API key, never its secret."""
    if call.params["access_key"] != call.world.account.access_key:
        raise not_found("api_key", call.params["access_key"])
    return Answer(200, _api_key(call.world))


def _api_key(world: World) -> dict[str, Any]:
    return {
        "access_key": world.account.access_key,
        "secret_key": None,
        "application_id": "5e1a4c0e-0000-4000-8000-000000000001",
        "description": "v2s lab",
        "created_at": _SINCE,
        "updated_at": _SINCE,
        "expires_at": None,
        "default_project_id": world.account.project(None),
        "editable": True,
        "deletable": True,
        "managed": False,
        "creation_ip": "127.0.0.1",
    }


def list_ssh_keys(call: Call) -> Answer:
    """GET SSH keys."""
    return answer_list(call, "ssh_keys", selected(call, call.world.store.all("ssh_key")))


def create_ssh_key(call: Call) -> Answer:
    """POST an SSH key."""
    text = str(call.need("public_key"))
    if not text.startswith(("ssh-", "ecdsa-", "sk-")):
        raise invalid_argument("public_key", "public_key is not an SSH public key", reason="format")
    digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    key = call.world.store.add(
        "ssh_key",
        {
            "name": call.body.get("name") or "key",
            "public_key": text,
            "fingerprint": "MD5:" + digest,
            "organization_id": call.world.account.organization_id,
            "project_id": call.project(),
            "disabled": False,
            "created_at": now_text(),
            "updated_at": now_text(),
        },
    )
    return Answer(200, public(key))


def get_ssh_key(call: Call) -> Answer:
    """GET one SSH key."""
    return Answer(200, public(call.world.store.get("ssh_key", call.params["key_id"])))


def delete_ssh_key(call: Call) -> Answer:
    """DELETE one SSH key."""
    call.world.store.remove("ssh_key", call.world.store.get("ssh_key", call.params["key_id"]))
    return NO_CONTENT


def list_projects(call: Call) -> Answer:
    """GET projects; project_ids, name: filters."""
    rows = [_project(call.world, each) for each in call.world.account.projects]
    if ids := call.query.get("project_ids"):
        rows = [each for each in rows if each["id"] in ids]
    rows = [each for each in rows if call.one("name") in each["name"]]
    page, _, _ = page_of(call, rows, size_name="page_size")
    return Answer(200, {"projects": page, "total_count": len(rows)})


def get_project(call: Call) -> Answer:
    """GET one project."""
    if call.params["project_id"] not in call.world.account.projects:
        raise not_found("project", call.params["project_id"])
    return Answer(200, _project(call.world, call.params["project_id"]))


def _project(world: World, project_id: str) -> dict[str, Any]:
    return {
        "id": project_id,
        "name": world.account.projects[project_id],
        "organization_id": world.account.organization_id,
        "description": "",
        "status": "active",
        "created_at": _SINCE,
        "updated_at": _SINCE,
        "qualification": None,
    }


_IAM = "/iam/v1alpha1"
ROUTES = (
    Route("GET", f"{_IAM}/quota", list_quotas),
    Route("GET", f"{_IAM}/quota/{{name}}", get_quota),
    Route("GET", f"{_IAM}/api-keys", list_api_keys),
    Route("GET", f"{_IAM}/api-keys/{{access_key}}", get_api_key),
    Route("GET", f"{_IAM}/ssh-keys", list_ssh_keys),
    Route("POST", f"{_IAM}/ssh-keys", create_ssh_key),
    Route("GET", f"{_IAM}/ssh-keys/{{key_id}}", get_ssh_key),
    Route("DELETE", f"{_IAM}/ssh-keys/{{key_id}}", delete_ssh_key),
    Route("GET", "/account/v3/projects", list_projects),
    Route("GET", "/account/v3/projects/{project_id}", get_project),
)
