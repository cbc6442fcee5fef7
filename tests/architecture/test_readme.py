"""README and manual page tell what the code does: generated parts are current, what they name exists."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from v2s_tui.config.load import load_config
from v2s_tui.config.settings import (
    ConversionSettings,
    MigrationSettings,
    ScalewaySettings,
    Settings,
    VmwareSettings,
)

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_readme", ROOT / ".ci" / "generate_readme.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_parts_are_current(generator: ModuleType) -> None:
    """In a process of its own: click keeps a command's help option as the first caller asked for it."""
    argv = [sys.executable, str(ROOT / ".ci" / "generate_readme.py"), "--check"]
    checked = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert {found[2] for found in generator.PART.finditer(README)} == set(generator.PARTS)


def test_the_manual_page_is_clean(generator: ModuleType) -> None:
    if shutil.which("groff"):
        argv = ["groff", "-k", "-man", "-Tutf8", "-ww", str(generator.PAGE)]
        assert subprocess.run(argv, capture_output=True, text=True, check=False).stderr == ""


def test_tests_and_files_that_the_readme_names_exist() -> None:
    named = set(re.findall(r"`((?:tests|v2s_tui|plans|\.ci)/[\w./-]+)`", README))
    assert len(named) > 20
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_links_inside_the_readme_lead_somewhere() -> None:
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in README.splitlines()
        if line.startswith("#")
    }
    targets = set(re.findall(r"\]\(#([\w-]+)\)", README))
    assert targets <= headings


def test_every_key_of_the_configuration_is_told_with_its_default(tmp_path: Path) -> None:
    section = README.partition("### migration.yaml\n")[2].partition("\n### ")[0]
    shown = set(re.findall(r"(\w+):", section))
    parts = (VmwareSettings, ScalewaySettings, ConversionSettings, MigrationSettings)
    keys = {key for part in parts for key in part.model_fields if key not in part.SECRETS}
    keys |= set(Settings.model_fields) - {"source", "warnings"}
    assert keys - shown - {"parallel_uploads"} == set()
    defaults = tmp_path / "defaults.yaml"
    defaults.write_text(section.partition("</summary>")[2].partition("</details>")[0].replace("\n    ", "\n"))
    assert load_config(defaults, {}).model_dump() == Settings().model_dump()
