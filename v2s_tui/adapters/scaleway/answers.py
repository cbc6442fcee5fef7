"""What an error answer of the API means: status and `type` become one of our errors, with the request's id.

Bodies may be JSON, empty (429) or HTML (5xx from a proxy); none of them may hide the status
(reference: scaleway.md 1.1 and 1.7).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import requests

from v2s_tui.domain.errors import (
    NotFound,
    OutOfStock,
    QuotaExceeded,
    RateLimited,
    TargetError,
    TargetUnavailable,
)

_RIGHTS_HINT = (
    "give the API key's policy the permission set for it: InstancesFullAccess, BlockStorageFullAccess, "
    "ObjectStorageFullAccess, PrivateNetworksFullAccess, IPAMFullAccess; OrganizationReadOnly for quotas"
)
_REQUEST_ID_HEADERS = ("x-request-id", "x-amzn-requestid", "x-envoy-request-id")


def json_object(response: requests.Response) -> dict[str, Any]:
    """The JSON object in an answer; empty when there is none."""
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


@contextmanager
def understanding(what: str) -> Iterator[None]:
    """Around the reading of an answer: HTML with status 200, a missing or a wrong field is TargetError."""
    try:
        yield
    except (TypeError, KeyError, AttributeError, ValueError, RecursionError, OverflowError) as err:
        raise TargetError(
            f"Scaleway's answer to {what} is not what its API describes "
            f"({type(err).__name__}: {str(err)[:200]})",
            hint="is scaleway.api_url right, and does a proxy answer in its place?",
        ) from err


def error_of(response: requests.Response) -> TargetError:
    """The domain error for an answer with status 300 or above: redirections are not followed."""
    body = json_object(response)
    kind = str(body.get("type") or "")
    title = f"Scaleway refused {_request_line(response)}: {_reason(response, body)}{_request_id(response)}"
    return _error_class(response.status_code, kind)(
        title, hint=_hint(response.status_code, kind, body), status=response.status_code, kind=kind
    )


_CLASS_OF_KIND: dict[str, type[TargetError]] = {
    "quotas_exceeded": QuotaExceeded,
    "out_of_stock": OutOfStock,
    "not_found": NotFound,
    "unknown_resource": NotFound,
    "transient_state": TargetUnavailable,
    "too_many_requests": RateLimited,
}


def _error_class(status: int, kind: str) -> type[TargetError]:
    if status == 429:
        return RateLimited
    if kind in _CLASS_OF_KIND:
        return _CLASS_OF_KIND[kind]
    if status == 404:
        return NotFound
    return TargetUnavailable if status >= 500 else TargetError


def _request_line(response: requests.Response) -> str:
    request = response.request
    return f"{request.method} {request.path_url.partition('?')[0]}"


def _request_id(response: requests.Response) -> str:
    found = next((response.headers[name] for name in _REQUEST_ID_HEADERS if name in response.headers), "")
    return f" (request {found})" if found else ""


def _reason(response: requests.Response, body: dict[str, Any]) -> str:
    details = "; ".join(_details(body))
    message = str(body.get("message") or body.get("help_message") or "").strip()
    kind = str(body.get("type") or "")
    parts = [each for each in (kind.replace("_", " "), message, details) if each]
    status = f"HTTP {response.status_code}"
    if 300 <= response.status_code < 400:
        parts.append(f"sent on to {response.headers.get('location', 'nowhere')[:200]}")
    return f"{status}, {': '.join(dict.fromkeys(parts))}" if parts else f"{status} without an explanation"


def _details(body: dict[str, Any]) -> list[str]:
    """One line per detail: the wrong argument, the quota that is full, the action that is not allowed."""
    describe: tuple[tuple[str, Callable[[dict[str, Any]], str]], ...] = (
        (
            "argument_name",
            lambda it: f"{it['argument_name']} {it.get('help_message') or it.get('reason', '')}".strip(),
        ),
        (
            "quota",
            lambda it: f"{it.get('resource', 'quota')}: {it.get('current', '?')} of {it['quota']} used",
        ),
        ("action", lambda it: f"may not {it['action']} {it.get('resource', '')}".strip()),
    )
    lines: list[str] = []
    details, fields = body.get("details"), body.get("fields")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict):
            lines += [text(detail) for key, text in describe if key in detail][:1]
    if isinstance(fields, dict):
        lines += [f"{name} {text}" for name, text in fields.items()]
    if body.get("current_state"):
        lines.append(f"{body.get('resource', 'resource')} is {body['current_state']}")
    return lines


_HINTS: dict[str, str] = {
    "denied_authentication": "check scaleway.access_key and scaleway.secret_key; has the key expired?",
    "permissions_denied": _RIGHTS_HINT,
    "quotas_exceeded": "ask Scaleway's support to raise the quota, or plan fewer of these",
    "out_of_stock": "the zone is sold out; try later, or plan another type or zone",
}


def _hint(status: int, kind: str, body: dict[str, Any]) -> str:
    kind = kind or {401: "denied_authentication", 403: "permissions_denied"}.get(status, "")
    if kind in _HINTS:
        return _HINTS[kind]
    if status < 400:
        return "is scaleway.api_url right (https), and does a proxy or a sign-in page answer in its place?"
    if status == 429:
        return "the API limits requests; lower the limit scw_api"
    if status >= 500:
        return "a fault on Scaleway's side; look at its status page if it returns"
    return str(body.get("help_message") or "")
