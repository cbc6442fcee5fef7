"""The `Disks` port on this computer: bulk bytes move in a child process per disk, never in the runner."""

import contextlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import v2s_tui
from v2s_tui.adapters.disk.child_protocol import (
    FAILED_EXIT_CODE,
    ReceiveRequest,
    decode_answer,
    decode_position,
)
from v2s_tui.adapters.disk.images import check_image, create_overlay, flatten_argv, tool_version
from v2s_tui.domain.execution.artifacts import FileEvidence
from v2s_tui.domain.execution.progress import StageProgress
from v2s_tui.domain.ports import DiskStream, ReceivedDisk
from v2s_tui.domain.units import MIB
from v2s_tui.system.files import sync_folder
from v2s_tui.system.processes import run_tool

# Blocks of 64 KiB at the top of glibc's heap are given back and faulted in again on every call; with these
# the codec needs 1.3 to 1.75 times less CPU (reference: datapath.md 2.4).
_MALLOC = {
    "MALLOC_TRIM_THRESHOLD_": str(256 * MIB),
    "MALLOC_MMAP_THRESHOLD_": str(256 * MIB),
    "MALLOC_TOP_PAD_": str(64 * MIB),
}
_WORKER = "v2s_tui.adapters.disk.worker"


class LocalDisks:
    """Disk work in a local folder.

    mode: `w12`, `pass` or `plain` (codec.py). stall_seconds: silence of a host that ends its stream. threads:
    of each disk's codec (None: as many as cores). sync: a finished disk survives a power loss.
    """

    def __init__(
        self,
        *,
        mode: str = "w12",
        stall_seconds: float = 120.0,
        threads: int | None = None,
        sync: bool = True,
    ) -> None:
        self._mode = mode
        self._stall_seconds = stall_seconds
        self._threads = threads or max(2, len(os.sched_getaffinity(0)))
        self._sync = sync

    def receive(
        self, stream: DiskStream, target: Path, *, progress: StageProgress, cancelled: threading.Event
    ) -> ReceivedDisk:
        """Read the whole stream into a new qcow2 at target; nothing is left there when it fails.

        progress counts virtual bytes of the disk up to the highest grain received: its total is known, the
        length of the stream is not. Raises LeaseFailed, SourceUnreachable, WorkDiskFull, Cancelled or
        ToolError.
        """
        progress.total_bytes = stream.capacity_bytes
        with _completed_file(target) as partial:
            request = self._request(stream, partial)
            done = run_tool(
                [sys.executable, "-P", "-m", _WORKER],
                cancelled=cancelled,
                env=_child_environment(),
                stdin=request.encoded(),
                on_line=lambda line: _note_position(line, progress),
                accepted=(0, FAILED_EXIT_CODE),
                hint="the disk process crashed; its last lines tell more",
            )
            received = decode_answer(done.stdout)
        progress.done_bytes = progress.total_bytes = received.virtual_size_bytes
        return ReceivedDisk(
            base=FileEvidence(str(target), received.size_bytes, tool=f"v2s {self._mode}"),
            virtual_size_bytes=received.virtual_size_bytes,
            received_bytes=received.received_bytes,
            data_bytes=received.data_bytes,
            stream_sha1=received.stream_sha1,
        )

    def check(self, path: Path) -> str:
        """`qemu-img check`; returns the tool's version, raises ToolError when the image is damaged."""
        return check_image(path)

    def make_overlay(self, base: Path, overlay: Path, *, virtual_size_bytes: int) -> FileEvidence:
        """A new qcow2 whose backing file is base; it may be larger than its base."""
        # A name without folder is looked up beside the overlay: the work folder can be moved.
        name = Path(base.name) if base.parent == overlay.parent else base.absolute()
        create_overlay(name, overlay, virtual_size_bytes=virtual_size_bytes)
        return FileEvidence(str(overlay), overlay.stat().st_size, tool=tool_version())

    def flatten(
        self, overlay: Path, target: Path, *, progress: StageProgress, cancelled: threading.Event
    ) -> FileEvidence:
        """One self-contained qcow2 (zlib clusters, no backing file) of an overlay and its base."""
        progress.activity = f"flattening {overlay.name}"
        with _completed_file(target) as partial:
            run_tool(flatten_argv(overlay, partial), cancelled=cancelled)
        return FileEvidence(str(target), target.stat().st_size, tool=tool_version())

    def free_bytes(self, folder: Path) -> int:
        """Bytes this user may still write in the folder's file system."""
        return shutil.disk_usage(folder).free

    def _request(self, stream: DiskStream, partial: Path) -> ReceiveRequest:
        return ReceiveRequest(
            url=stream.url,
            thumbprint=stream.thumbprint,
            ca_file=stream.ca_file,
            insecure=stream.insecure,
            capacity_bytes=stream.capacity_bytes,
            partial_path=str(partial),
            mode=self._mode,
            stall_seconds=self._stall_seconds,
            threads=self._threads,
            sync=self._sync,
        )


@contextmanager
def _completed_file(target: Path) -> Iterator[Path]:
    """A neighbour to write to; it becomes target when the block succeeds and is gone when it fails."""
    partial = target.with_name(f".{target.name}.partial")
    try:
        yield partial
        partial.replace(target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            partial.unlink()
    sync_folder(target.parent)


def _child_environment() -> dict[str, str]:
    return {**_MALLOC, "PYTHONPATH": str(Path(v2s_tui.__file__).parents[1])}


def _note_position(line: str, progress: StageProgress) -> None:
    position = decode_position(line)
    if position is not None:
        progress.total_bytes = position.virtual_size_bytes or progress.total_bytes
        progress.done_bytes = position.covered_bytes
        progress.activity = f"{position.received_bytes / 1e6:,.0f} MB received"
        progress.updated = time.monotonic()
