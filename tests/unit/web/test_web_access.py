"""Tokens, cookies and names: who is let in, without a server."""

import stat
from pathlib import Path

import pytest

from v2s_tui.domain.errors import InputError
from v2s_tui.web.access import Access, is_loopback, kept_token, new_token


def test_the_cookie_is_not_the_token_and_each_opens_its_own_door() -> None:
    access = Access(new_token())
    assert access.token not in access.cookie
    assert access.is_token(access.token)
    assert access.is_cookie(access.cookie)
    assert not access.is_token(access.cookie)
    assert not access.is_cookie(access.token)
    assert not access.is_cookie("")
    assert not access.is_token("ü")
    assert not Access(new_token()).is_cookie(access.cookie)


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("localhost:8022", True),
        ("127.0.0.1:9000", True),
        ("[::1]:8022", True),
        ("192.0.2.7", True),
        ("v2s.example.com", True),
        ("V2S.example.com:443", True),
        ("evil.example.com:8022", False),
        ("localhost.evil.example.com", False),
        ('localhost:8022"><script>', False),
        ("localhost:8022; script-src *", False),
        ("user@localhost", False),
        ("", False),
    ],
)
def test_a_host_header_is_an_address_or_a_known_name_and_nothing_more(host: str, ours: bool) -> None:
    assert Access("t", names=frozenset({"v2s.example.com"})).goes_by(host) is ours


def test_a_name_may_be_given_in_capitals() -> None:
    assert Access("t", names=frozenset({"V2S.Example.com"})).goes_by("v2s.example.com:8022")


def test_only_the_page_of_this_very_address_may_open_the_app() -> None:
    plain, secure = Access("t"), Access("t", secure=True)
    assert plain.is_own_page("http://localhost:8022", "localhost:8022")
    assert not plain.is_own_page("http://localhost:8023", "localhost:8022")
    assert not plain.is_own_page("", "localhost:8022")
    assert not plain.is_own_page("null", "localhost:8022")
    assert secure.is_own_page("https://localhost:8022", "localhost:8022")
    assert not secure.is_own_page("http://localhost:8022", "localhost:8022")


def test_loopback_is_told_from_what_others_reach() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.8.8.8", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.0.2.7", "v2s.example.com", "")))  # noqa: S104


def test_a_token_file_is_made_for_its_owner_alone_and_used_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "token"
    token = kept_token(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert kept_token(path) == token
    assert len(token) >= 40


def test_a_token_that_others_can_read_or_guess_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("short")
    path.chmod(0o600)
    with pytest.raises(InputError, match="too short"):
        kept_token(path)
    path.write_text(new_token())
    path.chmod(0o644)
    with pytest.raises(InputError, match="open to others"):
        kept_token(path)
    with pytest.raises(InputError, match="cannot be used"):
        kept_token(tmp_path)
