"""What ships: no machine path or registry host in any file, data files inside the package."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORBIDDEN = (
    f"{ROOT}/",
    "/ro" + "ot/",
    "pypi." + "org",
    "files.pythonhosted." + "org",
    "deb.debian." + "org",
)


def tracked_files() -> list[Path]:
    """Files git knows; the whole tree where there is no git."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = listed.stdout.split("\n") if listed.returncode == 0 else []
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def test_no_file_names_a_machine_path_or_a_registry() -> None:
    named = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in tracked_files()
        for word in FORBIDDEN
        if word in path.read_text(encoding="utf-8", errors="replace")
    ]
    assert named == []


def test_no_binary_is_committed() -> None:
    assert [path for path in tracked_files() if b"\0" in path.read_bytes()[:4096]] == []


@pytest.mark.parametrize("pattern", ["**/*.tcss", "**/data/*.csv", "lab/scenarios/*.yaml", "lab/**/*.json"])
def test_data_files_are_inside_the_package(pattern: str) -> None:
    assert list((ROOT / "v2s_tui").glob(pattern))
