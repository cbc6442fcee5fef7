"""qemu-img on local images: command lines as pure functions, and their callers."""

import json
import re
from functools import cache
from pathlib import Path

from v2s_tui.domain.errors import ToolError
from v2s_tui.system.processes import pasteable, run_tool

_HINT = "is qemu-utils installed? `v2s doctor` tells"
_CHECK_SECONDS = 3600.0
_CLEAN, _CORRUPT, _LEAKS = 0, 2, 3


def check_argv(path: Path) -> list[str]:
    """Checks tables and refcounts, not contents."""
    return ["qemu-img", "check", "--output=json", "-f", "qcow2", str(path)]


def overlay_argv(base: Path, overlay: Path, virtual_size_bytes: int) -> list[str]:
    """An empty qcow2 on top of base."""
    options = ["-o", "compat=1.1,cluster_size=65536,lazy_refcounts=off"]
    backing = ["-b", str(base), "-F", "qcow2"]
    return [
        "qemu-img",
        "create",
        "-q",
        "-f",
        "qcow2",
        *options,
        *backing,
        str(overlay),
        str(virtual_size_bytes),
    ]


def to_raw_argv(image: Path, target: Path) -> list[str]:
    """Any qcow2 as a sparse raw file."""
    return ["qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(image), str(target)]


def convert_to_raw(image: Path, target: Path) -> None:
    """Raises ToolError when the image cannot be read."""
    run_tool(to_raw_argv(image, target), timeout_seconds=_CHECK_SECONDS, hint=_HINT)


@cache
def tool_version() -> str:
    """`qemu-img 7.2.22`. Raises ToolError when there is no qemu-img."""
    said = run_tool(["qemu-img", "--version"], timeout_seconds=30, hint=_HINT).stdout.decode(
        "utf-8", "replace"
    )
    found = re.search(r"version (\S+)", said)
    return f"qemu-img {found.group(1)}" if found else "qemu-img"


def check_image(path: Path) -> str:
    """The tool's version when the image is clean. Raises ToolError when it is damaged or leaks."""
    argv = check_argv(path)
    done = run_tool(argv, timeout_seconds=_CHECK_SECONDS, accepted=(_CLEAN, _CORRUPT, _LEAKS), hint=_HINT)
    said = json.loads(done.stdout)
    found = {name: said[name] for name in ("corruptions", "leaks", "check-errors") if said.get(name)}
    if found:
        raise ToolError(
            f"{path.name} is damaged: " + ", ".join(f"{count} {name}" for name, count in found.items()),
            command=pasteable(argv),
            exit_code=None,
            stderr_tail=done.stderr_tail,
            hint="the disk must be exported again; is the work folder's disk healthy?",
        )
    return tool_version()


def create_overlay(base: Path, overlay: Path, *, virtual_size_bytes: int) -> None:
    """Raises ToolError; no overlay is left then."""
    try:
        run_tool(overlay_argv(base, overlay, virtual_size_bytes), timeout_seconds=60, hint=_HINT)
    except ToolError:
        overlay.unlink(missing_ok=True)
        raise
