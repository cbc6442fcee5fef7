"""Endpoints on real sockets: what is in the way is told apart, proxies are gone through, clocks are read."""

import base64
import socket
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from v2s_tui.adapters.reachability.endpoints import Endpoint, Trouble, attempt, told_time


class Server(BaseHTTPRequestHandler):
    """Tells `date`; as a proxy it lets CONNECT pass unless `refused` is set, and keeps what it was asked."""

    date: str | None = None
    refused = False
    asked: tuple[str, ...] = ()

    def do_HEAD(self):
        self.send_response_only(403)
        if self.date is not None:
            self.send_header("Date", self.date)
        self.end_headers()

    def do_CONNECT(self):
        type(self).asked += (self.path, self.headers.get("Proxy-Authorization", ""))
        self.send_response_only(403 if self.refused else 200)
        self.end_headers()

    def log_message(self, *_args):
        """Quiet."""


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def handler():
    return type("Fresh", (Server,), {})


@pytest.fixture
def port(handler):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_connection_tells_how_long_it_took(port):
    made = attempt(Endpoint("127.0.0.1", port), timeout_seconds=2)
    assert (made.trouble, made.reason) == (None, "")
    assert made.seconds > 0


def test_refused_and_unknown_names_are_told_apart():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        refused = attempt(Endpoint("127.0.0.1", closed.getsockname()[1]), timeout_seconds=2)
    assert refused.trouble is Trouble.REFUSED
    unknown = attempt(Endpoint("esxi-99.invalid"), timeout_seconds=2)
    assert unknown.trouble is Trouble.NAME
    assert unknown.reason


def test_what_a_firewall_drops_is_silent():
    """A listener whose queue is full drops what comes, as a firewall would."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        silent = attempt(Endpoint("127.0.0.1", full.getsockname()[1]), timeout_seconds=0.2)
        for each in waiting:
            each.close()
    assert silent.trouble is Trouble.SILENT
    assert silent.seconds > 0.15


def test_the_port_is_the_urls_own():
    assert Endpoint.of("https://s3.fr-par.scw.cloud") == Endpoint("s3.fr-par.scw.cloud", 443)
    assert Endpoint.of("http://storage.lan/s3") == Endpoint("storage.lan", 80)
    assert Endpoint.of("https://127.0.0.1:8443") == Endpoint("127.0.0.1", 8443)


def test_https_goes_through_the_proxy_of_the_environment(monkeypatch, handler, port):
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:p%40ss@127.0.0.1:{port}")
    endpoint = Endpoint.of("https://api.scaleway.com")
    assert endpoint.first_hop == ("127.0.0.1", port)
    assert attempt(endpoint, timeout_seconds=2).trouble is None
    pair = base64.b64encode(b"me:p@ss").decode()
    assert handler.asked == ("api.scaleway.com:443", f"Basic {pair}")


def test_a_proxy_that_refuses_is_named_as_the_trouble(monkeypatch, handler, port):
    handler.refused = True
    monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{port}")
    made = attempt(Endpoint.of("https://api.scaleway.com"), timeout_seconds=2)
    assert made.trouble is Trouble.PROXY
    assert "403" in made.reason


def test_a_proxy_that_is_not_there_is_told_from_one_that_refuses(monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{closed.getsockname()[1]}")
        made = attempt(Endpoint.of("https://api.scaleway.com"), timeout_seconds=2)
    assert made.trouble is Trouble.REFUSED
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
    assert attempt(Endpoint.of("https://api.scaleway.com"), timeout_seconds=2).trouble is Trouble.NAME


def test_no_proxy_is_heeded(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.lan:3128")
    monkeypatch.setenv("NO_PROXY", "scw.cloud,127.0.0.1")
    assert Endpoint.of("https://s3.fr-par.scw.cloud").proxy == ""
    assert Endpoint.of("https://127.0.0.1:8443").proxy == ""
    assert Endpoint.of("https://api.scaleway.com").proxy == "http://proxy.lan:3128"
    assert Endpoint.of("http://api.scaleway.com").proxy == ""


def read_clock(port, scheme="http"):
    return told_time(f"{scheme}://127.0.0.1:{port}", ca_file=None, timeout_seconds=2)


@pytest.mark.parametrize("zone", ["GMT", "-0000", "+0000"])
def test_the_servers_date_is_read(handler, port, zone):
    handler.date = f"Mon, 02 Mar 2026 08:00:00 {zone}"
    assert read_clock(port) == datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.mark.parametrize("date", [None, "", "yesterday", "Mon, 99 Mar 2026 08:00:00 GMT"])
def test_no_date_is_no_time(handler, port, date):
    handler.date = date
    assert read_clock(port) is None


def test_a_server_that_cannot_be_asked_tells_no_time(port, tmp_path):
    assert read_clock(port, "https") is None
    no_certificate = tmp_path / "ca.pem"
    assert told_time("https://127.0.0.1:1", ca_file=no_certificate, timeout_seconds=2) is None
