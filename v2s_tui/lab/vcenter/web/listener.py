"""An HTTPS listener with one thread per connection that can be stopped at once."""

import contextlib
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from v2s_tui.lab.tls import TlsFiles, server_context


class Listener(ThreadingHTTPServer):
    """Listens on one address. The TLS handshake happens in the connection's own thread."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], make_handler: Callable[..., BaseHTTPRequestHandler], tls: TlsFiles
    ) -> None:
        super().__init__(address, make_handler)
        self._make_handler = make_handler
        self._context = server_context(tls)
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on, also when 0 was asked for."""
        return int(self.server_address[1])

    def start(self) -> None:
        """Serve in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and cut every connection. Safe where it was never started."""
        if self._thread.ident is not None:
            self._end_serving()
        self.server_close()
        with self._open_lock:
            connections = list(self._open)
        for connection in connections:
            _cut(connection)

    def _end_serving(self) -> None:
        """shutdown() waits for a loop that runs: without one it would wait for ever."""
        ending = threading.Thread(target=self.shutdown)
        ending.start()
        while ending.is_alive():
            self._wake()
            ending.join(timeout=0.02)
        self._thread.join(timeout=5)

    def _wake(self) -> None:
        """Dial itself, so that the serving loop need not poll to notice that it shall end."""
        with socket.socket() as caller, contextlib.suppress(OSError):
            caller.settimeout(1)
            caller.connect(self.server_address)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Wrap the connection in TLS and serve it; clients that do not speak TLS are dropped."""
        request.settimeout(300)
        try:
            secured = self._context.wrap_socket(request, server_side=True)
        except OSError:
            return
        with self._open_lock:
            self._open.add(secured)
        try:
            self._make_handler(secured, client_address, self)
        except OSError:
            return  # the client went away, the server stops, or a fault rule cut the line
        finally:
            with self._open_lock:
                self._open.discard(secured)
            _cut(secured)


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # closed already
    finally:
        connection.close()
