"""Swift middleware that makes S3 calls go wrong by rule: refused, delayed, slow, stalled, cut.

Stands before s3api. Rules see S3's operation name (`UploadPart`) and `bucket/key` as subject. Of an upload
the request's body is slowed or cut, of a download the answer's.
"""

import json
import socket
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from v2s_tui.lab.faults import Fault, FaultRules
from v2s_tui.lab.objectstorage.gate import refuse
from v2s_tui.lab.objectstorage.operations import operation_name

Environment = dict[str, Any]
Application = Callable[[Environment, Callable[..., Any]], Iterable[bytes]]

_CODES = {
    400: "BadRequest",
    403: "AccessDenied",
    404: "NoSuchKey",
    408: "RequestTimeout",
    429: "TooManyRequests",
    500: "InternalError",
    503: "SlowDown",
}
_STEP_BYTES = 64 << 10


class FaultFilter:
    """Asks the rules about each call of a client; the lab's own reads are left alone."""

    def __init__(self, app: Application, *, rules: FaultRules, internal_token: str) -> None:
        self._app = app
        self._rules = rules
        self._internal_token = internal_token

    def __call__(self, env: Environment, start_response: Callable[..., Any]) -> Iterable[bytes]:
        fault = self._fault(env)
        if fault is None:
            return self._app(env, start_response)
        _sleep(fault.delay_seconds)
        if fault.status is not None:
            return _refuse(env, start_response, fault.status, fault)
        if env["REQUEST_METHOD"] in ("PUT", "POST"):
            env["wsgi.input"] = _FaultyInput(env["wsgi.input"], env["eventlet.input"], Pace(fault))
            return self._app(env, start_response)
        env["eventlet.minimum_write_chunk_size"] = 0  # what may flow must not wait in a buffer
        return _faulty_output(self._app(env, start_response), env["eventlet.input"], Pace(fault))

    def _fault(self, env: Environment) -> Fault | None:
        if env.get("HTTP_X_AUTH_TOKEN") == self._internal_token:
            return None
        method, path = env["REQUEST_METHOD"], env.get("PATH_INFO", "")
        operation = operation_name(method, path, env.get("QUERY_STRING", ""))
        return self._rules.match(server="objectstorage", operation=operation, subject=path.lstrip("/"))


class Pace:
    """How fast bytes may flow, where they stop for a while, and where they stop for good."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self._sent_bytes = 0
        self._has_stalled = False

    def next_bytes(self, wanted_bytes: int) -> int:
        """How many of the wanted bytes may flow now; 0 when the connection must be cut."""
        cut = self._fault.cut_after_bytes
        allowed = min(wanted_bytes, _STEP_BYTES)
        return allowed if cut is None else min(allowed, cut - self._sent_bytes)

    def flowed(self, count_bytes: int) -> None:
        """Account for bytes that flowed, and take the time that they must take."""
        self._sent_bytes += count_bytes
        if self._fault.bytes_per_second:
            _sleep(count_bytes / self._fault.bytes_per_second)
        if not self._has_stalled and self._sent_bytes >= self._fault.stall_after_bytes:
            self._has_stalled = True
            _sleep(self._fault.stall_seconds)


class _FaultyInput:
    """A request body that flows at the pace of a fault."""

    def __init__(self, body: Any, connection: Any, pace: Pace) -> None:
        self._body = body
        self._connection = connection
        self._pace = pace

    def read(self, size: int = -1) -> bytes:
        wanted = size if size >= 0 else _STEP_BYTES
        allowed = self._pace.next_bytes(wanted)
        if allowed <= 0 < wanted:
            _cut(self._connection)
        chunk: bytes = self._body.read(allowed)
        self._pace.flowed(len(chunk))
        return chunk

    def readline(self, size: int = -1) -> bytes:
        line: bytes = self._body.readline(size)
        return line

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)


def _faulty_output(answer: Iterable[bytes], connection: Any, pace: Pace) -> Iterator[bytes]:
    for chunk in answer:
        position = 0
        while position < len(chunk):
            allowed = pace.next_bytes(len(chunk) - position)
            if allowed <= 0:
                _cut(connection)
            yield chunk[position : position + allowed]
            pace.flowed(allowed)
            position += allowed


def _cut(connection: Any) -> None:
    """Close the client's connection in the middle of everything. Always raises ConnectionResetError."""
    connection.get_socket().shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError("cut by a fault rule")


def _refuse(
    env: Environment, start_response: Callable[..., Any], status: int, fault: Fault
) -> Iterable[bytes]:
    code = fault.fault or _CODES.get(status, "InternalError")
    return refuse(
        env,
        start_response,
        status=status,
        code=code,
        message="fault rule",
        body=fault.body,
        more=fault.headers,
    )


def _sleep(seconds: float) -> None:
    """Wait without stopping the other requests of this process."""
    from eventlet import sleep  # type: ignore[import-untyped]

    if seconds > 0:
        sleep(seconds)


def filter_factory(global_conf: dict[str, str], **local_conf: str) -> Callable[[Application], FaultFilter]:
    """Paste's door. Settings: `faults_file` (empty for none), `credentials_file`."""
    del global_conf
    rules = FaultRules.load(Path(local_conf["faults_file"])) if local_conf["faults_file"] else FaultRules()
    token = json.loads(Path(local_conf["credentials_file"]).read_text())["internal_token"]

    def build(app: Application) -> FaultFilter:
        return FaultFilter(app, rules=rules, internal_token=token)

    return build
