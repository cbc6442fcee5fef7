"""Ports of a guest that are open at its public address, and only those that the guest itself answers on.

QEMU's user network accepts every forwarded connection before the guest does: a forward alone would make a
dead guest look alive. Each port is therefore tried through a hidden forward first, and is opened at the
address only when the guest has completed a handshake. (A ping proves nothing on loopback: the host's own
kernel answers for all of 127.0.0.0/8.)
"""

import contextlib
import re
import socket
import time
from dataclasses import dataclass, field

from v2s_tui.lab.machines.monitor import Monitor

PORTS = (22, 80, 443, 3389, 8080)
"""Guest ports that can be reached. Those below 1024 need the right to bind them on this host."""
_TRY_SECONDS = 4.0

_ROW = re.compile(
    r"TCP\[(?P<state>\w+)\]\s+\d+\s+(?P<host>\S+)\s+(?P<host_port>\d+)\s+(?P<guest>\S+)\s+(?P<port>\d+)"
)


@dataclass(slots=True)
class Doors:
    """The ports of one machine. address: loopback address that clients use ("" none: nothing is opened)."""

    address: str
    opened: set[int] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)
    _tries: dict[int, tuple[socket.socket, float]] = field(default_factory=dict)

    def look(self, monitor: Monitor) -> None:
        """One round: open what the guest answers on by now, knock at the rest. Raises MonitorClosed."""
        left = set(PORTS) - self.opened - self.refused
        if not self.address or not left:
            return
        rows = [match.groupdict() for match in _ROW.finditer(monitor.typed("info usernet"))]
        for port in left & _answering(rows):
            self._open(monitor, port)
        hidden = {int(row["port"]): int(row["host_port"]) for row in rows if row["state"] == "HOST_FORWARD"}
        for port in left - self.opened - self.refused:
            if port in hidden:
                self._knock(port, hidden[port])

    def close(self) -> None:
        """Give up the tries that are under way."""
        for connection, _ in self._tries.values():
            connection.close()
        self._tries.clear()

    def _open(self, monitor: Monitor, port: int) -> None:
        """A port that this host does not let us bind is not tried again."""
        trouble = monitor.typed(f"hostfwd_add net0 tcp:{self.address}:{port}-:{port}")
        (self.refused if trouble.strip() else self.opened).add(port)
        if port in self._tries:
            self._tries.pop(port)[0].close()

    def _knock(self, port: int, hidden_port: int) -> None:
        """One try at a time; it ends when the guest refuses it, or soon: a try from before the guest had its
        address is repeated by QEMU after ever longer pauses, up to minutes.
        """
        if port in self._tries:
            connection, until = self._tries[port]
            if time.monotonic() < until and not _ended(connection):
                return
            connection.close()
        connection = socket.socket()
        connection.setblocking(False)
        connection.connect_ex(("127.0.0.1", hidden_port))
        self._tries[port] = connection, time.monotonic() + _TRY_SECONDS


def _answering(rows: list[dict[str, str]]) -> set[int]:
    return {int(row["port"]) for row in rows if row["state"] == "ESTABLISHED"}


def _ended(connection: socket.socket) -> bool:
    with contextlib.suppress(BlockingIOError):
        try:
            return connection.recv(1) == b""
        except OSError as err:
            if isinstance(err, BlockingIOError):
                raise
            return True
    return False
