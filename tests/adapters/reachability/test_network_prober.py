"""Looks at real sockets on loopback."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from v2s_tui.adapters.reachability.prober import NetworkProber
from v2s_tui.domain.planning.reachability import parse_probe


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if self.path == "/sick" else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args):
        """Quiet."""


@pytest.fixture
def port():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def look(text, *, seconds=2.0):
    return NetworkProber().probe("127.0.0.1", parse_probe(text), timeout_seconds=seconds)


def test_a_port_that_listens_answers(port):
    assert look(f"tcp:{port}") == ""


def test_a_closed_port_says_so():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = probe.getsockname()[1]
    assert "refused" in look(f"tcp:{closed}")
    assert "refused" in look(f"http:{closed}")


def test_any_answer_below_500_is_an_answer(port):
    assert look(f"http:{port}/") == ""
    assert look(f"http:{port}/sick") == "HTTP 503"


def test_something_else_on_the_port_is_no_https(port):
    assert look(f"https:{port}/") != ""


def test_silence_ends_in_time():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        assert "timed out" in look(f"http:{silent.getsockname()[1]}", seconds=0.2)


def test_loopback_answers_ping_or_says_that_it_may_not():
    assert look("ping") in {"", "this user may not send ICMP; use a tcp check"}
