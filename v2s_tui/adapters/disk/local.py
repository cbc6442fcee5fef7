"""The `Disks` port on this computer: bulk bytes move in a child process per disk, never in the runner."""

import contextlib
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from v2s_tui.adapters.disk.child import run_child
from v2s_tui.adapters.disk.child_protocol import FlattenRequest, ReceiveRequest
from v2s_tui.adapters.disk.images import check_image, create_overlay, tool_version
from v2s_tui.adapters.disk.manifest import manifest_path
from v2s_tui.adapters.disk.qcow2_reader import Qcow2Image
from v2s_tui.domain.errors import ToolError
from v2s_tui.domain.execution.artifacts import FileEvidence
from v2s_tui.domain.execution.progress import StageProgress
from v2s_tui.domain.ports import DiskStream, PartSink, ReceivedDisk
from v2s_tui.domain.units import MIB
from v2s_tui.system.files import sync_folder

_ZEROS_READ_PER_SECOND = 100 * MIB
"""Of a host with slow storage."""


class LocalDisks:
    """Disk work in a local folder.

    mode: `w12`, `pass` or `plain` (codec.py). stall_seconds: silence of a host that ends its stream; of a
    large disk it may be silent for as long as it takes to read the disk, because it says nothing of zeros,
    and a thick disk may be full of them. threads: of each disk's codec (None: as many as cores). sync: a
    finished disk survives a power loss. layered: flattened images refer to their base instead of holding a
    copy; whoever reads them must open them with system/layered_file.py.
    """

    def __init__(
        self,
        *,
        mode: str = "w12",
        stall_seconds: float = 120.0,
        threads: int | None = None,
        sync: bool = True,
        layered: bool = False,
    ) -> None:
        self._mode = mode
        self._stall_seconds = stall_seconds
        self._threads = threads or max(2, len(os.sched_getaffinity(0)))
        self._sync = sync
        self._layered = layered

    def receive(
        self,
        stream: DiskStream,
        target: Path,
        *,
        progress: StageProgress,
        cancelled: threading.Event,
        parts: PartSink | None = None,
    ) -> ReceivedDisk:
        """Read the whole stream into a new qcow2 at target; nothing is left there when it fails.

        Beside it stands a manifest with the digest of every cluster (manifest.py). parts: gets each part of
        the file that is full while the rest arrives; they are true of what flatten makes of the disk, too,
        unless it compacts.

        progress counts virtual bytes of the disk up to the highest grain received: its total is known, the
        length of the stream is not; its moved_bytes are those of the stream. Raises LeaseFailed,
        SourceUnreachable, WorkDiskFull, Cancelled or ToolError.
        """
        progress.total_bytes = stream.capacity_bytes
        with _completed_file(target) as partial, _completed_file(manifest_path(target)) as manifest:
            request = self._request(stream, partial, manifest, parts)
            received = run_child(
                request,
                progress=progress,
                cancelled=cancelled,
                on_part=lambda part: parts.part_ready(partial, *part) if parts else None,
            )
        progress.done_bytes = progress.total_bytes = received["virtual_size_bytes"]
        progress.moved_bytes = received["received_bytes"]
        return ReceivedDisk(
            base=FileEvidence(str(target), received["size_bytes"], tool=f"v2s {self._mode}"),
            virtual_size_bytes=received["virtual_size_bytes"],
            received_bytes=received["received_bytes"],
            data_bytes=received["data_bytes"],
            stream_sha1=received["stream_sha1"],
            manifest_path=str(manifest_path(target)),
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
        self,
        overlay: Path,
        target: Path,
        *,
        progress: StageProgress,
        cancelled: threading.Event,
        compact: bool = False,
    ) -> FileEvidence:
        """One self-contained qcow2 (zlib clusters, no backing file) of an overlay and its base.

        The data of the base stands in it byte for byte, or, with compact, without what the overlay replaced
        or trimmed; only what the overlay changed is compressed. Beside it stands a manifest when the base has
        one. Layered images must lie in the folder of their base.
        """
        with ExitStack() as files:
            partial = files.enter_context(_completed_file(target))
            manifest = None
            if _has_manifest(overlay):
                manifest = files.enter_context(_completed_file(manifest_path(target)))
            request = FlattenRequest(
                overlay_path=str(overlay),
                partial_path=str(partial),
                threads=self._threads,
                sync=self._sync,
                layered=self._layered,
                compact=compact,
                manifest_path=str(manifest) if manifest else "",
            )
            made = run_child(request, progress=progress, cancelled=cancelled)
        progress.done_bytes = progress.total_bytes = made["size_bytes"]
        return FileEvidence(str(target), made["size_bytes"], tool="v2s flatten")

    def free_bytes(self, folder: Path) -> int:
        """Bytes this user may still write in the folder's file system."""
        return shutil.disk_usage(folder).free

    def _request(
        self, stream: DiskStream, partial: Path, manifest: Path, parts: PartSink | None
    ) -> ReceiveRequest:
        return ReceiveRequest(
            url=stream.url,
            thumbprint=stream.thumbprint,
            ca_file=stream.ca_file,
            insecure=stream.insecure,
            capacity_bytes=stream.capacity_bytes,
            partial_path=str(partial),
            mode=self._mode,
            stall_seconds=max(self._stall_seconds, stream.capacity_bytes / _ZEROS_READ_PER_SECOND),
            threads=self._threads,
            sync=self._sync,
            part_bytes=parts.part_bytes if parts else 0,
            room_bytes=parts.room_bytes if parts else 0,
            manifest_path=str(manifest),
        )


def _has_manifest(overlay: Path) -> bool:
    """True when the base of an overlay has one; what is wrong with an overlay is told by its reader."""
    try:
        with Qcow2Image(overlay) as image:
            base = image.backing_path
    except (OSError, ToolError):
        return False
    return base is not None and manifest_path(base).exists()


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
