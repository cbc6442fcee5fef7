"""Whether an endpoint of ours takes a connection from here, how quickly, and what its clock says.

Looks the way the SDKs will go: through the proxy of the environment where there is one for that URL.
"""

import base64
import email.utils
import ssl
import time
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from socket import gaierror
from typing import Self
from urllib.parse import unquote, urlsplit

_PORTS = {"http": 80, "https": 443}


class Trouble(StrEnum):
    """Why there is no connection; each has another fix."""

    NAME = "the name cannot be resolved"
    REFUSED = "refused"
    SILENT = "no answer"
    PROXY = "the proxy does not let it pass"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host and its port; proxy: `http://user:password@host:port` on the way there, "" directly."""

    host: str
    port: int = 443
    proxy: str = ""

    @classmethod
    def of(cls, url: str) -> Self:
        """Where a request to this URL goes. Plain HTTP is never sent through a proxy by us."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 443)
        direct = parts.scheme != "https" or urllib.request.proxy_bypass(f"{host}:{port}")
        return cls(host, port, "" if direct else urllib.request.getproxies().get("https", ""))

    @property
    def first_hop(self) -> tuple[str, int]:
        """Host and port that are really dialled: the proxy's where there is one."""
        if not self.proxy:
            return self.host, self.port
        parts = urlsplit(_with_scheme(self.proxy))
        return parts.hostname or "", parts.port or _PORTS["http"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to connect. seconds: until the connection stood, or failed. reason: the system's words."""

    endpoint: Endpoint
    seconds: float
    trouble: Trouble | None = None
    reason: str = ""


def attempt(endpoint: Endpoint, *, timeout_seconds: float) -> Attempt:
    """Open a TCP connection and close it again; raises nothing."""
    connection = _connection(endpoint, timeout_seconds)
    began = time.monotonic()
    trouble, reason = None, ""
    try:
        connection.connect()
    except (OSError, HTTPException) as err:
        trouble, reason = _trouble(endpoint, err), _words(err)
    finally:
        connection.close()
    return Attempt(endpoint, time.monotonic() - began, trouble, reason)


def told_time(url: str, *, ca_file: Path | None, timeout_seconds: float) -> datetime | None:
    """What the server's `Date` header says, UTC; None when none is had, whatever the reason."""
    try:
        connection = _connection(Endpoint.of(url), timeout_seconds, _context(url, ca_file))
    except OSError:
        return None
    try:
        connection.request("HEAD", "/")
        return _instant(connection.getresponse().getheader("Date") or "")
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()


def _instant(date: str) -> datetime | None:
    """A date without a zone is GMT (RFC 9110 5.6.7). Raises ValueError."""
    if not date:
        return None
    told = email.utils.parsedate_to_datetime(date)
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def _context(url: str, ca_file: Path | None) -> ssl.SSLContext | None:
    """None for plain HTTP. Raises OSError for a file that holds no certificates."""
    if urlsplit(url).scheme != "https":
        return None
    return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)


def _connection(
    endpoint: Endpoint, timeout_seconds: float, context: ssl.SSLContext | None = None
) -> HTTPConnection:
    """Not opened yet."""
    host, port = endpoint.first_hop
    if context is None:
        connection = HTTPConnection(host, port, timeout=timeout_seconds)
    else:
        connection = HTTPSConnection(host, port, timeout=timeout_seconds, context=context)
    if endpoint.proxy:
        connection.set_tunnel(endpoint.host, endpoint.port, headers=_credentials(endpoint.proxy))
    return connection


def _credentials(proxy: str) -> dict[str, str]:
    parts = urlsplit(_with_scheme(proxy))
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _with_scheme(proxy: str) -> str:
    return proxy if "://" in proxy else f"http://{proxy}"


def _words(err: OSError | HTTPException) -> str:
    """Without the error's number."""
    return (err.strerror if isinstance(err, OSError) else "") or str(err) or type(err).__name__


def _trouble(endpoint: Endpoint, err: OSError | HTTPException) -> Trouble:
    """A proxy's refusal has no error number; what is numbered kept us from the first hop."""
    if endpoint.proxy and getattr(err, "errno", None) is None and not isinstance(err, TimeoutError):
        return Trouble.PROXY
    match err:
        case gaierror():
            return Trouble.NAME
        case ConnectionRefusedError():
            return Trouble.REFUSED
    return Trouble.SILENT
