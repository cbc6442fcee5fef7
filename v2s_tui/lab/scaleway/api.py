"""All routes together, and the way of a call: fault, rate limit, key, route, answer."""

import json
import threading
import time
from collections import deque
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from v2s_tui.lab.faults import Fault, FaultRules
from v2s_tui.lab.scaleway import (
    addresses,
    iam,
    images,
    ipam,
    lab_state,
    placement_groups,
    private_networks,
    private_nics,
    products,
    security_groups,
    server_actions,
    server_volumes,
    servers,
    snapshots,
    volumes,
)
from v2s_tui.lab.scaleway.answers import (
    Answer,
    Refusal,
    denied_authentication,
    invalid_request,
    not_found,
    out_of_stock,
    quotas_exceeded,
    transient_state,
)
from v2s_tui.lab.scaleway.booting import boot_effects, remove_content
from v2s_tui.lab.scaleway.routing import Call, Router
from v2s_tui.lab.scaleway.store import Resource, ResourceStore
from v2s_tui.lab.scaleway.world import World

_MODULES = (
    addresses, iam, images, ipam, placement_groups, private_networks, private_nics, products, security_groups,
    server_actions, server_volumes, servers, snapshots, volumes,
)  # fmt: skip
_HTML_502 = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>502 Bad Gateway</body>\r\n</html>\r\n"
)
MAX_CALLS_PER_SECOND = 100
"""Where the real API begins to answer 429 (65-120 block calls within one second, scaleway.md 1.7)."""

_UNKNOWN = Answer(404, {"type": "not_found", "message": "unknown route"})


class RateLimit:
    """Counts calls in the last second."""

    def __init__(self, calls_per_second: int) -> None:
        self._limit = calls_per_second
        self._calls: deque[float] = deque()
        self._lock = threading.Lock()

    def allows(self) -> bool:
        """Whether one more call is within the limit; it counts if so."""
        now = time.monotonic()
        with self._lock:
            while self._calls and self._calls[0] < now - 1.0:
                self._calls.popleft()
            if len(self._calls) >= self._limit:
                return False
            self._calls.append(now)
            return True


class Api:
    """Answers calls; knows nothing of sockets."""

    def __init__(self, world: World, faults: FaultRules, *, calls_per_second: int) -> None:
        self._world = world
        self._faults = faults
        self._limit = RateLimit(calls_per_second)
        self._router = Router(chain.from_iterable(module.ROUTES for module in _MODULES))
        self._lab_router = Router(lab_state.ROUTES)
        world.store.effects |= _effects(world)

    def fault_for(self, method: str, path: str, raw: bytes) -> Fault | None:
        """The rule that strikes this call, if any. Subject: the body's name, else that of the path's id."""
        if path.startswith("/lab/"):
            return None
        return self._faults.match(
            server="scaleway", operation=f"{method} {path}", subject=self._subject(path, raw)
        )

    def _subject(self, path: str, raw: bytes) -> str:
        name = _json_object(raw).get("name")
        if isinstance(name, str):
            return name
        with self._world.store.lock:
            names = (self._world.store.name_of(part) for part in reversed(path.split("/")))
            return next((each for each in names if each), "")

    def answer(self, method: str, target: str, *, token: str, raw: bytes, fault: Fault | None) -> Answer:
        """The answer to a call. token: X-Auth-Token, "" for none."""
        parts = urlsplit(target)
        try:
            if fault is not None and (struck := _struck(fault)) is not None:
                return struck
            if parts.path.startswith("/lab/"):
                return self._lab_answer(method, parts.path, raw)
            if not self._limit.allows():
                return Answer(429, None, {"X-Envoy-Ratelimited": "true"})
            self._check_token(token)
            answer = self._routed(method, parts.path, parts.query, raw, fault)
            if fault is not None and fault.after_effect and fault.status is not None:
                return _forced(fault, fault.status)
            return answer
        except Refusal as refusal:
            return refusal.answer

    def _check_token(self, token: str) -> None:
        if not token:
            raise denied_authentication(401, "invalid_argument")
        if token != self._world.account.secret_key:
            raise denied_authentication(403, "not_found")

    def _lab_answer(self, method: str, path: str, raw: bytes) -> Answer:
        found = self._lab_router.find(method, path)
        if found is None:
            return _UNKNOWN
        return found[0].handler(Call(self._world, method, path, body=_json_object(raw)))

    def _routed(self, method: str, path: str, query: str, raw: bytes, fault: Fault | None) -> Answer:
        found = self._router.find(method, path)
        if found is None:
            return _UNKNOWN
        route, params = found
        call = Call(self._world, method, path, params, parse_qs(query), _json_object(raw), raw, fault)
        if not route.locks:
            return route.handler(call)
        with self._world.store.lock:
            self._world.store.settle()
            return route.handler(call)


def _json_object(raw: bytes) -> dict[str, Any]:
    """The body as an object; {} for anything else (user data is plain text)."""
    try:
        body = json.loads(raw or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _struck(fault: Fault) -> Answer | None:
    """The answer a fault forces, None when the call goes on. Raises refusals for faults by type."""
    if fault.status is not None and not fault.after_effect:
        return _forced(fault, fault.status)
    match fault.fault:
        case "quotas_exceeded":
            raise quotas_exceeded("fault_rule", 0, 0)
        case "out_of_stock":
            raise out_of_stock("fault_rule")
        case "transient_state":
            raise transient_state("fault_rule", "", "updating")
        case "not_found":
            raise not_found("fault_rule", "")
        case "invalid_request_error":
            raise invalid_request(fault.body or "fault rule")
        case "denied_authentication":
            raise denied_authentication(401, "expired")
    return None


def _forced(fault: Fault, status: int) -> Answer:
    """429 comes without a body, 5xx as the HTML of a gateway, unless the rule says more."""
    if fault.body:
        return Answer(status, fault.body.encode(), {"Content-Type": "text/html"} | fault.headers)
    if status == 429:
        return Answer(status, None, {"X-Envoy-Ratelimited": "true"} | fault.headers)
    return Answer(status, _HTML_502, {"Content-Type": "text/html"} | fault.headers)


def _effects(world: World) -> dict[str, Any]:
    """What pending changes may do beyond setting fields."""

    def remove(kind: str) -> Any:
        def effect(store: ResourceStore, resource: Resource) -> None:
            store.remove(kind, resource)
            if path := resource.get("_raw_path"):
                remove_content(Path(path))

        return effect

    booted = boot_effects(world, world.machines) if world.machines is not None else {}
    return booted | {
        "remove_volume": remove("volume"),
        "remove_snapshot": remove("snapshot"),
        "dissolve_server": lambda _store, server: servers.dissolve(world, server),
    }
