"""A small HTTPS server whose answers each test chooses: for what a real vCenter never does on purpose."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from v2s_tui.adapters.vsphere.address import Timeouts, VcenterAddress
from v2s_tui.lab.tls import TlsFiles, make_certificate, server_context

Answering = Callable[[BaseHTTPRequestHandler], None]
QUICK = Timeouts(connect=0.5, call=0.5, task=5, busy=1, lease_ready=2, heartbeat=0.1)


def reply(body: bytes, *, status: int = 200, **headers: str) -> Answering:
    """An answer with a body and headers (`content_encoding="gzip"`)."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        sent = {"content_length": str(len(body)), **headers}
        for name, value in sent.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@contextmanager
def https_server(folder: Path, answer: Answering) -> Iterator[tuple[VcenterAddress, TlsFiles]]:
    """Serve until the context is left; the address trusts the server's authority."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer(self)

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Clients that hang up are the point of these tests."""

        def finish_request(self, request: object, client_address: object) -> None:
            wrapped = context.wrap_socket(request, server_side=True)  # type: ignore[arg-type]
            wrapped.settimeout(5)
            try:
                super().finish_request(wrapped, client_address)  # type: ignore[arg-type]
            finally:
                wrapped.close()

    files = make_certificate(folder)
    context: ssl.SSLContext = server_context(files)
    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield address_of(server.server_port, ca_file=str(files.ca_file)), files
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def address_of(port: int, **more: object) -> VcenterAddress:
    """An address on loopback with short timeouts."""
    facts = {"host": "127.0.0.1", "timeouts": QUICK, **more}
    return VcenterAddress(username="user", password=lambda: "pass", port=port, **facts)  # type: ignore[arg-type]
