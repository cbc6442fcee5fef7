"""QEMU's control socket, as much of it as the lab needs (QEMU Machine Protocol)."""

import json
import socket
from typing import Any

_ANSWER_SECONDS = 20.0


class MonitorClosed(OSError):
    """QEMU has gone away or does not answer."""


class Monitor:
    """One connection, for one thread."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(_ANSWER_SECONDS)
        self._connection = connection
        self._lines = connection.makefile("rb")

    def greet(self) -> None:
        """Leave the negotiation. Raises MonitorClosed when QEMU did not start."""
        self._read()
        self.command("qmp_capabilities")

    def command(self, name: str, **arguments: Any) -> Any:
        """What QEMU returns. Raises MonitorClosed."""
        request = json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n"
        try:
            self._connection.sendall(request)
        except OSError as err:
            raise MonitorClosed(str(err)) from err
        while "return" not in (answer := self._read()):
            if "error" in answer:
                raise MonitorClosed(f"{name}: {answer['error'].get('desc')}")
        return answer["return"]

    def typed(self, line: str) -> str:
        """Output of a line typed at the monitor for people: forwards exist there only."""
        return str(self.command("human-monitor-command", **{"command-line": line}))

    def close(self) -> None:
        """Let go of the socket."""
        self._lines.close()
        self._connection.close()

    def _read(self) -> dict[str, Any]:
        try:
            line = self._lines.readline()
        except OSError as err:
            raise MonitorClosed("QEMU does not answer") from err
        if not line:
            raise MonitorClosed("QEMU has ended")
        message: dict[str, Any] = json.loads(line)
        return message
