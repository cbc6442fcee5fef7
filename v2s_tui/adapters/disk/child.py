"""Starts the child process that moves the bytes of one disk, listens to it, and takes its answer."""

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import v2s_tui
from v2s_tui.adapters.disk.child_protocol import (
    FAILED_EXIT_CODE,
    Progress,
    Request,
    decode_answer,
    decode_part,
    decode_progress,
    encode_request,
)
from v2s_tui.adapters.disk.part_plan import Part
from v2s_tui.domain.errors import Cancelled
from v2s_tui.domain.execution.progress import StageProgress
from v2s_tui.domain.units import MIB
from v2s_tui.system.processes import run_tool

# Blocks of 64 KiB at the top of glibc's heap are given back and faulted in again on every call; with these
# the codec needs 1.3 to 1.75 times less CPU (reference: datapath.md 2.4).
_MALLOC = {
    "MALLOC_TRIM_THRESHOLD_": str(256 * MIB),
    "MALLOC_MMAP_THRESHOLD_": str(256 * MIB),
    "MALLOC_TOP_PAD_": str(64 * MIB),
}
_WORKER = "v2s_tui.adapters.disk.worker"


def run_child(
    request: Request,
    *,
    progress: StageProgress,
    cancelled: threading.Event,
    on_part: Callable[[Part], None] = lambda _part: None,
) -> dict[str, Any]:
    """The child's result. on_part: called from another thread for each part that is full.

    Raises what the child names, Cancelled, or ToolError when it crashed.
    """
    if cancelled.is_set():
        raise Cancelled("stopped before the work on a disk began")
    done = run_tool(
        [sys.executable, "-P", "-m", _WORKER],
        cancelled=cancelled,
        env={**_MALLOC, "PYTHONPATH": str(Path(v2s_tui.__file__).parents[1])},
        stdin=encode_request(request),
        on_line=lambda line: _note(line, progress, on_part),
        accepted=(0, FAILED_EXIT_CODE),
        hint="the disk process crashed; its last lines tell more",
    )
    return decode_answer(done.stdout)


def _note(line: str, progress: StageProgress, on_part: Callable[[Part], None]) -> None:
    if part := decode_part(line):
        on_part(part)
    if said := decode_progress(line):
        _copy(said, progress)


def _copy(said: Progress, progress: StageProgress) -> None:
    progress.total_bytes = said.total_bytes or progress.total_bytes
    progress.done_bytes = min(said.done_bytes, progress.total_bytes)
    if said.received_bytes:
        progress.moved_bytes = said.received_bytes
        progress.activity = f"{said.received_bytes / 1e6:,.0f} MB received"
    progress.updated = time.monotonic()
