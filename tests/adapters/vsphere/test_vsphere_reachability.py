"""What an operator reads when the vCenter cannot be reached or trusted: over real sockets."""

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from vsphere_https import QUICK, address_of, https_server, reply

from v2s_tui.adapters.vsphere import tls
from v2s_tui.adapters.vsphere import web as web_module
from v2s_tui.adapters.vsphere.source import connect
from v2s_tui.adapters.vsphere.web import Web
from v2s_tui.domain.errors import SourceError, SourceUnreachable

WRONG = "AA:" * 19 + "AA"


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_closed_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(SourceUnreachable, match=f"Nothing listens at 127.0.0.1:{port}"):
        connect(address_of(port))


def test_a_name_that_does_not_exist_is_named() -> None:
    with pytest.raises(SourceUnreachable, match=r"vcenter\.invalid cannot be resolved"):
        connect(address_of(443, host="vcenter.invalid"))


def test_a_silent_server_is_given_up(silent_port: int) -> None:
    with pytest.raises(SourceUnreachable, match="did not answer in time"):
        connect(address_of(silent_port))


def test_a_server_without_tls_is_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(100)
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(SourceUnreachable, match="No TLS connection"):
            connect(address_of(server.getsockname()[1]))
        thread.join()


def test_an_unknown_authority_shows_the_thumbprint_to_pin(tmp_path: Path) -> None:
    with https_server(tmp_path, reply(b"")) as (address, files):
        with pytest.raises(SourceUnreachable, match="is not trusted") as raised:
            connect(address_of(address.port))
        assert files.thumbprint_sha1 in raised.value.hint


def test_another_certificate_than_the_pinned_one_is_refused(tmp_path: Path) -> None:
    with https_server(tmp_path, reply(b"")) as (address, files):
        with pytest.raises(SourceUnreachable, match="not the one that is pinned") as raised:
            connect(address_of(address.port, thumbprint=WRONG))
        assert files.thumbprint_sha1 in raised.value.title


def test_another_https_server_is_no_vcenter(tmp_path: Path) -> None:
    with (
        https_server(tmp_path, reply(b"<html>welcome</html>")) as (address, _),
        pytest.raises(SourceUnreachable, match="not as a vCenter"),
    ):
        connect(address)


def test_an_unreadable_authority_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"missing\.pem cannot be used"):
        connect(address_of(443, ca_file=str(tmp_path / "missing.pem")))


def test_pinning_and_insecure_reach_the_server(tmp_path: Path) -> None:
    with https_server(tmp_path, reply(b"hello")) as (address, files):
        plain = files.thumbprint_sha1.replace(":", "").lower()
        for way in ({"thumbprint": plain}, {"insecure": True}, {"ca_file": address.ca_file}):
            chosen = address_of(address.port, **way)
            web = Web(chosen, tls.context_for(chosen))
            assert web.request("GET", "/").body == b"hello"
            web.close()


@pytest.mark.parametrize(
    ("more", "note"),
    [
        ({}, "verified against the system store"),
        ({"ca_file": "/etc/ca.pem"}, "verified against /etc/ca.pem"),
        ({"insecure": True}, "NOT verified"),
        ({"thumbprint": "aabb"}, "pinned by thumbprint AA:BB"),
    ],
)
def test_the_trust_is_said_in_words(more: dict[str, object], note: str) -> None:
    assert note in tls.note(address_of(443, **more))


def ask(tmp_path: Path, answer: object, *, limit: int = 1000) -> bytes:
    with https_server(tmp_path, answer) as (address, _):  # type: ignore[arg-type]
        web = Web(address, tls.context_for(address), max_answer_bytes=limit)
        try:
            return web.request("GET", "/").body
        finally:
            web.close()


def test_zipped_answers_are_unzipped(tmp_path: Path) -> None:
    assert ask(tmp_path, reply(gzip.compress(b"x" * 500), content_encoding="gzip")) == b"x" * 500


@pytest.mark.parametrize("zipped", [False, True])
def test_an_answer_without_end_is_stopped(tmp_path: Path, *, zipped: bool) -> None:
    body = b"x" * 10_000_000
    answer = reply(gzip.compress(body), content_encoding="gzip") if zipped else reply(body)
    with pytest.raises(SourceError, match="more than 1000 bytes"):
        ask(tmp_path, answer)


@pytest.mark.parametrize(
    "answer",
    [
        reply(b"half", content_length="100", connection="close"),
        reply(gzip.compress(b"x" * 500)[:-9], content_encoding="gzip"),
        reply(b"not zipped", content_encoding="gzip"),
    ],
    ids=["cut", "cut in the zip", "no zip"],
)
def test_a_cut_answer_is_an_error(tmp_path: Path, answer: object) -> None:
    with pytest.raises(SourceUnreachable):
        ask(tmp_path, answer)


def test_a_connection_the_server_dropped_is_replaced(tmp_path: Path) -> None:
    """Keep-alive connections end without notice; the next request must not notice."""
    peers: list[tuple[str, int]] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        peers.append(handler.client_address)
        reply(b"ok")(handler)
        handler.close_connection = len(peers) == 2

    with https_server(tmp_path, answer) as (address, _):
        web = Web(address, tls.context_for(address))
        assert [web.request("GET", "/").body for _ in range(4)] == [b"ok"] * 4
        web.close()
    assert (peers[0] == peers[1], peers[1] == peers[2], peers[2] == peers[3]) == (True, False, True)


def test_a_connection_that_lay_idle_too_long_is_not_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A firewall forgets it without a word to either end: what is sent on it is never answered."""
    monkeypatch.setattr(web_module, "IDLE_SECONDS", 0.05)
    release = threading.Event()
    peers: list[tuple[str, int]] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.client_address in peers:
            release.wait(5)
        peers.append(handler.client_address)
        reply(b"ok")(handler)

    with https_server(tmp_path, answer) as (address, _):
        web = Web(address, tls.context_for(address))
        assert web.request("GET", "/").body == b"ok"
        time.sleep(0.1)
        assert web.request("GET", "/").body == b"ok"
        web.close()
        release.set()


def test_a_stalled_answer_is_given_up(tmp_path: Path) -> None:
    release = threading.Event()

    def stall(_handler: BaseHTTPRequestHandler) -> None:
        release.wait(5)

    with https_server(tmp_path, stall) as (address, _):
        web = Web(address, tls.context_for(address))
        with pytest.raises(SourceUnreachable, match="did not answer in time"):
            web.request("GET", "/")
        web.close()
        release.set()
    assert QUICK.call < 1
