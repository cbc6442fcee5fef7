"""The appliance's kernel is fetched once per host, whoever else fetches it at the same time."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from v2s_tui.adapters.guest import appliance

NAME = "linux-image-6.1.0-9-cloud-amd64"


def two_at_once(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """Another process finishes the same work just before ours does."""

    def tool(argv: list[str], **how: Any) -> SimpleNamespace:
        if argv[:2] == ["apt-get", "download"]:
            Path(how["cwd"], f"{NAME}_1.deb").touch()
        if argv[0] == "dpkg-deb":
            Path(argv[-1], "boot").mkdir(parents=True)
            (cache / "appliance-kernel" / "boot").mkdir(parents=True)
            (cache / "appliance-kernel" / "theirs").touch()
        return SimpleNamespace(stdout=f"  Depends: {NAME}\n".encode())

    monkeypatch.setattr(appliance, "run_tool", tool)


def test_the_first_of_two_wins_and_nothing_is_left_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    two_at_once(monkeypatch, tmp_path)
    target = appliance._unpacked_kernel(tmp_path)
    assert (target / "theirs").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["appliance-kernel"]
