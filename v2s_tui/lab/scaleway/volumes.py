"""block/v1 volumes and volume types."""

import os
from typing import Any

from v2s_tui.lab.scaleway.answers import (
    NO_CONTENT,
    Answer,
    Refusal,
    invalid_argument,
    precondition_failed,
    transient_state,
)
from v2s_tui.lab.scaleway.listing import answer_list, selected
from v2s_tui.lab.scaleway.routing import Call, Route
from v2s_tui.lab.scaleway.store import Resource, now_text, public
from v2s_tui.lab.scaleway.world import ZONES, World

GB = 10**9
MAX_VOLUME_BYTES = 10_000 * GB
_CREATE_SECONDS, _UPDATE_SECONDS, _DELETE_SECONDS = 0.3, 0.3, 0.2
_TYPES = {"sbs_5k": 5000, "sbs_15k": 15000}
_PRICES = {"sbs_5k": 0.000118, "sbs_15k": 0.000177}
_SNAPSHOT_PRICE = 0.000044
"""EUR per GB and hour (scaleway.md 2.3); the price of sbs_15k is not known and stands for itself here."""

TRANSIENT = {"creating", "exporting", "resizing", "snapshotting", "deleting", "updating"}


def zone_of(call: Call) -> str:
    """The path's zone. Raises a 400 refusal for one that does not exist."""
    if call.zone not in ZONES:
        raise invalid_argument("zone", f"zone {call.zone} does not exist", reason="unknown")
    return call.zone


def list_volume_types(call: Call) -> Answer:
    """GET volume-types."""
    zone = zone_of(call)
    rows = [
        {
            "type": name,
            "pricing": _money(_PRICES[name]),
            "snapshot_pricing": _money(_SNAPSHOT_PRICE),
            "specs": {"class": "sbs", "perf_iops": iops},
            "zone": zone,
        }
        for name, iops in _TYPES.items()
    ]
    return Answer(200, {"volume_types": rows, "total_count": len(rows)})


def _money(euros: float) -> dict[str, Any]:
    return {"currency_code": "EUR", "units": int(euros), "nanos": round((euros - int(euros)) * 10**9)}


def list_volumes(call: Call) -> Answer:
    """GET volumes."""
    return answer_list(call, "volumes", selected(call, call.world.store.all("volume", place=zone_of(call))))


def get_volume(call: Call) -> Answer:
    """GET one volume."""
    return Answer(200, public(_volume(call)))


def _volume(call: Call) -> Resource:
    return call.world.store.get("volume", call.params["volume_id"], place=zone_of(call))


def create_volume(call: Call) -> Answer:
    """POST: from_snapshot {snapshot_id, size} or from_empty {size}."""
    zone, name = zone_of(call), call.need("name")
    iops = int(call.body.get("perf_iops") or 5000)
    if iops not in _TYPES.values():
        raise invalid_argument("perf_iops", "perf_iops must be 5000 or 15000")
    source = call.body.get("from_snapshot")
    snapshot = usable_snapshot(call.world, source["snapshot_id"], zone) if source else None
    size = (source or call.body.get("from_empty") or {}).get("size")
    volume = make_volume(
        call.world, zone=zone, name=name, size_bytes=size, snapshot=snapshot, perf_iops=iops,
        project_id=call.project(), tags=call.body.get("tags") or [],
    )  # fmt: skip
    return Answer(200, public(volume))


def usable_snapshot(world: World, snapshot_id: str, zone: str) -> Resource:
    """A snapshot to make volumes or images of. Raises 404, 409 while it is made, 412 when it failed."""
    snapshot = world.store.get("snapshot", snapshot_id, place=zone)
    if snapshot["status"] in ("creating", "deleting"):
        raise transient_state("snapshot", snapshot_id, snapshot["status"])
    if snapshot["status"] == "error":
        raise precondition_failed("resource_not_usable", "snapshot is in error state")
    return snapshot


def make_volume(
    world: World,
    *,
    zone: str,
    name: str,
    size_bytes: int | None,
    snapshot: Resource | None,
    project_id: str,
    perf_iops: int = 5000,
    tags: list[str] | None = None,
) -> Resource:
    """A new volume, `creating` for a moment. Raises refusals for wrong sizes and quotas."""
    size = _size(size_bytes, snapshot)
    _check_quotas(world, size)
    volume = world.store.add(
        "volume",
        {
            "name": name,
            "type": next(kind for kind, iops in _TYPES.items() if iops == perf_iops),
            "size": size,
            "project_id": project_id,
            "created_at": now_text(),
            "updated_at": now_text(),
            "references": [],
            "parent_snapshot_id": snapshot["id"] if snapshot else None,
            "status": "creating",
            "tags": tags or [],
            "zone": zone,
            "specs": {"perf_iops": perf_iops, "class": "sbs"},
            "last_detached_at": None,
            "kms_key_id": None,
        },
    )
    volume["_raw_path"] = _content(world, volume, snapshot)
    world.store.later("volume", volume, _CREATE_SECONDS, changes={"status": "available"})
    return volume


