"""What travels over the runner's socket: JSON lines, one message each.

From the runner: `snapshot` (the whole picture), `delta` (changed rows, and everything but rows), `reply` (to
a request, by its id), `event` (something happened, for logs; a slow reader misses some), `end`. To the
runner: `hello` (once, first), `command`, `take` (the write token). `seq` counts pictures: a reader that finds
a gap attaches again.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from v2s_tui.domain.errors import StateError
from v2s_tui.domain.execution.snapshot import (
    BatchSnapshot,
    VmRow,
    row_from_json,
    row_to_json,
    snapshot_from_json,
    snapshot_to_json,
)

Message = dict[str, Any]
MAX_LINE_BYTES = 64 * 1024**2


def encode(message: Mapping[str, Any]) -> bytes:
    """One line."""
    return orjson.dumps(message) + b"\n"


def decode(line: bytes) -> Message:
    """One message; raises ValueError for anything else."""
    message = orjson.loads(line)
    if not isinstance(message, dict) or "type" not in message:
        raise ValueError("no message")
    return message


def snapshot_message(picture: BatchSnapshot, seq: int) -> Message:
    """The whole picture."""
    return {"type": "snapshot", "seq": seq, "snapshot": snapshot_to_json(picture)}


def delta_message(before: BatchSnapshot, after: BatchSnapshot, seq: int) -> Message:
    """What changed between two pictures of the same batch."""
    changed = [row_to_json(row) for row, old in zip(after.vms, before.vms, strict=True) if row is not old]
    return {"type": "delta", "seq": seq, "head": snapshot_to_json(replace(after, vms=())), "rows": changed}


class PictureReader:
    """Puts the picture together from snapshot and delta messages."""

    def __init__(self) -> None:
        self.picture: BatchSnapshot | None = None
        self._seq = 0
        self._rows: dict[str, VmRow] = {}

    def read(self, message: Message) -> bool:
        """Take a message in; True when there is a new picture. Raises StateError at a gap."""
        if message["type"] == "snapshot":
            self.picture = snapshot_from_json(message["snapshot"])
            self._rows = {row.name: row for row in self.picture.vms}
        elif message["type"] == "delta":
            if self.picture is None or message["seq"] != self._seq + 1:
                raise StateError("the connection to the runner lost a message", hint="attach again")
            self._rows.update((row["name"], row_from_json(row)) for row in message["rows"])
            self.picture = replace(snapshot_from_json(message["head"]), vms=tuple(self._rows.values()))
        else:
            return False
        self._seq = message["seq"]
        return True
