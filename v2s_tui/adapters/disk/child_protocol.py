"""What passes between the runner and the child process that moves the bytes of one disk: JSON, plain data.

The request goes to the child's standard input, so that the lease's address (a secret while it lives) is in no
process list. Progress comes as lines of its standard error, the answer as one object on its standard output.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from v2s_tui.adapters.disk.image_error import unusable
from v2s_tui.adapters.disk.part_plan import Part
from v2s_tui.domain.errors import LeaseFailed, SourceUnreachable, ToolError, V2sError, WorkDiskFull

FAILED_EXIT_CODE = 3
"""The child failed in a way its answer names; any other code but 0 is a crash."""
_PROGRESS_PREFIX, _PART_PREFIX = '{"progress": ', '{"part": '


@dataclass(frozen=True, slots=True)
class ReceiveRequest:
    """One disk to receive. partial_path: an own file of ours, made new. sync: force it to the disk.
    part_bytes: announce parts of that size as they are full (0: none). room_bytes: most of the file that may
    be on the disk while it grows (0: all of it). manifest_path: where digests of all
    clusters go, "" when nobody wants them.
    """

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
    part_bytes: int
    room_bytes: int
    manifest_path: str


@dataclass(frozen=True, slots=True)
class FlattenRequest:
    """Overlay and base to one image. partial_path: an own file of ours, made new. layered, compact,
    manifest_path: see flatten.py.
    """

    overlay_path: str
    partial_path: str
    threads: int
    sync: bool
    layered: bool
    compact: bool
    manifest_path: str


Request = ReceiveRequest | FlattenRequest
_JOBS: dict[str, type[Request]] = {"receive": ReceiveRequest, "flatten": FlattenRequest}


class Progress(NamedTuple):
    """A progress line. received_bytes: of the stream, 0 where there is none."""

    done_bytes: int
    total_bytes: int
    received_bytes: int = 0


def encode_request(request: Request) -> bytes:
    """For the child's standard input."""
    job = next(name for name, kind in _JOBS.items() if isinstance(request, kind))
    return json.dumps({"job": job, **asdict(request)}).encode()


def decode_request(raw: bytes) -> Request:
    """The child's side of `encode_request`."""
    fields = json.loads(raw)
    return _JOBS[fields.pop("job")](**fields)


def encode_answer(result: Mapping[str, Any]) -> bytes:
    """Answer of a child that succeeded."""
    return json.dumps({"result": dict(result)}).encode()


def encode_failure(error: V2sError) -> bytes:
    """Answer of a child that failed for a known reason."""
    return json.dumps({"error": type(error).__name__, "title": error.title, "hint": error.hint}).encode()


def decode_answer(raw: bytes) -> dict[str, Any]:
    """The runner's side of both. Raises the error the child named."""
    answer = json.loads(raw)
    if "error" in answer:
        raise _error(answer["error"], answer["title"], answer["hint"])
    result: dict[str, Any] = answer["result"]
    return result


def _error(kind: str, title: str, hint: str) -> V2sError:
    if kind == ToolError.__name__:
        return unusable(title, hint=hint)
    for each in (SourceUnreachable, WorkDiskFull):
        if kind == each.__name__:
            return each(title, hint=hint)
    return LeaseFailed(title, hint=hint)


def encode_progress(progress: Progress) -> str:
    """One line."""
    return _PROGRESS_PREFIX + json.dumps(progress) + "}"


def decode_progress(line: str) -> Progress | None:
    """None for a line that is no progress, but something the child says (a traceback)."""
    if not line.startswith(_PROGRESS_PREFIX):
        return None
    return Progress(*json.loads(line)["progress"])


def encode_part(part: Part) -> str:
    """One line for a part that is full."""
    return _PART_PREFIX + json.dumps(part) + "}"


def decode_part(line: str) -> Part | None:
    """None for any other line."""
    if not line.startswith(_PART_PREFIX):
        return None
    return Part(*json.loads(line)["part"])
