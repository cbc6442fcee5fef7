"""What passes between the runner and the child process that moves one disk: JSON, plain data.

The request goes to the child's standard input, so that the lease's address (a secret while it lives) is in no
process list. Progress comes as lines of its standard error, the answer as one object on its standard output.
"""

import json
from dataclasses import asdict, dataclass

from v2s_tui.adapters.disk.receive import Position, Received
from v2s_tui.domain.errors import LeaseFailed, SourceUnreachable, V2sError, WorkDiskFull

_ERRORS: dict[str, type[V2sError]] = {
    each.__name__: each for each in (LeaseFailed, SourceUnreachable, WorkDiskFull)
}
FAILED_EXIT_CODE = 3
"""The child failed in a way its answer names; any other code but 0 is a crash."""


@dataclass(frozen=True, slots=True)
class ReceiveRequest:
    """One disk to receive. partial_path: an own file of ours, made new. sync: force it to the disk."""

    url: str
    thumbprint: str
    ca_file: str
    insecure: bool
    capacity_bytes: int
    partial_path: str
    mode: str
    stall_seconds: float
    threads: int
    sync: bool

    def encoded(self) -> bytes:
        return json.dumps(asdict(self)).encode()


def decode_request(raw: bytes) -> ReceiveRequest:
    """The child's side of `encoded`."""
    return ReceiveRequest(**json.loads(raw))


def encode_received(received: Received) -> bytes:
    """Answer of a child that succeeded."""
    return json.dumps({"received": asdict(received)}).encode()


def encode_failure(error: V2sError) -> bytes:
    """Answer of a child that failed for a known reason."""
    kind = next((name for name, each in _ERRORS.items() if isinstance(error, each)), LeaseFailed.__name__)
    return json.dumps({"error": kind, "title": error.title, "hint": error.hint}).encode()


def decode_answer(raw: bytes) -> Received:
    """The runner's side of both. Raises the error the child named."""
    answer = json.loads(raw)
    if "error" in answer:
        raise _ERRORS[answer["error"]](answer["title"], hint=answer["hint"])
    return Received(**answer["received"])


def encode_position(position: Position) -> str:
    """A progress line."""
    return json.dumps({"position": list(position)})


def decode_position(line: str) -> Position | None:
    """None for a line that is no progress, but something the child says (a traceback)."""
    if not line.startswith('{"position"'):
        return None
    return Position(*json.loads(line)["position"])
