"""Local disk work on tiny real files: evidence (path, size, digest) can be checked as with real ones.

Files are so tiny that of a part's size a MiB is a byte here: `tiny_part_bytes`.
"""

import hashlib
import threading
from dataclasses import dataclass
from pathlib import Path

from fakes.world import World
from v2s_tui.domain.errors import Cancelled, ToolError
from v2s_tui.domain.execution.artifacts import FileEvidence
from v2s_tui.domain.execution.progress import StageProgress
from v2s_tui.domain.ports import DiskStream, PartSink, ReceivedDisk
from v2s_tui.domain.units import MIB

_TOOL = "fake-img 1.0"


def tiny_part_bytes(part_bytes: int) -> int:
    """How long a part of that size is in the fakes' files."""
    return max(1, part_bytes // MIB)


@dataclass
class FakeDisks:
    """free: bytes the work disk says are free. reread: changes what is made of a stream, its size not."""

    world: World
    free: int = 10**15
    reread: str = ""

    def receive(
        self,
        stream: DiskStream,
        target: Path,
        *,
        progress: StageProgress,
        cancelled: threading.Event,
        parts: PartSink | None = None,
    ) -> ReceivedDisk:
        """The content is a function of the stream's address; every full part but the first is announced."""
        self.world.enter("receive", stream.url)
        if cancelled.is_set():
            raise Cancelled("stopped while receiving")
        content = f"qcow2 {stream.url} {'data ' * 8}{self.reread:32} {stream.capacity_bytes}\n".encode()
        target.write_bytes(content)
        if parts is not None:
            step = tiny_part_bytes(parts.part_bytes)
            for number in range(2, len(content) // step + 1):
                parts.part_ready(target, number, (number - 1) * step, step)
        progress.total_bytes = progress.done_bytes = progress.moved_bytes = len(content)
        self.world.leave("receive", stream.url)
        return ReceivedDisk(
            base=self._evidence(target),
            virtual_size_bytes=stream.capacity_bytes,
            received_bytes=len(content),
            data_bytes=len(content),
            stream_sha1=hashlib.sha1(content, usedforsecurity=False).hexdigest(),
        )

    def check(self, path: Path) -> str:
        """Damaged unless it begins with the magic."""
        self.world.enter("check", str(path))
        if not path.exists() or not path.read_bytes().startswith(b"qcow2"):
            raise ToolError(f"{path.name} is damaged", command="check", exit_code=2, stderr_tail="corrupt")
        return _TOOL

    def make_overlay(self, base: Path, overlay: Path, *, virtual_size_bytes: int) -> FileEvidence:
        """Names its base."""
        self.world.enter("make_overlay", str(overlay))
        overlay.write_bytes(f"qcow2 overlay of {base} {virtual_size_bytes}\n".encode())
        return self._evidence(overlay)

    def flatten(
        self,
        overlay: Path,
        target: Path,
        *,
        progress: StageProgress,
        cancelled: threading.Event,
        compact: bool = False,
    ) -> FileEvidence:
        """What the base holds stays where it is; the overlay follows."""
        self.world.enter("flatten", str(target))
        content = overlay.read_bytes()
        base = Path(content.decode().partition("overlay of ")[2].rpartition(" ")[0])
        target.write_bytes((base.read_bytes() if base.is_file() else b"") + content)
        progress.total_bytes = progress.done_bytes = target.stat().st_size
        return self._evidence(target)

    def free_bytes(self, folder: Path) -> int:
        """As told."""
        return self.free

    @staticmethod
    def _evidence(path: Path) -> FileEvidence:
        content = path.read_bytes()
        return FileEvidence(str(path), len(content), hashlib.sha256(content).hexdigest(), _TOOL)
