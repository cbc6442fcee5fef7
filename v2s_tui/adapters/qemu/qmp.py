"""QEMU's control protocol over a connected socket: the few commands that a rehearsal needs.

Source: QEMU Machine Protocol specification (docs/interop/qmp-spec).
"""

import json
import select
import socket
import time
from typing import Any

from v2s_tui.domain.errors import ToolError

_MAX_MESSAGE_BYTES = 4 * 1024**2


class QmpClosed(Exception):
    """QEMU has gone away."""


class Qmp:
    """One connection. Not for several threads. events: names of events seen so far, with their data."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket, self._buffer, self._number = connection, b"", 0
        self.events: list[tuple[str, dict[str, Any]]] = []

    def greet(self, *, wait_seconds: float = 60) -> None:
        """Wait for QEMU's greeting and leave negotiation mode."""
        deadline = time.monotonic() + wait_seconds
        while "QMP" not in self._message(deadline):
            pass
        self.command("qmp_capabilities")

    def command(self, name: str, *, wait_seconds: float = 30, **arguments: Any) -> Any:
        """Run a command and return its result. Raises QmpClosed, ToolError (refused or no answer)."""
        self._number += 1
        request = {"execute": name, "arguments": arguments, "id": self._number}
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise QmpClosed from error
        deadline = time.monotonic() + wait_seconds
        while True:
            message = self._message(deadline)
            if message.get("id") == self._number:
                if "error" in message:
                    raise _refused(name, str(message["error"].get("desc", "")))
                return message.get("return")
            self._note(message)

    def poll(self) -> None:
        """Take in events that wait to be read. Raises QmpClosed."""
        while select.select([self._socket], [], [], 0)[0] or b"\n" in self._buffer:
            self._note(self._message(time.monotonic() + 5))

    def _note(self, message: dict[str, Any]) -> None:
        if "event" in message:
            self.events.append((message["event"], message.get("data", {})))

    def _message(self, deadline: float) -> dict[str, Any]:
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._socket], [], [], left)[0]:
                raise _refused("QMP", "no answer in time")
            try:
                data = self._socket.recv(65536)
            except OSError as error:
                raise QmpClosed from error
            if not data or len(self._buffer) > _MAX_MESSAGE_BYTES:
                raise QmpClosed
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        message = json.loads(line)
        return message if isinstance(message, dict) else {}


def _refused(name: str, text: str) -> ToolError:
    return ToolError(f"QEMU refused {name}: {text}", command=name, exit_code=None, stderr_tail=text)
