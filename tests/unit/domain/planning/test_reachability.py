"""Checks as a plan writes them."""

import pytest

from v2s_tui.domain.errors import InputError
from v2s_tui.domain.planning.reachability import Probe, ProbeKind, parse_probe


@pytest.mark.parametrize(
    ("text", "probe", "shown"),
    [
        ("ping", Probe(ProbeKind.PING), "ping"),
        ("tcp:22", Probe(ProbeKind.TCP, 22), "tcp:22"),
        ("http", Probe(ProbeKind.HTTP, 80, "/"), "http:80/"),
        ("HTTP:8080/health", Probe(ProbeKind.HTTP, 8080, "/health"), "http:8080/health"),
        ("https/login?x=1", Probe(ProbeKind.HTTPS, 443, "/login?x=1"), "https:443/login?x=1"),
    ],
)
def test_what_can_be_asked(text, probe, shown):
    assert parse_probe(text) == probe
    assert str(probe) == shown
    assert parse_probe(shown) == probe


@pytest.mark.parametrize("text", ["", "tcp", "ping:1", "tcp:70000", "tcp:22/x", "ftp:21", "http:x", "tcp:0"])
def test_what_cannot(text):
    with pytest.raises(InputError, match="is not a check"):
        parse_probe(text)
