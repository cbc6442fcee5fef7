"""How requests travel: one pooled session, timeouts, pace and patience, beneath the SDK's own methods.

The SDK opens a connection per call, has no timeout and no retry, and loses the status of empty answers
(reference: scaleway.md 1.1). `TransportMixin` replaces the two methods through which all its calls go.

What is tried again: any request answered 429 or 409 `transient_state` (it was refused, so nothing happened);
any request whose connection could not be opened; and requests that may be repeated (GET, PUT, PATCH, DELETE)
after a 5xx or a broken connection. A POST that broke is not repeated: it may have made something, and only
its caller knows the tag by which to look.
"""

import json
import random
import time
from collections.abc import Callable, Mapping
from functools import wraps
from http.cookiejar import DefaultCookiePolicy
from inspect import ismethod
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import NewConnectionError

from v2s_tui.adapters.scaleway.access import ScalewayAccess
from v2s_tui.adapters.scaleway.answers import error_of, json_object, understanding
from v2s_tui.adapters.scaleway.rate_limit import RateLimiter
from v2s_tui.domain.errors import TargetError, TargetUnavailable

_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "PATCH", "DELETE"})
_POOL_SIZE = 32
LARGEST_ANSWER_BYTES = 32 << 20
"""A page of the largest catalogue is below 1 MiB."""


