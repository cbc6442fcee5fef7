"""What is installed with v2s: licences that fit Apache-2.0, pinned versions, nothing that dials at import."""

import re
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
FITTING = re.compile(
    r"\b(MIT|BSD|[023]-Clause|Apache|MPL-2\.0|Mozilla|PSF|Python Software|ISC|Unlicense|CC0|HPND|Zlib)",
    re.IGNORECASE,
)
"""Permissive licences, and MPL: copyleft for its own files only. All may be used by an Apache-2.0 program."""
AT_IMPORT = """
import pkgutil, socket, sys, types
def refuse(*asked): raise SystemExit(f"asked the network at import: {asked}")
socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = socket.create_connection = refuse
sys.modules["guestfs"] = types.ModuleType("guestfs")  # Debian's, for the system's Python
import v2s_tui
found = pkgutil.walk_packages(v2s_tui.__path__, "v2s_tui.")
names = [each.name for each in found if "__main__" not in each.name]
for name in names: __import__(name)
print(len(names))
"""


@cache
def shipped() -> dict[str, metadata.Distribution]:
    """Everything that `v2s-tui[lab,serve]` brings, by canonical name."""
    found: dict[str, metadata.Distribution] = {}
    waiting = [Requirement("v2s-tui[lab,serve]")]
    while waiting:
        wanted = waiting.pop()
        name, extras = canonicalize_name(wanted.name), wanted.extras or {""}
        if name in found and not wanted.extras:
            continue
        found[name] = metadata.distribution(name)
        for line in found[name].requires or ():
            needed = Requirement(line)
            if needed.marker is None or any(needed.marker.evaluate({"extra": each}) for each in extras):
                waiting.append(needed)
    return found


def licence(package: metadata.Distribution) -> str:
    """All that its metadata says about its licence."""
    about = package.metadata
    classifiers = [each for each in about.get_all("Classifier", []) if each.startswith("License")]
    return " ".join([about.get("License-Expression", ""), (about.get("License") or "")[:200], *classifiers])


def test_every_licence_may_be_used_by_an_apache_program() -> None:
    said = {name: licence(package) for name, package in shipped().items()}
    assert len(said) > 40
    assert {name: text for name, text in said.items() if not FITTING.search(text)} == {}
    gpl = re.compile(r"\b(A?GPL|GNU (Affero|General))", re.IGNORECASE)
    assert {name: text for name, text in said.items() if gpl.search(text)} == {}


def test_what_ships_is_pinned_at_the_version_that_was_tested() -> None:
    lines = (ROOT / ".ci" / "constraints.txt").read_text(encoding="utf-8").split()
    pinned = {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}
    installed = {name: package.version for name, package in shipped().items()}
    outside = {"v2s-tui", "setuptools", "pip", "wheel"}
    assert {
        name: version for name, version in installed.items() - pinned.items() if name not in outside
    } == {}


def test_no_module_dials_when_imported() -> None:
    result = subprocess.run(
        [sys.executable, "-c", AT_IMPORT], capture_output=True, text=True, check=False, timeout=55
    )
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) > 300
