"""The house rules are tests: lint, format, types, import contracts, and what must not be loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run_tool(*command: str) -> None:
    """Run one checker at the project's root; its output is the failure message."""
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def tool(name: str) -> str:
    """Path of a tool of the running virtual environment."""
    return str(Path(sys.executable).parent / name)


def test_ruff_finds_nothing() -> None:
    run_tool(tool("ruff"), "check", "--quiet", ".")


def test_code_is_formatted() -> None:
    run_tool(tool("ruff"), "format", "--check", "--quiet", ".")


@pytest.mark.timeout(300)
def test_types_hold() -> None:
    run_tool(tool("mypy"))


def test_import_contracts_are_kept() -> None:
    run_tool(tool("lint-imports"), "--no-cache")


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("v2s_tui.cli.main", ("textual", "pyVmomi", "scaleway", "botocore", "aioboto3", "tinydb")),
        ("v2s_tui.tui.app", ("pyVmomi", "scaleway", "botocore", "aioboto3")),
    ],
)
def test_heavy_packages_are_not_loaded_at_start(module: str, forbidden: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print('\\n'.join(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    loaded = {name.split(".")[0] for name in result.stdout.split()}
    assert not loaded & set(forbidden)


def test_no_room_is_too_large() -> None:
    sizes = {path: path.read_text().count("\n") for path in (ROOT / "v2s_tui").rglob("*.py")}
    assert not {str(path.relative_to(ROOT)): lines for path, lines in sizes.items() if lines > 400}
