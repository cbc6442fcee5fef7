"""Which function answers which call."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from v2s_tui.lab.faults import Fault
from v2s_tui.lab.scaleway.answers import Answer, invalid_argument
from v2s_tui.lab.scaleway.world import World

_PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated call. params: from the path. query: as sent, repeated keys in order.

    body: the JSON object, {} when there is none. raw: the body's bytes. fault: the rule that strikes it.
    """

    world: World
    method: str
    path: str
    params: dict[str, str] = field(default_factory=dict)
    query: dict[str, list[str]] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    raw: bytes = b""
    fault: Fault | None = None

    @property
    def zone(self) -> str:
        """Zone of the path."""
        return self.params["zone"]

    @property
    def region(self) -> str:
        """Region of the path, or of its zone."""
        return self.params.get("region") or self.params["zone"].rpartition("-")[0]

    def one(self, name: str, default: str = "") -> str:
        """A query parameter that is given at most once."""
        return self.query.get(name, [default])[-1]

    def need(self, name: str) -> Any:
        """A field of the body that must be there. Raises a 400 refusal."""
        value = self.body.get(name)
        if value in (None, ""):
            raise invalid_argument(name, f"{name} is required", reason="required")
        return value

    def project(self) -> str:
        """The project to create in: the body's, else the key's own. Raises 403 for one of others."""
        named = self.body.get("project_id") or self.body.get("project")
        return self.world.account.project(named)


Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path with `{parameters}`, and who answers.

    locks: whether the store is held all the while; a handler that waits for others takes the lock itself.
    """

    method: str
    template: str
    handler: Handler
    locks: bool = True


class Router:
    """Finds the route of a call; the first that fits."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = [(route, _pattern(route.template)) for route in routes]

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route and the path's parameters, None when nobody answers this."""
        for route, pattern in self._routes:
            found = pattern.fullmatch(path) if route.method == method else None
            if found:
                return route, found.groupdict()
        return None


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(_PARAMETER.sub(r"(?P<\1>[^/]+)", template))
