"""Swift middleware that knows the lab's Scaleway key, in the place of tempauth.

One and the same key works for the API and for S3: tempauth would want an access key with a colon, which the
Scaleway SDK refuses. The lab itself reads over Swift's own API with an internal token.
"""

import hmac
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from v2s_tui.lab.objectstorage.configuration import ACCOUNT

Environment = dict[str, Any]
Application = Callable[[Environment, Callable[..., Any]], Iterable[bytes]]


class LabAuth:
    """Lets in who signed with a known key, or shows the internal token; all own the one account."""

    def __init__(self, app: Application, *, keys: dict[str, str], internal_token: str) -> None:
        self._app = app
        self._keys = keys
        self._internal_token = internal_token

    def __call__(self, env: Environment, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not self._is_known(env):
            env.setdefault("swift.authorize", _refuse)
            return self._app(env, start_response)
        env["REMOTE_USER"] = f"lab,lab:operator,{ACCOUNT}"
        env["swift.authorize"] = _allow
        env["swift_owner"] = True
        return self._app(env, start_response)

    def _is_known(self, env: Environment) -> bool:
        details = env.get("s3api.auth_details")
        if details is None:
            return hmac.compare_digest(env.get("HTTP_X_AUTH_TOKEN", ""), self._internal_token)
        secret = self._keys.get(details["access_key"])
        if secret is None or not details["check_signature"](secret):
            return False
        # s3api has put the access key where Swift expects the account.
        env["PATH_INFO"] = env["PATH_INFO"].replace(details["access_key"], ACCOUNT, 1)
        return True


def _allow(request: Any) -> None:
    """Swift's authorize hook: None means go on."""
    request.environ["swift_owner"] = True


def _refuse(request: Any) -> Any:
    """Swift's authorize hook: no. s3api makes SignatureDoesNotMatch of it."""
    from swift.common.swob import HTTPUnauthorized

    return HTTPUnauthorized(request=request)


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Callable[[Application], LabAuth]:
    """Paste's door. Setting `credentials_file`: see configuration.write_credentials."""
    del global_conf
    credentials = json.loads(Path(local_conf["credentials_file"]).read_text())

    def build(app: Application) -> LabAuth:
        return LabAuth(app, keys=credentials["keys"], internal_token=credentials["internal_token"])

    return build
