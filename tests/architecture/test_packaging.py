"""A wheel holds all that the program reads at run time, and what is installed fits together."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_wheel_holds_every_data_file(tmp_path: Path) -> None:
    """Needs the package registry, for the build back end."""
    tracked = subprocess.run(
        ["git", "ls-files", "v2s_tui"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    source = tmp_path / "source"
    for name in [*tracked.stdout.split(), "pyproject.toml", "README.md", "LICENSE"]:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    argv = [sys.executable, "-m", "pip", "wheel", str(source), "--no-deps", "-q", "-w", str(tmp_path)]
    built = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        inside = set(content.namelist())
    assert set(tracked.stdout.split()) <= inside
    assert [name for name in inside if name.endswith("data/share/man/man1/v2s.1")]
    assert {"v2s_tui/py.typed", "v2s_tui/adapters/formats/data/catalogue.csv"} <= inside
    assert any(name.endswith(".tcss") for name in inside)


def test_what_is_installed_fits_together() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "pip", "check", "--disable-pip-version-check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout


def test_imports_reach_nothing() -> None:
    """Importing the front door opens no socket and loads no SDK."""
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise SystemExit('dialled')\n"
        "socket.socket.connect = refuse\n"
        "import v2s_tui.cli.main, v2s_tui.bootstrap\n"
        "print(sorted({'pyVmomi', 'scaleway', 'aioboto3', 'textual'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stdout == "[]\n", result.stderr
