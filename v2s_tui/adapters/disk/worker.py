"""The child process that moves one disk: `python -m v2s_tui.adapters.disk.worker`, request on stdin.

It lives only as long as its runner, writes one file, and answers in JSON (child_protocol.py).
"""

import errno
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from v2s_tui.adapters.disk.child_protocol import (
    FAILED_EXIT_CODE,
    FlattenRequest,
    Progress,
    ReceiveRequest,
    Request,
    decode_request,
    encode_answer,
    encode_failure,
    encode_part,
    encode_progress,
)
from v2s_tui.adapters.disk.codec import Mode
from v2s_tui.adapters.disk.download import Download
from v2s_tui.adapters.disk.flatten import flatten_image
from v2s_tui.adapters.disk.image_error import unusable
from v2s_tui.adapters.disk.part_plan import FullParts, Part
from v2s_tui.adapters.disk.receive import DiskReceiver, Position
from v2s_tui.adapters.disk.room import Room
from v2s_tui.adapters.disk.write_back import WriteBack
from v2s_tui.domain.errors import V2sError, WorkDiskFull
from v2s_tui.system.processes import end_with_parent

_PROGRESS_SECONDS = 0.25
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def main() -> int:
    """Exit code 0 with a `result` answer, 3 with an `error` answer."""
    end_with_parent(signal.SIGKILL)
    request = decode_request(sys.stdin.buffer.read())
    try:
        answer = encode_answer(_run(request))
    except V2sError as err:
        sys.stdout.buffer.write(encode_failure(err))
        return FAILED_EXIT_CODE
    sys.stdout.buffer.write(answer)
    return 0


def _run(request: Request) -> dict[str, Any]:
    try:
        with ExitStack() as opened:
            image = opened.enter_context(_created(request.partial_path))
            manifest = (
                opened.enter_context(_created(request.manifest_path)) if request.manifest_path else None
            )
            result = _write(image.fileno(), manifest, request)
            if request.sync:
                for file in (manifest, image):
                    _sync(file)
            return result
    except OSError as err:
        raise _named(err, Path(request.partial_path)) from err


def _created(path: str) -> BinaryIO:
    return open(path, "w+b", opener=lambda name, flags: os.open(name, flags, 0o600))


def _sync(file: BinaryIO | None) -> None:
    if file is not None:
        file.flush()
        os.fdatasync(file.fileno())


def _named(err: OSError, target: Path) -> V2sError:
    if err.errno in _NO_ROOM:
        return WorkDiskFull(
            f"the work folder has no room for {target.name} ({err.strerror})",
            hint="free space there, or choose another work_dir, then retry",
        )
    return unusable(
        f"cannot write {target.name}: {err}",
        hint="is the work folder there, writable, and its disk healthy?",
    )


def _write(descriptor: int, manifest: BinaryIO | None, request: Request) -> dict[str, Any]:
    report = _Reporter().report
    if isinstance(request, FlattenRequest):
        size_bytes = flatten_image(
            Path(request.overlay_path),
            descriptor,
            threads=request.threads,
            layered=request.layered,
            compact=request.compact,
            manifest=manifest,
            on_bytes=lambda done, total: report(Progress(done, total)),
        )
        return {"size_bytes": size_bytes}
    return _receive(descriptor, manifest, request, report)


def _receive(
    descriptor: int,
    manifest: BinaryIO | None,
    request: ReceiveRequest,
    report: Callable[[Progress], None],
) -> dict[str, Any]:
    def on_position(position: Position) -> None:
        report(Progress(position.covered_bytes, position.virtual_size_bytes, position.received_bytes))

    watchers = _watchers(descriptor, request)

    def on_data_end(offset: int) -> None:
        for reached in watchers:
            reached(offset)

    receiver = DiskReceiver(
        descriptor,
        mode=Mode(request.mode),
        expected_capacity_bytes=request.capacity_bytes,
        threads=request.threads,
        manifest=manifest,
        on_position=on_position,
        on_data_end=on_data_end,
    )
    with Download(
        request.url,
        thumbprint=request.thumbprint,
        ca_file=request.ca_file,
        insecure=request.insecure,
        stall_seconds=request.stall_seconds,
    ) as download:
        return asdict(receiver.receive(download))


def _watchers(descriptor: int, request: ReceiveRequest) -> list[Callable[[int], None]]:
    """Who wants to know how far the file's data has come."""
    found: list[Callable[[int], None]] = []
    if request.part_bytes:
        found.append(FullParts(request.part_bytes, _announce).reached)
    if request.room_bytes:
        found.append(Room(descriptor, request.room_bytes).reached)
    elif request.sync:
        found.append(WriteBack(descriptor).reached)
    return found


def _announce(part: Part) -> None:
    _say(encode_part(part))


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


class _Reporter:
    """Tells the runner where we are, four times a second at most."""

    def __init__(self) -> None:
        self._next = 0.0

    def report(self, progress: Progress) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _PROGRESS_SECONDS
            _say(encode_progress(progress))


if __name__ == "__main__":
    sys.exit(main())
