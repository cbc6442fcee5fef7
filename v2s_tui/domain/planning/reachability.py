"""How an operator wants to see that a migrated VM answers: `ping`, `tcp:22`, `http:8080/health`, `https`."""

import re
from dataclasses import dataclass
from enum import StrEnum

from v2s_tui.domain.errors import InputError

_CHECK = re.compile(r"(?P<kind>[a-z]+)(?::(?P<port>\d{1,5}))?(?P<path>/\S*)?", re.IGNORECASE)
_DEFAULT_PORT = {"http": 80, "https": 443}


class ProbeKind(StrEnum):
    """PING: an ICMP echo. TCP: a connection. HTTP, HTTPS: an answer below 500; any certificate."""

    PING = "ping"
    TCP = "tcp"
    HTTP = "http"
    HTTPS = "https"


@dataclass(frozen=True, slots=True)
class Probe:
    """One check. port: 0 for ping. path: for HTTP, begins with a slash."""

    kind: ProbeKind
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        port = f":{self.port}" if self.port else ""
        return f"{self.kind.value}{port}{self.path}"


def parse_probe(text: str) -> Probe:
    """A check as a plan writes it. Raises InputError."""
    match = _CHECK.fullmatch(text.strip())
    kind = match["kind"].lower() if match else ""
    if match is None or kind not in set(ProbeKind):
        raise _wrong(text)
    port = int(match["port"] or _DEFAULT_PORT.get(kind, 0))
    path = match["path"] or ""
    if kind.startswith("http"):
        path = path or "/"
    if (kind == "ping") == bool(port) or port > 65535 or (path and not kind.startswith("http")):
        raise _wrong(text)
    return Probe(ProbeKind(kind), port, path)


def _wrong(text: str) -> InputError:
    return InputError(f"{text!r} is not a check", hint="write ping, tcp:22, http:8080/health or https")
