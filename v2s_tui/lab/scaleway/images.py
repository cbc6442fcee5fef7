"""instance/v1 images: names for one root snapshot and any number of further ones."""

from typing import Any

from v2s_tui.lab.scaleway.answers import NO_CONTENT, Answer, invalid_argument
from v2s_tui.lab.scaleway.listing import answer_instance_list, selected
from v2s_tui.lab.scaleway.routing import Call, Route
from v2s_tui.lab.scaleway.store import Resource, now_text, public
from v2s_tui.lab.scaleway.volumes import add_reference, drop_reference, usable_snapshot, zone_of

_ARCHITECTURES = ("x86_64", "arm64")


def list_images(call: Call) -> Answer:
    """GET images."""
    return answer_instance_list(
        call, "images", selected(call, call.world.store.all("image", place=zone_of(call)))
    )


def get_image(call: Call) -> Answer:
    """GET one image."""
    return Answer(200, {"image": public(_image(call))})


def _image(call: Call) -> Resource:
    return call.world.store.get("image", call.params["image_id"], place=zone_of(call))


def create_image(call: Call) -> Answer:
    """POST: root_volume is a snapshot's id, extra_volumes {"1": {id}, ...}."""
    zone, store, body = zone_of(call), call.world.store, call.body
    if body.get("arch", "x86_64") not in _ARCHITECTURES:
        raise invalid_argument("arch", "arch must be x86_64 or arm64")
    ids = {"0": call.need("root_volume")} | _extra_ids(body.get("extra_volumes") or {})
    snapshots = {key: usable_snapshot(call.world, each, zone) for key, each in ids.items()}
    call.world.check_quota("instance_images", wanted=1, current=len(store.all("image")))
    image = store.add("image", _fields(call, zone, ids))
    for snapshot in snapshots.values():
        add_reference(snapshot, "instance_image", image["id"], kind="link")
        store.save("snapshot", snapshot)
    return Answer(201, {"image": public(image)})


def _extra_ids(extras: dict[str, Any]) -> dict[str, str]:
    """Ids of further snapshots by their number. Raises a 400 refusal for keys that are none."""
    if not all(key.isdecimal() and int(key) > 0 for key in extras):
        raise invalid_argument("extra_volumes", "keys must be numbers from 1 on", reason="format")
    return {key: extra["id"] for key, extra in sorted(extras.items(), key=lambda item: int(item[0]))}


def _fields(call: Call, zone: str, ids: dict[str, str]) -> Resource:
    volumes = {
        key: {"id": each, "name": "", "size": 0, "volume_type": "sbs_snapshot"} for key, each in ids.items()
    }
    return {
        "name": call.body.get("name") or "image",
        "arch": call.body.get("arch", "x86_64"),
        "organization": call.world.account.organization_id,
        "project": call.project(),
        "root_volume": volumes.pop("0"),
        "extra_volumes": volumes,
        "public": bool(call.body.get("public")),
        "from_server": "",
        "state": "available",
        "tags": call.body.get("tags") or [],
        "zone": zone,
        "default_bootscript": None,
        "creation_date": now_text(),
        "modification_date": now_text(),
    }


def update_image(call: Call) -> Answer:
    """PATCH: name, tags, public."""
    image = _image(call)
    image |= {key: call.body[key] for key in ("name", "tags", "public") if call.body.get(key) is not None}
    call.world.store.save("image", image)
    return Answer(200, {"image": public(image)})


def delete_image(call: Call) -> Answer:
    """DELETE: its snapshots stay, and are free again."""
    image, store = _image(call), call.world.store
    for each in (image["root_volume"], *image["extra_volumes"].values()):
        snapshot = store.find("snapshot", each["id"])
        if snapshot:
            drop_reference(snapshot, image["id"])
            store.save("snapshot", snapshot)
    store.remove("image", image)
    return NO_CONTENT


_BASE = "/instance/v1/zones/{zone}/images"
ROUTES = (
    Route("GET", _BASE, list_images),
    Route("POST", _BASE, create_image),
    Route("GET", f"{_BASE}/{{image_id}}", get_image),
    Route("PATCH", f"{_BASE}/{{image_id}}", update_image),
    Route("DELETE", f"{_BASE}/{{image_id}}", delete_image),
)