def _size(size_bytes: int | None, snapshot: Resource | None) -> int:
    if size_bytes is None and snapshot is None:
        raise invalid_argument("from_empty", "from_empty or from_snapshot is required", reason="required")
    size = int(size_bytes if size_bytes is not None else (snapshot or {})["size"])
    if snapshot and size < snapshot["size"]:
        raise invalid_argument("size", f"size must be at least the snapshot's ({snapshot['size']})")
    if not GB <= size <= MAX_VOLUME_BYTES:
        raise invalid_argument("size", "size must be between 1 GB and 10 TB")
    return size


def _check_quotas(world: World, size_bytes: int) -> None:
    volumes = world.store.all("volume")
    world.check_quota("sbs_volumes", wanted=1, current=len(volumes))
    used = sum(each["size"] for each in volumes) // GB
    world.check_quota("sbs_volumes_total_size_gb", wanted=size_bytes // GB, current=used)


def _content(world: World, volume: Resource, snapshot: Resource | None) -> str:
    """Path of the volume's raw content: a hard link to the snapshot's, which nobody writes to."""
    path = world.raw_path("volume", volume["id"])
    if snapshot and snapshot.get("_raw_path"):
        os.link(snapshot["_raw_path"], path)
    else:
        with path.open("wb") as file:
            os.truncate(file.fileno(), volume["size"])
    return str(path)


def update_volume(call: Call) -> Answer:
    """PATCH: name, tags, size (only more, whole GB), perf_iops; works while attached."""
    volume = _volume(call)
    body = call.body
    if volume["status"] in TRANSIENT:
        raise transient_state("volume", volume["id"], volume["status"])
    volume |= {key: body[key] for key in ("name", "tags") if body.get(key) is not None}
    before = volume["status"]
    if body.get("size") is not None:
        _grow(volume, int(body["size"]))
    if body.get("perf_iops") is not None:
        _set_iops(volume, int(body["perf_iops"]))
    if volume["status"] == before:
        call.world.store.save("volume", volume)
    else:
        call.world.store.later("volume", volume, _UPDATE_SECONDS, changes={"status": before})
    return Answer(200, public(volume))


def _grow(volume: Resource, size_bytes: int) -> None:
    if size_bytes < volume["size"] or size_bytes > MAX_VOLUME_BYTES:
        raise invalid_argument("size", "a volume can only grow, to 10 TB at most")
    if size_bytes != volume["size"] and size_bytes % GB:
        raise invalid_argument("size", "size must be a multiple of 1 GB")
    volume |= {"size": size_bytes, "status": "resizing"}


def _set_iops(volume: Resource, iops: int) -> None:
    names = {value: name for name, value in _TYPES.items()}
    if iops not in names:
        raise invalid_argument("perf_iops", "perf_iops must be 5000 or 15000")
    volume |= {"type": names[iops], "specs": volume["specs"] | {"perf_iops": iops}, "status": "updating"}


def delete_volume(call: Call) -> Answer:
    """DELETE: refused while attached or changing."""
    volume = _volume(call)
    refuse_if_busy("volume", volume)
    volume["status"] = "deleting"
    call.world.store.later("volume", volume, _DELETE_SECONDS, effect="remove_volume")
    return NO_CONTENT


def refuse_if_busy(resource: str, thing: Resource) -> None:
    """Raises 412 while it is referenced by others, 409 while it changes."""
    if thing["status"] in TRANSIENT:
        raise transient_state(resource, thing["id"], thing["status"])
    if thing["references"]:
        raise in_use(resource)


def in_use(resource: str) -> Refusal:
    """412: others still refer to it."""
    return precondition_failed("resource_still_in_use", f"{resource} is still in use")


def add_reference(thing: Resource, product_type: str, product_id: str, *, kind: str) -> None:
    """Note that an Instance or image uses this; it becomes `in_use`. kind: exclusive | link."""
    thing["references"] = [
        *thing["references"],
        {
            "id": product_id,
            "product_resource_type": product_type,
            "product_resource_id": product_id,
            "type": kind,
            "status": "attached",
            "created_at": now_text(),
        },
    ]
    thing["status"] = "in_use"


def drop_reference(thing: Resource, product_id: str) -> None:
    """Forget a use; without any the thing is `available` again."""
    thing["references"] = [each for each in thing["references"] if each["product_resource_id"] != product_id]
    if not thing["references"] and thing["status"] == "in_use":
        thing["status"] = "available"


_BASE = "/block/v1/zones/{zone}"
ROUTES = (
    Route("GET", f"{_BASE}/volume-types", list_volume_types),
    Route("GET", f"{_BASE}/volumes", list_volumes),
    Route("POST", f"{_BASE}/volumes", create_volume),
    Route("GET", f"{_BASE}/volumes/{{volume_id}}", get_volume),
    Route("PATCH", f"{_BASE}/volumes/{{volume_id}}", update_volume),
    Route("DELETE", f"{_BASE}/volumes/{{volume_id}}", delete_volume),
)
