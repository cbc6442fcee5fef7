"""What every page needs of a connection: reading a body, answering in one piece, throttled streams."""

import gzip
import json
import time
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler
from typing import Any

from v2s_tui.lab.faults import Fault

_GZIP_FROM_BYTES = 1400
_CHUNK_BYTES = 256 * 1024
SESSION_COOKIE = "vmware_soap_session"


class CutError(ConnectionError):
    """A fault rule ends the connection here."""


class Connection(BaseHTTPRequestHandler):
    """Base of the request handlers: HTTP/1.1 with keep-alive, one write per answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server_version = "v2s-lab"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Nothing is logged: bodies may hold passwords, and the request counters tell what was called."""

    def body(self) -> bytes:
        """The request's body."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def cookie(self) -> str | None:
        """The session cookie's bare value."""
        try:
            morsel = SimpleCookie(self.headers.get("Cookie", "")).get(SESSION_COOKIE)
        except CookieError:
            return None
        return morsel.value.strip('"') if morsel else None

    def reply(
        self,
        status: int,
        body: bytes = b"",
        *,
        content_type: str = "text/xml; charset=utf-8",
        headers: dict[str, str] | None = None,
        fault: Fault | None = None,
    ) -> None:
        """Answer in one piece, gzipped when the client takes it; a fault may cut or slow the answer."""
        extra = dict(headers or {})
        accepts_gzip = "gzip" in self.headers.get("Accept-Encoding", "")
        if accepts_gzip and len(body) >= _GZIP_FROM_BYTES:
            body = gzip.compress(body, compresslevel=1)
            extra["Content-Encoding"] = "gzip"
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in extra.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            Throttle(self, fault).send(body)
        self.wfile.flush()

    def reply_json(self, value: Any, *, status: int = 200) -> None:
        """Answer with a JSON document."""
        self.reply(status, json.dumps(value).encode(), content_type="application/json")

    def reply_fault(self, fault: Fault) -> bool:
        """Wait and answer as a rule plans it; whether that was the whole answer."""
        if fault.delay_seconds:
            time.sleep(fault.delay_seconds)
        if fault.status is None:
            return False
        self.reply(fault.status, fault.body.encode(), content_type="text/html", headers=fault.headers)
        return True

    def stream(self, pieces: Iterable[bytes], *, content_type: str, throttle: "Throttle") -> None:
        """Send a body of unknown length in chunks."""
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        waiting = bytearray()
        for piece in pieces:
            waiting += piece
            if len(waiting) >= _CHUNK_BYTES:
                self._send_chunk(bytes(waiting), throttle)
                waiting.clear()
        if waiting:
            self._send_chunk(bytes(waiting), throttle)
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _send_chunk(self, data: bytes, throttle: "Throttle") -> None:
        self.wfile.write(b"%X\r\n" % len(data))
        throttle.send(data)
        self.wfile.write(b"\r\n")
        self.wfile.flush()


class Throttle:
    """Sends the bytes of one body as a fault has it: slowly, with a pause, or only so many.

    bytes_per_second: limit of the lab itself, where no fault says otherwise.
    """

    def __init__(
        self, connection: Connection, fault: Fault | None, *, bytes_per_second: int | None = None
    ) -> None:
        self._connection = connection
        self._fault = fault
        self._rate = (fault.bytes_per_second if fault else None) or bytes_per_second
        self._sent = 0
        self._started_at = time.monotonic()
        self._stalls = bool(fault and fault.stall_seconds)

    def send(self, data: bytes) -> None:
        """Write, wait, or raise CutError once the last allowed byte went out."""
        fault = self._fault
        if fault is not None and fault.cut_after_bytes is not None:
            left = fault.cut_after_bytes - self._sent
            if len(data) >= left:
                self._write(data[: max(0, left)])
                raise CutError(f"cut after {fault.cut_after_bytes} bytes")
        if fault is not None and self._stalls and self._sent + len(data) >= fault.stall_after_bytes:
            self._stalls = False
            self._connection.wfile.flush()
            time.sleep(fault.stall_seconds)
        self._write(data)

    def _write(self, data: bytes) -> None:
        self._connection.wfile.write(data)
        self._sent += len(data)
        if self._rate is not None:
            self._connection.wfile.flush()
            ahead = self._sent / self._rate - (time.monotonic() - self._started_at)
            time.sleep(max(0.0, ahead))