class Transport:
    """Shared by all API objects and all threads of one `ScalewayCloud`."""

    def __init__(
        self,
        access: ScalewayAccess,
        *,
        attempts: int = 6,
        base_seconds: float = 0.5,
        cap_seconds: float = 20.0,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._access = access
        self._attempts = attempts
        self._base_seconds = base_seconds
        self._cap_seconds = cap_seconds
        self._sleep = sleep
        self._jitter = jitter
        self.limiter = RateLimiter(access.rate)
        self._session = requests.Session()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = HTTPAdapter(pool_connections=4, pool_maxsize=_POOL_SIZE)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def send(
        self,
        method: str,
        url: str,
        *,
        params: list[tuple[str, Any]],
        headers: Mapping[str, str],
        data: bytes | str,
    ) -> requests.Response:
        """The final answer, whatever its status. Raises TargetUnavailable or TargetError when none came."""
        for attempt in range(1, self._attempts + 1):
            last = attempt == self._attempts
            try:
                response = self._send_once(method, url, params, headers, data)
            except requests.RequestException as err:
                if last or not _may_repeat_after(err, method):
                    raise self._no_answer(err, method, url) from err
            else:
                if last or not _may_repeat_answer(response, method):
                    return response
            self._sleep(self._pause_seconds(attempt))
        raise AssertionError("the last attempt returns or raises")

    def pause(self, seconds: float) -> None:
        """Sleep between two looks at something that changes."""
        self._sleep(seconds)

    def close(self) -> None:
        """Close pooled connections."""
        self._session.close()

    def _send_once(
        self,
        method: str,
        url: str,
        params: list[tuple[str, Any]],
        headers: Mapping[str, str],
        data: bytes | str,
    ) -> requests.Response:
        self.limiter.take_turn()
        response = self._session.request(
            method,
            url,
            params=params,
            headers=dict(headers),
            data=data,
            timeout=(self._access.connect_seconds, self._access.read_seconds),
            verify=self._access.verify,
            stream=True,
            allow_redirects=False,  # the key would go to wherever the answer points, and a POST become a GET
        )
        _read_bounded(response)
        _hide(self._access.secret_key, response)
        if response.status_code == 429:
            self.limiter.refused()
        else:
            self.limiter.accepted()
        return response

    def _pause_seconds(self, attempt: int) -> float:
        full = min(self._cap_seconds, self._base_seconds * 2 ** (attempt - 1))
        return float(full * (0.5 + self._jitter() / 2))

    def _no_answer(self, err: requests.RequestException, method: str, url: str) -> TargetError:
        call = f"{method} {url.partition('?')[0]}"
        if isinstance(err, requests.exceptions.SSLError):
            return TargetError(
                f"TLS to the Scaleway API failed on {call}: {err}",
                hint="give scaleway.ca_file when a proxy signs with its own certificate",
            )
        hint = "check the network, the proxy settings and scaleway.api_url"
        if method == "POST":
            hint += "; what it may have made is found again by its tag"
        return TargetUnavailable(f"no answer from the Scaleway API to {call}: {err}", hint=hint)


def _read_bounded(response: requests.Response) -> None:
    """Read the answer; TargetError for one that never ends: whoever answers must not fill our memory."""
    content = bytearray()
    for piece in response.iter_content(1 << 16):
        content += piece
        if len(content) > LARGEST_ANSWER_BYTES:
            response.close()
            raise TargetError(
                f"the Scaleway API's answer is larger than {LARGEST_ANSWER_BYTES >> 20} MiB",
                hint="is scaleway.api_url right, and what is between it and here?",
            )
    response._content = bytes(content)


def _hide(secret: str, response: requests.Response) -> None:
    """Error pages that repeat the request would carry the secret into messages, journal and report."""
    if response.status_code >= 400 and secret and secret.encode() in response.content:
        response._content = response.content.replace(secret.encode(), b"***")


def _may_repeat_after(err: requests.RequestException, method: str) -> bool:
    if isinstance(err, requests.exceptions.SSLError):
        return False
    return method in _REPEATABLE or _never_connected(err)


def _never_connected(err: requests.RequestException) -> bool:
    """True when the request cannot have reached the server."""
    if isinstance(err, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    return isinstance(getattr(err.args[0] if err.args else None, "reason", None), NewConnectionError)


def _may_repeat_answer(response: requests.Response, method: str) -> bool:
    status = response.status_code
    if status == 429:
        return True
    if status == 409:
        return json_object(response).get("type") == "transient_state"
    return status >= 500 and status != 501 and method in _REPEATABLE


class TransportMixin:
    """Put before an SDK API class: `class Block(TransportMixin, BlockV1API)`; set `transport` before the
    first call.
    """

    transport: Transport
    client: Any

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return found if name.startswith("_") or not ismethod(found) else _understood(found)

    def _request(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> requests.Response:
        method = method.upper()
        response = self.transport.send(
            method,
            f"{self.client.api_url}{path}",
            params=_flat(params or {}),
            headers=self._headers(method, headers or {}),
            data=_payload(method, body),
        )
        _copy_total_count(response)
        return response

    def _headers(self, method: str, extra: Mapping[str, str]) -> dict[str, str]:
        headers = {
            "accept": "application/json",
            "user-agent": self.client.user_agent,
            "x-auth-token": self.client.secret_key,
        }
        if method in {"POST", "PUT", "PATCH"}:
            headers["Content-Type"] = "application/json; charset=utf-8"
        return {**headers, **extra}

    def _throw_on_error(self, response: requests.Response) -> None:
        if response.status_code >= 300:
            raise error_of(response)


def _understood(call: Callable[..., Any]) -> Callable[..., Any]:
    """The SDK's method, whose troubles with the answer become an error of ours."""

    @wraps(call)
    def calling(*arguments: Any, **named: Any) -> Any:
        with understanding(call.__name__.replace("_", " ")):
            return call(*arguments, **named)

    return calling


def _flat(params: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Query parameters as the API reads them: lists repeated, booleans in lower case, None left out."""
    return [
        (name, str(each).lower() if isinstance(each, bool) else each)
        for name, value in params.items()
        for each in (value if isinstance(value, list) else [value])
        if each is not None
    ]


def _payload(method: str, body: Any) -> bytes | str:
    if isinstance(body, bytes):
        return body
    if method in {"GET", "DELETE", "HEAD"} and not body:
        return b""
    return json.dumps(body if body is not None else {})


def _copy_total_count(response: requests.Response) -> None:
    """The SDK's list answers expect the total of `X-Total-Count` in the body; ours becomes a number."""
    total = response.headers.get("x-total-count", "")
    if not total.isdigit() or response.status_code >= 400:
        return
    body = json_object(response)
    if body:
        response._content = json.dumps({**body, "total_count": int(total)}).encode()
