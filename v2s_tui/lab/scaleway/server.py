"""The HTTPS server of the lab's Scaleway API: sockets, requests, answers, and faults on the wire."""

import logging
import socket
import ssl
import threading
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from v2s_tui.lab.faults import Fault, FaultRules
from v2s_tui.lab.machines.keeper import Machines, machines_that_fit
from v2s_tui.lab.objectstorage.reader import BucketReader
from v2s_tui.lab.scaleway.answers import Answer
from v2s_tui.lab.scaleway.api import MAX_CALLS_PER_SECOND, Api
from v2s_tui.lab.scaleway.booting import boot_again, loopback_of, take_state
from v2s_tui.lab.scaleway.catalogue import Catalogue
from v2s_tui.lab.scaleway.imports import Importer
from v2s_tui.lab.scaleway.store import ResourceStore
from v2s_tui.lab.scaleway.world import Account, World
from v2s_tui.lab.tls import TlsFiles, server_context

_IDLE_SECONDS = 120
_LOG = logging.getLogger(__name__)


class _Handler(BaseHTTPRequestHandler):
    """One connection, any number of calls."""

    protocol_version = "HTTP/1.1"
    server_version = "v2s-lab"
    disable_nagle_algorithm = True
    timeout = _IDLE_SECONDS
    server: "_HttpServer"

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        api = self.server.api
        fault = api.fault_for(self.command, urlsplit(self.path).path, raw)
        if fault is not None:
            time.sleep(fault.delay_seconds + fault.stall_seconds)
        token = self.headers.get("X-Auth-Token", "")
        try:
            answer = api.answer(self.command, self.path, token=token, raw=raw, fault=fault)
        except Exception:  # noqa: BLE001 - a mistake of the lab must not look like a broken network
            _LOG.exception("%s %s", self.command, self.path)
            answer = Answer(500, {"type": "internal_error", "message": "the lab made a mistake, see its log"})
        self._send(answer, fault)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the base class's names

    def _send(self, answer: Answer, fault: Fault | None) -> None:
        """Head and body in one write: two would wait for each other's acknowledgement."""
        body, content_type = answer.encoded()
        self.send_response(answer.status)
        headers = {"Content-Type": content_type, "Content-Length": str(len(body))} | answer.headers
        if answer.status == 204:
            del headers["Content-Type"], headers["Content-Length"]
        for name, value in headers.items():
            self.send_header(name, value)
        if fault is not None and fault.cut_after_bytes is not None:
            self._cut(body[: fault.cut_after_bytes])
            return
        self._headers_buffer: list[bytes]
        self._headers_buffer.append(b"\r\n")
        self.wfile.write(b"".join(self._headers_buffer) + body)
        self._headers_buffer = []

    def _cut(self, body: bytes) -> None:
        """The call was carried out; the client never learns it."""
        if body:
            self.end_headers()
            self.wfile.write(body)
        self._headers_buffer = []
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing: the lab's standard error is for what goes wrong."""


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], api: Api, context: ssl.SSLContext) -> None:
        super().__init__(address, _Handler)
        self.api = api
        self._context = context
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread, so that a silent client stops nobody else."""
        try:
            request.settimeout(_IDLE_SECONDS)
            connection = self._context.wrap_socket(request, server_side=True)
        except (OSError, ValueError):
            request.close()
            return
        with self._open_lock:
            self._open.add(connection)
        try:
            super().process_request_thread(connection, client_address)
        finally:
            with self._open_lock:
                self._open.discard(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; a mistake of ours is."""
        import sys

        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def close_connections(self) -> None:
        """End all open connections."""
        with self._open_lock:
            connections = list(self._open)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class ScalewayServer:
    """Scaleway's API on loopback; everything it keeps lies in `folder` and survives a restart.

    objects: where imports read. speed: how much faster than normal states change.
    calls_per_second: beyond that calls are answered 429 with an empty body. boot: power on means a real
    machine on this host.
    """

    def __init__(
        self,
        folder: Path,
        *,
        tls: TlsFiles,
        account: Account,
        objects: BucketReader,
        faults: FaultRules | None = None,
        speed: float = 1.0,
        calls_per_second: int = MAX_CALLS_PER_SECOND,
        host: str = "127.0.0.1",
        port: int = 0,
        boot: bool = False,
    ) -> None:
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        store = ResourceStore(folder / "state", speed=speed)
        self._importer = Importer(store, objects, folder, speed=speed)
        self.world = World(account, store, Catalogue.bundled(), objects, self._importer, folder)
        self.world.load_settings()
        if boot:
            self.world.machines = Machines(partial(take_state, store), machines_that_fit())
        api = Api(self.world, faults or FaultRules(), calls_per_second=calls_per_second)
        self._address = (host, port)
        self._api = api
        self._context = server_context(tls)
        self._server: _HttpServer | None = None
        self._serving: threading.Thread | None = None

    @property
    def port(self) -> int:
        """Where it listens; 0 before the start when any port was asked for."""
        return int(self._server.server_address[1]) if self._server else self._address[1]

    @property
    def url(self) -> str:
        """For `api_url`, without a trailing slash."""
        return f"https://{self._address[0]}:{self.port}"

    def start(self) -> None:
        """Listen, and go on with imports that were not finished. Raises OSError when the port is taken."""
        self._server = _HttpServer(self._address, self._api, self._context)
        self._importer.start()
        if self.world.machines is not None:
            self.world.loopback = loopback_of(self.port)
            self.world.machines.start()
            boot_again(self.world, self.world.machines)
        self._serving = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="scaleway", daemon=True
        )
        self._serving.start()

    def stop(self) -> None:
        """Stop listening, end connections and imports. Safe to call twice, and after half a start."""
        server, self._server = self._server, None
        if server is None:
            return
        if self._serving is not None:  # without a loop to end, shutdown() would wait for ever
            server.shutdown()
            self._serving = None
        server.close_connections()
        server.server_close()
        self._importer.stop()
        if self.world.machines is not None:
            self.world.machines.stop()
