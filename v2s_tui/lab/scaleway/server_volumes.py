"""The volumes of an Instance: chosen at creation, attached and detached later (scaleway.md 1.6)."""

from dataclasses import dataclass
from typing import Any

from v2s_tui.lab.scaleway.answers import (
    Answer,
    invalid_argument,
    invalid_request,
    precondition_failed,
    transient_state,
)
from v2s_tui.lab.scaleway.routing import Call, Route
from v2s_tui.lab.scaleway.server_view import server_view
from v2s_tui.lab.scaleway.store import Resource
from v2s_tui.lab.scaleway.volumes import (
    TRANSIENT,
    add_reference,
    drop_reference,
    in_use,
    make_volume,
    usable_snapshot,
    zone_of,
)
from v2s_tui.lab.scaleway.world import World

MAX_VOLUMES = 16
_BLOCK = "sbs_volume"


@dataclass(frozen=True, slots=True)
class VolumeChoice:
    """One volume of a server to be: one that exists, or one to be made of a snapshot or empty.

    volume_id, snapshot_id: None where not given. size_bytes: None for the snapshot's.
    """

    key: str
    boot: bool
    name: str
    volume_id: str | None = None
    snapshot_id: str | None = None
    size_bytes: int | None = None


def choose_volumes(
    world: World, body: dict[str, Any], image: Resource | None, zone: str
) -> list[VolumeChoice]:
    """What the body and the image ask for, in order. Raises refusals; nothing is made yet."""
    entries = {str(key): dict(entry) for key, entry in (body.get("volumes") or {}).items()}
    if not all(key.isdecimal() for key in entries):
        raise invalid_argument("volumes", "keys must be numbers", reason="format")
    if image is not None:
        _add_image(entries, image)
    if not entries:
        raise invalid_argument("image", "an image or a boot volume is required", reason="required")
    if len(entries) > MAX_VOLUMES:
        raise invalid_argument("volumes", f"an Instance has at most {MAX_VOLUMES} volumes")
    choices = [_choice(body, key, entries[key]) for key in sorted(entries, key=int)]
    for choice in choices:
        _check(world, choice, zone)
    return choices


def _add_image(entries: dict[str, dict[str, Any]], image: Resource) -> None:
    if entries.get("0", {}).get("id"):
        raise invalid_request("an image and an existing root volume cannot be given together")
    for key, snapshot in {"0": image["root_volume"], **image["extra_volumes"]}.items():
        entries.setdefault(key, {}).setdefault("base_snapshot", snapshot["id"])


def _choice(body: dict[str, Any], key: str, entry: dict[str, Any]) -> VolumeChoice:
    kind = entry.get("volume_type") or _BLOCK
    if kind != _BLOCK:
        raise invalid_argument(f"volumes.{key}.volume_type", "the lab has block volumes (sbs_volume) only")
    size = entry.get("size")
    if size == 0:
        raise invalid_argument(f"volumes.{key}.size", "size must be at least 1 GB")
    return VolumeChoice(
        key, bool(entry.get("boot")), entry.get("name") or f"{body.get('name') or 'server'}-{key}",
        volume_id=entry.get("id"), snapshot_id=entry.get("base_snapshot"), size_bytes=size,
    )  # fmt: skip


def _check(world: World, choice: VolumeChoice, zone: str) -> None:
    if choice.volume_id:
        refuse_unattachable(world.store.get("volume", choice.volume_id, place=zone))
    elif choice.snapshot_id:
        usable_snapshot(world, choice.snapshot_id, zone)
    elif choice.size_bytes is None:
        raise invalid_argument(
            f"volumes.{choice.key}", "id, base_snapshot or size is required", reason="required"
        )


def refuse_unattachable(volume: Resource) -> None:
    """Raises 409 while it changes, 412 when another Instance has it."""
    if volume["status"] in TRANSIENT:
        raise transient_state("volume", volume["id"], volume["status"])
    if volume["references"]:
        raise in_use("volume")


def take_volumes(world: World, server: Resource, choices: list[VolumeChoice]) -> None:
    """Make what must be made and attach it all."""
    server["_volumes"] = {}
    for choice in choices:
        volume = _existing_or_new(world, server, choice)
        attach(world, server, volume, key=choice.key, boot=choice.boot or choice.key == "0")
    world.store.save("server", server)


def _existing_or_new(world: World, server: Resource, choice: VolumeChoice) -> Resource:
    if choice.volume_id:
        return world.store.get("volume", choice.volume_id)
    snapshot = world.store.get("snapshot", choice.snapshot_id) if choice.snapshot_id else None
    volume = make_volume(
        world, zone=server["zone"], name=choice.name, size_bytes=choice.size_bytes, snapshot=snapshot,
        project_id=server["project"],
    )  # fmt: skip
    # It is attached from the start: the creation ends in `in_use`, not in `available`.
    volume["_pending"] = []
    return volume


def attach(world: World, server: Resource, volume: Resource, *, key: str, boot: bool) -> None:
    """Give the Instance one more volume."""
    server["_volumes"][key] = {"id": volume["id"], "boot": boot}
    add_reference(volume, "instance_server", server["id"], kind="exclusive")
    world.store.save("volume", volume)


def detach_all(world: World, server: Resource) -> None:
    """Take all volumes away; block volumes outlive their Instance."""
    for entry in server["_volumes"].values():
        volume = world.store.find("volume", entry["id"])
        if volume:
            drop_reference(volume, server["id"])
            world.store.save("volume", volume)
    server["_volumes"] = {}


def attach_volume(call: Call) -> Answer:
    """POST attach-volume: to the first free number."""
    server = call.world.store.get("server", call.params["server_id"], place=zone_of(call))
    volume = call.world.store.get("volume", call.need("volume_id"), place=call.zone)
    refuse_unattachable(volume)
    if len(server["_volumes"]) >= MAX_VOLUMES:
        raise invalid_argument("volume_id", f"an Instance has at most {MAX_VOLUMES} volumes")
    key = next(str(number) for number in range(MAX_VOLUMES) if str(number) not in server["_volumes"])
    attach(call.world, server, volume, key=key, boot=bool(call.body.get("boot")))
    call.world.store.save("server", server)
    return Answer(200, {"server": server_view(call.world, server)})


def detach_volume(call: Call) -> Answer:
    """POST detach-volume."""
    server = call.world.store.get("server", call.params["server_id"], place=zone_of(call))
    volume = call.world.store.get("volume", call.need("volume_id"), place=call.zone)
    keys = [key for key, entry in server["_volumes"].items() if entry["id"] == volume["id"]]
    if not keys:
        raise precondition_failed("attachment_not_found", "the volume is not attached to this server")
    del server["_volumes"][keys[0]]
    drop_reference(volume, server["id"])
    call.world.store.save("volume", volume)
    call.world.store.save("server", server)
    return Answer(200, {"server": server_view(call.world, server)})


_BASE = "/instance/v1/zones/{zone}/servers/{server_id}"
ROUTES = (
    Route("POST", f"{_BASE}/attach-volume", attach_volume),
    Route("POST", f"{_BASE}/detach-volume", detach_volume),
)
