"""What the API answers: successes in their envelope, refusals in Scaleway's shapes (scaleway.md 1.7)."""

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. body: JSON-able, bytes as they are, or None for no body."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def encoded(self) -> tuple[bytes, str]:
        """The body as sent, and its content type."""
        if self.body is None:
            return b"", "application/json"
        if isinstance(self.body, bytes):
            return self.body, "text/plain"
        return json.dumps(self.body).encode(), "application/json"


NO_CONTENT = Answer(204)


class Refusal(Exception):
    """The call is refused; `answer` says so to the client."""

    def __init__(self, status: int, kind: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.answer = Answer(status, {"type": kind, "message": message} | more)


def not_found(resource: str, resource_id: str) -> Refusal:
    """404: no such thing in this zone."""
    return Refusal(404, "not_found", "resource is not found", resource=resource, resource_id=resource_id)


def invalid_argument(name: str, help_message: str, *, reason: str = "constraint") -> Refusal:
    """400: one argument is wrong. reason: unknown | required | format | constraint."""
    detail = {"argument_name": name, "reason": reason, "help_message": help_message}
    return Refusal(400, "invalid_arguments", "invalid argument(s)", details=[detail])


def invalid_request(message: str) -> Refusal:
    """400 with free text, as the qcow2 checks and the power actions answer."""
    return Refusal(400, "invalid_request_error", message)


def transient_state(resource: str, resource_id: str, current_state: str) -> Refusal:
    """409: come back when the change under way is over."""
    return Refusal(
        409,
        "transient_state",
        "resource is in a transient state",
        resource=resource,
        resource_id=resource_id,
        current_state=current_state,
    )


def precondition_failed(precondition: str, help_message: str) -> Refusal:
    """412: something must be done first."""
    return Refusal(
        412,
        "precondition_failed",
        "precondition is not respected",
        precondition=precondition,
        help_message=help_message,
    )


def quotas_exceeded(resource: str, quota: int, current: int) -> Refusal:
    """403: the account may not have more of these."""
    detail = {"resource": resource, "quota": quota, "current": current}
    return Refusal(403, "quotas_exceeded", "quota(s) exceeded for this resource", details=[detail])


def out_of_stock(resource: str) -> Refusal:
    """412: no capacity for this type in this zone."""
    return Refusal(412, "out_of_stock", "resource is out of stock", resource=resource)


def already_exists(resource: str, resource_id: str, help_message: str) -> Refusal:
    """409: there is one already."""
    return Refusal(
        409,
        "already_exists",
        "resource already exists",
        resource=resource,
        resource_id=resource_id,
        help_message=help_message,
    )


def denied_authentication(status: int, reason: str) -> Refusal:
    """401 without a token that could be one, 403 for one nobody knows."""
    return Refusal(
        status, "denied_authentication", "authentication is denied", method="api_key", reason=reason
    )


def permissions_denied(resource: str, action: str) -> Refusal:
    """403: the key may not do this."""
    detail = {"resource": resource, "action": action}
    return Refusal(403, "permissions_denied", "insufficient permissions", details=[detail])
