"""This host as stages see it: time, local disk work, the way to a target."""

import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from v2s_tui.domain.execution.artifacts import FileEvidence
from v2s_tui.domain.execution.progress import StageProgress
from v2s_tui.domain.planning.reachability import Probe
from v2s_tui.domain.ports.source import DiskStream


class Clock(Protocol):
    """Time, so that tests can hold it still."""

    def now(self) -> datetime:
        """Current time, timezone aware (UTC)."""
        ...

    def monotonic(self) -> float:
        """Seconds that only go forward."""
        ...


@dataclass(frozen=True, slots=True)
class ReceivedDisk:
    """A stream that became a local qcow2. received_bytes: of the stream. data_bytes: virtual bytes with
    content.

    stream_sha1: hex digest of the stream as received. manifest_path: per-cluster digests ("" none).
    """

    base: FileEvidence
    virtual_size_bytes: int
    received_bytes: int
    data_bytes: int
    stream_sha1: str
    manifest_path: str = ""


class PartSink(Protocol):
    """Takes parts of an image that is still being received; made by whoever knows Object Storage.

    part_bytes: size of every part, chosen by domain/execution/part_size.py. room_bytes: most of the file that
    may be on the disk at one time, because parts are freed as they arrive; 0: they stay.
    """

    part_bytes: int
    room_bytes: int

    def part_ready(self, path: Path, number: int, offset: int, size_bytes: int) -> None:
        """These bytes of the file are final. The file will be renamed: open it now, or never.

        Called from a thread that listens to the receiver: it must return at once and never raise. What is
        not sent now is sent by the upload that follows, which compares all parts the server has with the
        finished image.
        """
        ...


class Disks(Protocol):
    """Local disk work. Errors: LeaseFailed (broken stream), ToolError, WorkDiskFull, Cancelled."""

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

        parts: gets each part of the file that is full while the rest arrives; they are true of what flatten
        makes of the disk, too, unless it compacts.
        """
        ...

    def check(self, path: Path) -> str:
        """`qemu-img check`; returns the tool's version, raises ToolError when the image is damaged."""
        ...

    def make_overlay(self, base: Path, overlay: Path, *, virtual_size_bytes: int) -> FileEvidence:
        """A new qcow2 whose backing file is base; it may be larger than its base."""
        ...

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

        compact: without what the overlay replaced or trimmed; no part of the base is true of it then.
        """
        ...

    def free_bytes(self, folder: Path) -> int: ...


class Prober(Protocol):
    """Whether a machine answers this host. Raises nothing: what went wrong is the answer."""

    def probe(self, address: str, probe: Probe, *, timeout_seconds: float) -> str:
        """ "" when it answers, else why not in a few words."""
        ...
