"""A qcow2 seen as a raw file: qemu-storage-daemon exports it through FUSE, or NBD where that is missing.

Partition table and ESP are edited through it, so only what changes is written to the overlay. growable=off:
the view has the image's size and keeps it. Source: reference guest.md section 12.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISSOCK
from tempfile import TemporaryDirectory
from typing import IO

from v2s_tui.adapters.guest.block import RawFile
from v2s_tui.adapters.guest.nbd import NbdDevice
from v2s_tui.domain.errors import ToolError
from v2s_tui.system.processes import pasteable, tool_environment

DiskView = RawFile | NbdDevice
_DAEMON = "qemu-storage-daemon"
_EXPORT = "disk"
_START_SECONDS = 60.0
_STOP_SECONDS = 60.0
_LOCKED = '" lock'
"""QEMU's words are `Failed to get "write" lock`."""
_LOCK_SECONDS, _LOCK_LOOK_SECONDS = 20.0, 0.2


@contextmanager
def raw_view(image: Path, *, writable: bool, image_format: str = "qcow2") -> Iterator[DiskView]:
    """The image's content; leaving the block well means that everything is in the image.

    image_format: `qcow2` or `raw`, never guessed from the content. Without FUSE the view has no path, so
    tools that want a file cannot look at it. Raises ToolError.
    """
    if image_format == "raw":
        with RawFile(image, writable=writable) as plain:
            yield plain
        return
    with TemporaryDirectory(prefix="v2s-view-") as folder:
        point, errors = Path(folder, "disk"), Path(folder, "stderr")
        by_fuse = can_use_fuse()
        if by_fuse:
            point.touch(mode=0o600)
        argv = view_argv(image, point, writable=writable, by_fuse=by_fuse)
        process = _exporting(argv, point, errors)
        try:
            with RawFile(point, writable=writable) if by_fuse else NbdDevice(point, _EXPORT) as view:
                yield view
                if writable:
                    view.flush()
            _stop(process, argv, errors)
        finally:
            _make_sure_gone(process, point)


def can_use_fuse() -> bool:
    """Whether this user may make a FUSE mount (as root, or through fusermount3)."""
    may_open = os.access("/dev/fuse", os.R_OK | os.W_OK)
    return may_open and (os.geteuid() == 0 or shutil.which("fusermount3") is not None)


def view_argv(image: Path, point: Path, *, writable: bool, by_fuse: bool = True) -> list[str]:
    """The daemon's command line. Options are JSON, so that no name can be read as an option.

    point: the file that becomes the view, or the socket of the NBD server.
    """
    readonly = not writable
    file_node = {"driver": "file", "node-name": "file0", "filename": str(image), "read-only": readonly}
    disk_node = {"driver": "qcow2", "node-name": "disk0", "file": "file0", "read-only": readonly}
    argv = [_DAEMON, "--blockdev", json.dumps(file_node), "--blockdev", json.dumps(disk_node)]
    export: dict[str, object] = {"id": "view0", "node-name": "disk0", "writable": writable}
    if by_fuse:
        fuse = {"type": "fuse", "mountpoint": str(point), "growable": False, "allow-other": "off"}
        return [*argv, "--export", json.dumps(export | fuse)]
    server = {"addr": {"type": "unix", "path": str(point)}}
    return [
        *argv,
        "--nbd-server",
        json.dumps(server),
        "--export",
        json.dumps(export | {"type": "nbd", "name": _EXPORT}),
    ]


def _exporting(argv: list[str], point: Path, errors: Path) -> subprocess.Popen[bytes]:
    """The daemon with its export in place. An appliance that ended a moment ago may still hold the image's
    lock; that is waited for.
    """
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        with errors.open("wb") as stderr:
            process = _start(argv, stderr)
        try:
            _wait_until_exported(process, point, argv, errors)
        except BaseException as error:
            _make_sure_gone(process, point)
            locked = isinstance(error, ToolError) and _LOCKED in error.stderr_tail
            if not locked or time.monotonic() > deadline:
                raise
            time.sleep(_LOCK_LOOK_SECONDS)
        else:
            return process


def _start(argv: list[str], stderr: IO[bytes]) -> subprocess.Popen[bytes]:
    guard = ["setpriv", "--pdeathsig", "TERM", "--"]
    try:
        return subprocess.Popen(
            [*guard, *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env=tool_environment(),
            start_new_session=True,
        )
    except OSError as error:
        raise _failed(argv, f"cannot be started ({error.strerror})", "", None) from error


def _wait_until_exported(
    process: subprocess.Popen[bytes], point: Path, argv: list[str], errors: Path
) -> None:
    """The placeholder is an ordinary file of no size until the export lies over it; a socket appears."""
    own_device = point.parent.stat().st_dev
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise _failed(argv, "ended early", errors.read_text("utf-8", "replace"), process.returncode)
        with contextlib.suppress(OSError):
            status = point.stat()
            if status.st_dev != own_device or S_ISSOCK(status.st_mode):
                return
        time.sleep(0.02)
    raise _failed(argv, "did not export the image in time", errors.read_text("utf-8", "replace"), None)


def _stop(process: subprocess.Popen[bytes], argv: list[str], errors: Path) -> None:
    """SIGTERM lets the daemon write its tables and unmount."""
    process.send_signal(signal.SIGTERM)
    try:
        code = process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise _failed(argv, "did not end in time", errors.read_text("utf-8", "replace"), None) from error
    if code != 0:
        raise _failed(argv, f"ended with code {code}", errors.read_text("utf-8", "replace"), code)


def _make_sure_gone(process: subprocess.Popen[bytes], point: Path) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if os.path.ismount(point):
        subprocess.run(["fusermount3", "-u", str(point)], check=False, capture_output=True, timeout=20)


def _failed(argv: list[str], what: str, text: str, code: int | None) -> ToolError:
    return ToolError(
        f"{_DAEMON} {what}",
        command=pasteable(argv),
        exit_code=code,
        stderr_tail=text.strip()[-2000:],
        hint="look at what else has the image open"
        if _LOCKED in text
        else "are qemu-system-common and fuse3 installed, and may this user open /dev/fuse?",
    )
