"""block/v1 snapshots: of volumes, and imported from Object Storage."""

import os

from v2s_tui.lab.scaleway.answers import NO_CONTENT, Answer, invalid_argument, transient_state
from v2s_tui.lab.scaleway.exports import export_snapshot
from v2s_tui.lab.scaleway.imports import check_object
from v2s_tui.lab.scaleway.listing import answer_list, selected
from v2s_tui.lab.scaleway.routing import Call, Route
from v2s_tui.lab.scaleway.store import Resource, now_text, public
from v2s_tui.lab.scaleway.volumes import GB, TRANSIENT, refuse_if_busy, zone_of

_CREATE_SECONDS, _DELETE_SECONDS = 0.5, 0.2
MAX_IMPORT_BYTES = 1000 * GB


def list_snapshots(call: Call) -> Answer:
    """GET snapshots; volume_id: only those of that volume."""
    found = selected(call, call.world.store.all("snapshot", place=zone_of(call)))
    if volume_id := call.one("volume_id"):
        found = [each for each in found if (each["parent_volume"] or {}).get("id") == volume_id]
    return answer_list(call, "snapshots", found)


def get_snapshot(call: Call) -> Answer:
    """GET one snapshot."""
    return Answer(200, public(_snapshot(call)))


def _snapshot(call: Call) -> Resource:
    return call.world.store.get("snapshot", call.params["snapshot_id"], place=zone_of(call))


def import_snapshot(call: Call) -> Answer:
    """POST: read an object; refused at once for what its header shows, `error` later for the rest."""
    zone, bucket, key, name = zone_of(call), call.need("bucket"), call.need("key"), call.need("name")
    project_id = call.project()
    # Reads the object, so that the store is free meanwhile.
    header = check_object(call.world.objects, bucket=bucket, key=key, region=call.region)
    size = int(call.body.get("size") or max(header.virtual_bytes, GB))
    if not max(header.virtual_bytes, GB) <= size <= MAX_IMPORT_BYTES:
        raise invalid_argument(
            "size", "size must be between the image's virtual size (1 GB at least) and 1 TB"
        )
    with call.world.store.lock:
        return Answer(200, public(_start(call, name, zone, project_id, size)))


def _start(call: Call, name: str, zone: str, project_id: str, size: int) -> Resource:
    snapshot = _new(call, name=name, size_bytes=size, project_id=project_id, zone=zone)
    snapshot["_import"] = {
        "bucket": call.body["bucket"],
        "key": call.body["key"],
        "size": size,
        "raw_path": str(call.world.raw_path("snapshot", snapshot["id"])),
        "fails": call.fault is not None and call.fault.fault == "import_error",
    }
    call.world.store.save("snapshot", snapshot)
    call.world.importer.submit(snapshot)
    return snapshot


def _new(call: Call, *, name: str, size_bytes: int, project_id: str, zone: str) -> Resource:
    store = call.world.store
    call.world.check_quota("sbs_snapshots", wanted=1, current=len(store.all("snapshot")))
    return store.add(
        "snapshot",
        {
            "name": name,
            "size": size_bytes,
            "project_id": project_id,
            "parent_volume": None,
            "references": [],
            "status": "creating",
            "tags": call.body.get("tags") or [],
            "zone": zone,
            "class": "sbs",
            "public": False,
            "kms_key_id": None,
            "created_at": now_text(),
            "updated_at": now_text(),
        },
    )


def create_snapshot(call: Call) -> Answer:
    """POST: a snapshot of a volume."""
    zone, store = zone_of(call), call.world.store
    volume = store.get("volume", call.need("volume_id"), place=zone)
    if volume["status"] in TRANSIENT:
        raise transient_state("volume", volume["id"], volume["status"])
    snapshot = _new(
        call, name=call.need("name"), size_bytes=volume["size"], project_id=call.project(), zone=zone
    )
    snapshot["parent_volume"] = {key: volume[key] for key in ("id", "name", "type", "status")}
    path = call.world.raw_path("snapshot", snapshot["id"])
    os.link(volume["_raw_path"], path)
    snapshot["_raw_path"] = str(path)
    store.later("snapshot", snapshot, _CREATE_SECONDS, changes={"status": "available"})
    return Answer(200, public(snapshot))


def update_snapshot(call: Call) -> Answer:
    """PATCH: name, tags."""
    snapshot = _snapshot(call)
    snapshot |= {key: call.body[key] for key in ("name", "tags") if call.body.get(key) is not None}
    call.world.store.save("snapshot", snapshot)
    return Answer(200, public(snapshot))


def delete_snapshot(call: Call) -> Answer:
    """DELETE: refused while it is made or an image needs it."""
    snapshot = _snapshot(call)
    refuse_if_busy("snapshot", snapshot)
    snapshot["status"] = "deleting"
    call.world.store.later("snapshot", snapshot, _DELETE_SECONDS, effect="remove_snapshot")
    return NO_CONTENT


_BASE = "/block/v1/zones/{zone}/snapshots"
ROUTES = (
    Route("GET", _BASE, list_snapshots),
    Route("POST", _BASE, create_snapshot),
    Route("POST", f"{_BASE}/import-from-object-storage", import_snapshot, locks=False),
    Route("POST", f"{_BASE}/{{snapshot_id}}/export-to-object-storage", export_snapshot),
    Route("GET", f"{_BASE}/{{snapshot_id}}", get_snapshot),
    Route("PATCH", f"{_BASE}/{{snapshot_id}}", update_snapshot),
    Route("DELETE", f"{_BASE}/{{snapshot_id}}", delete_snapshot),
)
