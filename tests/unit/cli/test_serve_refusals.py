"""What `v2s serve` refuses before it listens."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from v2s_tui.cli.serve import serve
from v2s_tui.domain.errors import InputError


def refusal(*arguments: str) -> InputError:
    result = CliRunner().invoke(serve, arguments)
    assert isinstance(result.exception, InputError), result.output
    return result.exception


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "v2s.example.com"])  # noqa: S104
def test_beyond_this_host_only_with_tls_or_a_word_that_says_what_it_means(host: str, tmp_path: Path) -> None:
    error = refusal("--host", host, "--token-file", str(tmp_path / "token"))
    assert "without TLS" in error.title
    assert "ssh -L 8022:localhost:8022" in error.hint
    assert not (tmp_path / "token").exists()


def test_no_token_goes_where_no_terminal_is() -> None:
    assert "--token-file" in refusal().hint


def test_a_certificate_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "v2s.pem").write_text("nothing")
    assert "certificate" in refusal("--tls-cert", str(tmp_path / "v2s.pem")).title
    assert "certificate" in refusal("--tls-cert", str(tmp_path / "missing.pem")).title


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        error = refusal("--port", str(port), "--token-file", str(tmp_path / "token"))
    assert "in use" in error.title
