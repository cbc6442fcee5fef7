"""All resources of the lab's account, kept as one JSON file each, and the changes that are due later.

A change under way is data (`_pending` in the resource), applied when its time has come and somebody looks; a
lab that is stopped and started again therefore goes on where it was. Keys with a leading underscore are the
lab's own and never leave it.
"""

import heapq
import itertools
import json
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from v2s_tui.lab.scaleway.answers import not_found

Resource = dict[str, Any]
Effect = Callable[["ResourceStore", Resource], None]

_PRODUCT_NAMES = {
    "image": "instance_image",
    "ip": "instance_ip",
    "ipam_ip": "ipam_ip",
    "placement_group": "instance_placement_group",
    "private_network": "vpc_private_network",
    "private_nic": "instance_private_nic",
    "security_group": "instance_security_group",
    "server": "instance_server",
    "snapshot": "snapshot",
    "volume": "volume",
}


def now_text() -> str:
    """This moment as the API writes it."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def public(resource: Resource) -> Resource:
    """A resource without the lab's own keys."""
    return {key: value for key, value in resource.items() if not key.startswith("_")}


class ResourceStore:
    """Resources by kind and id, in order of creation. Hold `lock` for everything that must fit together.

    effects: what a pending change may do beyond setting fields, by name. speed: how much faster than normal
    changes happen; may be set at any time, for changes that begin after.
    """

    def __init__(self, folder: Path, *, speed: float = 1.0) -> None:
        self.lock = threading.RLock()
        self.effects: dict[str, Effect] = {}
        self._folder = folder
        self.speed = speed
        self._kinds: dict[str, dict[str, Resource]] = {}
        self._due: list[tuple[float, int, str, str]] = []
        self._order = itertools.count()
        self._load()

    def _load(self) -> None:
        found: list[tuple[float, str, Resource]] = []
        for path in self._folder.glob("*/*.json"):
            resource = json.loads(path.read_text())
            found.append((float(resource["_created"]), path.parent.name, resource))
        for _created, kind, resource in sorted(found, key=lambda row: row[0]):
            self._kinds.setdefault(kind, {})[resource["id"]] = resource
            for change in resource.get("_pending", []):
                heapq.heappush(self._due, (change["at"], next(self._order), kind, resource["id"]))

    def add(self, kind: str, fields: Resource) -> Resource:
        """Keep a new resource; it gets an id where it has none."""
        resource: Resource = {"id": str(uuid.uuid4()), "_created": time.time()}
        resource |= fields
        self._kinds.setdefault(kind, {})[resource["id"]] = resource
        self._write(kind, resource)
        return resource

    def save(self, kind: str, resource: Resource) -> None:
        """Keep what was changed in a resource."""
        for key in ("updated_at", "modification_date"):
            if key in resource:
                resource[key] = now_text()
        self._write(kind, resource)

    def remove(self, kind: str, resource: Resource) -> None:
        """Forget a resource. Nothing happens when it is gone already."""
        if self._kinds.get(kind, {}).pop(resource["id"], None) is not None:
            self._path(kind, resource["id"]).unlink(missing_ok=True)

    def find(self, kind: str, resource_id: str) -> Resource | None:
        """The resource, None where there is none."""
        return self._kinds.get(kind, {}).get(resource_id)

    def get(self, kind: str, resource_id: str, *, place: str | None = None) -> Resource:
        """The resource. place: zone or region it must be in. Raises a 404 refusal."""
        resource = self.find(kind, resource_id)
        if resource is None or place not in (None, resource.get("zone"), resource.get("region")):
            raise not_found(_PRODUCT_NAMES.get(kind, kind), resource_id)
        return resource

    def all(self, kind: str, *, place: str | None = None) -> list[Resource]:
        """All resources of a kind, oldest first. place: only those of that zone or region."""
        found = self._kinds.get(kind, {}).values()
        return [each for each in found if place in (None, each.get("zone"), each.get("region"))]

    def name_of(self, resource_id: str) -> str:
        """Name of whatever has this id, "" when nothing has."""
        for resources in self._kinds.values():
            if resource_id in resources:
                return str(resources[resource_id].get("name") or "")
        return ""

    def everything(self) -> dict[str, list[Resource]]:
        """All resources by kind, the lab's own keys included."""
        return {kind: list(resources.values()) for kind, resources in self._kinds.items()}

    def later(
        self,
        kind: str,
        resource: Resource,
        seconds: float,
        *,
        changes: Resource | None = None,
        effect: str | None = None,
    ) -> None:
        """Set fields, or do a named effect, so many (lab) seconds from now."""
        at = time.time() + seconds / self.speed
        change = {"at": at, "set": changes or {}, "effect": effect}
        resource.setdefault("_pending", []).append(change)
        heapq.heappush(self._due, (at, next(self._order), kind, resource["id"]))
        self.save(kind, resource)

    def settle(self) -> None:
        """Apply all changes whose time has come."""
        now = time.time()
        while self._due and self._due[0][0] <= now:
            _, _, kind, resource_id = heapq.heappop(self._due)
            resource = self.find(kind, resource_id)
            if resource is not None:
                self._apply(kind, resource, now)

    def _apply(self, kind: str, resource: Resource, now: float) -> None:
        for change in list(_take_due(resource, now)):
            resource |= change["set"]
            self.save(kind, resource)
            if change["effect"]:
                self.effects[change["effect"]](self, resource)

    def _path(self, kind: str, resource_id: str) -> Path:
        return self._folder / kind / f"{resource_id}.json"

    def _write(self, kind: str, resource: Resource) -> None:
        path = self._path(kind, resource["id"])
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(resource))
        os.replace(fresh, path)

    def clear(self) -> None:
        """Forget everything."""
        self._kinds.clear()
        self._due.clear()
        shutil.rmtree(self._folder, ignore_errors=True)


def _take_due(resource: Resource, now: float) -> Iterator[dict[str, Any]]:
    pending = sorted(resource.get("_pending", []), key=lambda change: change["at"])
    resource["_pending"] = [change for change in pending if change["at"] > now]
    yield from (change for change in pending if change["at"] <= now)
