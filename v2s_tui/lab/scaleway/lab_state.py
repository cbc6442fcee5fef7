"""`GET /lab/state` and `PATCH /lab/settings`: what tests in other processes see and set. Not Scaleway's."""

from typing import Any

from v2s_tui.lab.scaleway.answers import Answer
from v2s_tui.lab.scaleway.routing import Call, Route


def state(call: Call) -> Answer:
    """All resources with their raw paths, objects and uploads in progress of each bucket."""
    objects = call.world.objects
    buckets = {
        bucket: {
            "objects": objects.objects(bucket),
            "uploads": [{"key": each.key, "upload_id": each.upload_id} for each in objects.uploads(bucket)],
        }
        for bucket in objects.buckets()
    }
    with call.world.store.lock:
        call.world.store.settle()
        resources = call.world.store.everything()
        shown: dict[str, Any] = {
            kind: [
                {key: value for key, value in each.items() if key not in ("_pending", "_created")}
                for each in found
            ]
            for kind, found in resources.items()
        }
    return Answer(200, {"resources": shown, "buckets": buckets})


def settings(call: Call) -> Answer:
    """Set `quotas` (name -> limit) and `stock` (`zone/TYPE` -> availability)."""
    call.world.change_settings(call.body)
    account = call.world.account
    return Answer(200, {"quotas": account.quotas, "stock": account.stock})


ROUTES = (Route("GET", "/lab/state", state), Route("PATCH", "/lab/settings", settings))
