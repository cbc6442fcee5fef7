"""Swift middleware for two refusals that Scaleway gives and s3api does not.

An access key nobody knows is `InvalidAccessKeyId`. A sub-resource that s3api does not know (lifecycle,
policy, ...) is `NotImplemented`; s3api would take the call for one on the bucket itself, list it or make it.
"""

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

Environment = dict[str, Any]
Application = Callable[[Environment, Callable[..., Any]], Iterable[bytes]]

_NOT_IMPLEMENTED = {
    "accelerate", "analytics", "cors", "encryption", "inventory", "lifecycle", "metrics", "notification",
    "ownershipControls", "policy", "policyStatus", "publicAccessBlock", "replication", "requestPayment",
    "restore", "website",
}  # fmt: skip
_CREDENTIAL = re.compile(r"Credential=([^/,]+)/")


class LabGate:
    """Refuses unknown keys and unsupported sub-resources; everything else goes on to s3api."""

    def __init__(self, app: Application, *, access_keys: frozenset[str]) -> None:
        self._app = app
        self._access_keys = access_keys

    def __call__(self, env: Environment, start_response: Callable[..., Any]) -> Iterable[bytes]:
        query = parse_qs(env.get("QUERY_STRING", ""), keep_blank_values=True)
        access_key = _access_key(env.get("HTTP_AUTHORIZATION", ""), query)
        if access_key is not None and access_key not in self._access_keys:
            message = "The AWS Access Key Id you provided does not exist in our records."
            return refuse(env, start_response, status=403, code="InvalidAccessKeyId", message=message)
        if access_key is not None and _NOT_IMPLEMENTED & set(query):
            message = "A header or query you provided implies functionality that is not implemented."
            return refuse(env, start_response, status=501, code="NotImplemented", message=message)
        return self._app(env, start_response)


def _access_key(authorization: str, query: dict[str, list[str]]) -> str | None:
    """Access key of a signed or presigned request, None when it is neither."""
    if found := _CREDENTIAL.search(authorization):
        return found[1]
    credential = query.get("X-Amz-Credential")
    return credential[0].partition("/")[0] if credential else None


def refuse(
    env: Environment,
    start_response: Callable[..., Any],
    *,
    status: int,
    code: str,
    message: str,
    body: str = "",
    more: dict[str, str] | None = None,
) -> Iterable[bytes]:
    """Answer with an S3 error; the connection stays open unless the client still waits to send its body."""
    waits = "HTTP_EXPECT" in env
    if not waits:
        _drain(env)
    text = body or (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>lab</RequestId></Error>"
    )
    encoded = b"" if env["REQUEST_METHOD"] == "HEAD" else text.encode()
    headers = {"Content-Type": "application/xml", "Content-Length": str(len(encoded))}
    headers |= {"Connection": "close"} if waits else {}
    start_response(f"{status} {code}", list((headers | (more or {})).items()))
    return [encoded]


def _drain(env: Environment) -> None:
    """Read what the client sends: closing before would reset the connection under the answer."""
    while env["wsgi.input"].read(1 << 20):
        pass


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Callable[[Application], LabGate]:
    """Paste's door. Setting `credentials_file`: see configuration.write_credentials."""
    del global_conf
    keys = frozenset(json.loads(Path(local_conf["credentials_file"]).read_text())["keys"])

    def build(app: Application) -> LabGate:
        return LabGate(app, access_keys=keys)

    return build
