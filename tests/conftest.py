"""What holds for every test: a home of its own, no operator's settings, loopback only."""

import os
import socket
from pathlib import Path

import pytest

_KEPT = {
    "PATH",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "TERM",
    "VIRTUAL_ENV",
    "CI",
    "V2S_VCSIM",
    "HYPOTHESIS_STORAGE_DIRECTORY",
}
_REAL_HOME = os.environ.get("HOME", "")


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the developer's home or configuration; the cache of lab packages is shared."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if (
            name.startswith(("SCW_", "VCENTER_", "AWS_", "V2S_", "XDG_", "REQUESTS_", "SSL_"))
            and name not in _KEPT
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("V2S_LAB_CACHE", str(Path(_REAL_HOME) / ".cache" / "v2s-lab"))


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection beyond this host fails the test that tried it."""
    real_connect = socket.socket.connect

    def connect(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and isinstance(address, tuple):
            host = str(address[0])
            assert host.startswith("127.") or host in {"::1", "localhost"}, f"a test dialled {host}"
        real_connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", connect)
