"""An ESXi host as far as a disk stream needs one: HTTPS on loopback that serves bytes, or misbehaves."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from v2s_tui.lab.tls import TlsFiles, make_certificate, server_context


@dataclass
class Behaviour:
    """body: what is sent. stop_after: bytes after which `then` happens (None: all is sent): `cut`, `stall`,
    or `pause` for a second before the rest.
    """

    body: bytes = b""
    status: int = 200
    stop_after: int | None = None
    then: str = "cut"
    chunked: bool = False
    released: threading.Event = field(default_factory=threading.Event)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    behaviour: Behaviour

    def do_GET(self) -> None:
        what = self.behaviour
        self.send_response(what.status)
        self.send_header(*(("Transfer-Encoding", "chunked") if what.chunked else ("Connection", "close")))
        self.end_headers()
        body = what.body if what.stop_after is None else what.body[: what.stop_after]
        try:
            self._send(body, chunked=what.chunked)
            if what.stop_after is not None and what.then == "stall":
                what.released.wait(30)
            if what.stop_after is not None and what.then == "pause":
                what.released.wait(1)
                self._send(what.body[what.stop_after :], chunked=False)
        except OSError:
            pass  # the client went away: that is what some tests want
        self.close_connection = True

    def _send(self, body: bytes, *, chunked: bool) -> None:
        for start in range(0, len(body), 50_000):
            piece = body[start : start + 50_000]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        """Nothing: the test's output is its own."""


@dataclass
class NfcServer:
    url: str
    tls: TlsFiles
    behaviour: Behaviour


@contextmanager
def nfc_server(folder: Path, behaviour: Behaviour) -> Iterator[NfcServer]:
    """Serve until the block is left."""
    tls = make_certificate(folder)
    handler = type("Handler", (_Handler,), {"behaviour": behaviour})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = server_context(tls).wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield NfcServer(
                f"https://127.0.0.1:{server.server_address[1]}/nfc/5212/disk-0.vmdk", tls, behaviour
            )
        finally:
            behaviour.released.set()
            server.shutdown()
            thread.join()
