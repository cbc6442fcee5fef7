"""Keep-alive HTTPS to one server: bounded, unzipped answers, nothing about SOAP or REST."""

import http.client
import ssl
import threading
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from v2s_tui.adapters.vsphere.address import VcenterAddress
from v2s_tui.adapters.vsphere.unreachable import TRANSPORT_ERRORS, explain
from v2s_tui.domain.errors import SourceError, SourceUnreachable
from v2s_tui.domain.units import MIB

MAX_ANSWER_BYTES = 256 * MIB
"""No page of 500 VMs comes near (14 kB/VM with all properties); a hostile answer stops here."""
IDLE_SECONDS = 20
"""Idle connections are dropped before servers and firewalls do it behind our back."""
_CHUNK_BYTES = 256 * 1024
_STALE = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, unzipped. headers: names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Web:
    """Connections to one address, reused; safe to share between threads (each call takes one of its own)."""

    def __init__(
        self, address: VcenterAddress, context: ssl.SSLContext, *, max_answer_bytes: int = MAX_ANSWER_BYTES
    ) -> None:
        self._address = address
        self._context = context
        self._max_answer_bytes = max_answer_bytes
        self._idle: list[tuple[http.client.HTTPSConnection, float]] = []
        """Connections, each with the time since when it is idle; the latest last."""
        self._lock = threading.Lock()

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> Answer:
        """One exchange. An idle connection that the server had closed is replaced once, if repeatable.

        Raises SourceUnreachable, or SourceError for an answer that is too large.
        """
        sent = {"Accept-Encoding": "gzip", **(headers or {})}
        connection = self._take_idle()
        try:
            if connection is not None:
                try:
                    return self._exchange(connection, method, path, body, sent)
                except _STALE:
                    if not repeatable:
                        raise
            return self._exchange(self._connect(), method, path, body, sent)
        except TRANSPORT_ERRORS as err:
            raise explain(self._address, err) from err

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.close()

    def _take_idle(self) -> http.client.HTTPSConnection | None:
        with self._lock:
            if not self._idle:
                return None
            connection, since = self._idle.pop()
        if time.monotonic() - since < IDLE_SECONDS:
            return connection
        connection.close()
        self.close()  # the others lay idle even longer
        return None

    def _connect(self) -> http.client.HTTPSConnection:
        times = self._address.timeouts
        connection = http.client.HTTPSConnection(
            self._address.host, self._address.port, timeout=times.connect, context=self._context
        )
        connection.connect()
        connection.sock.settimeout(times.call)
        return connection

    def _exchange(
        self,
        connection: http.client.HTTPSConnection,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> Answer:
        kept = False
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            content = self._read(response)
            kept = not response.will_close
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, content)
        finally:
            if kept:
                with self._lock:
                    self._idle.append((connection, time.monotonic()))
            else:
                connection.close()

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        zipped = (response.getheader("Content-Encoding") or "").lower() == "gzip"
        unzip = zlib.decompressobj(16 + zlib.MAX_WBITS) if zipped else None
        parts: list[bytes] = []
        room = self._max_answer_bytes + 1
        while chunk := response.read(_CHUNK_BYTES):
            part = self._unzipped(unzip, chunk, room) if unzip else chunk
            room -= len(part)
            parts.append(part)
            if room <= 0:
                raise SourceError(
                    f"{self._address.netloc} sent more than {self._max_answer_bytes} bytes for one request",
                    hint="This is no vCenter's answer; check vmware.vcenter",
                )
        if (response.length or 0) > 0 or (unzip and not unzip.eof):
            raise http.client.IncompleteRead(b"", response.length)
        return b"".join(parts)

    def _unzipped(self, unzip: "zlib._Decompress", chunk: bytes, room: int) -> bytes:
        try:
            return unzip.decompress(chunk, max(room, 1))
        except zlib.error as err:
            raise SourceUnreachable(
                f"{self._address.netloc} sent an answer that cannot be unzipped", hint="Retry"
            ) from err
