"""The child process that moves one disk: `python -m v2s_tui.adapters.disk.worker`, request on stdin.

It lives only as long as its runner, touches one file, and answers in JSON (child_protocol.py).
"""

import ctypes
import errno
import os
import signal
import sys
import time

from v2s_tui.adapters.disk.child_protocol import (
    FAILED_EXIT_CODE,
    ReceiveRequest,
    decode_request,
    encode_failure,
    encode_position,
    encode_received,
)
from v2s_tui.adapters.disk.codec import Mode
from v2s_tui.adapters.disk.download import Download
from v2s_tui.adapters.disk.receive import DiskReceiver, Position, Received
from v2s_tui.adapters.disk.write_back import WriteBack
from v2s_tui.domain.errors import V2sError, WorkDiskFull

_PR_SET_PDEATHSIG = 1
_PROGRESS_SECONDS = 0.25
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def main() -> int:
    """Exit code 0 with a `received` answer, 3 with an `error` answer."""
    die_with_parent()
    request = decode_request(sys.stdin.buffer.read())
    try:
        answer = encode_received(_receive(request))
    except V2sError as err:
        sys.stdout.buffer.write(encode_failure(err))
        return FAILED_EXIT_CODE
    sys.stdout.buffer.write(answer)
    return 0


def die_with_parent() -> None:
    """Ask the kernel to end us when the runner ends, however it ends; it may be gone already."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent or parent == 1:
        raise SystemExit(FAILED_EXIT_CODE)


def _receive(request: ReceiveRequest) -> Received:
    try:
        descriptor = os.open(request.partial_path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            return _receive_into(descriptor, request)
        finally:
            os.close(descriptor)
    except OSError as err:
        if err.errno not in _NO_ROOM:
            raise
        raise WorkDiskFull(
            f"the work folder has no room for the disk ({err.strerror})",
            hint="free space there, or choose another work_dir; the disk is read again from its beginning",
        ) from err


def _receive_into(descriptor: int, request: ReceiveRequest) -> Received:
    write_back = WriteBack(descriptor)
    receiver = DiskReceiver(
        descriptor,
        mode=Mode(request.mode),
        expected_capacity_bytes=request.capacity_bytes,
        threads=request.threads,
        on_position=_Reporter().report,
        on_data_end=write_back.reached if request.sync else lambda _offset: None,
    )
    with Download(
        request.url,
        thumbprint=request.thumbprint,
        ca_file=request.ca_file,
        insecure=request.insecure,
        stall_seconds=request.stall_seconds,
    ) as download:
        received = receiver.receive(download)
    if request.sync:
        os.fdatasync(descriptor)
    return received


class _Reporter:
    """Tells the runner where we are, four times a second at most."""

    def __init__(self) -> None:
        self._next = 0.0

    def report(self, position: Position) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _PROGRESS_SECONDS
            sys.stderr.write(encode_position(position) + "\n")
            sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
