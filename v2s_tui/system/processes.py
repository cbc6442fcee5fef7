"""The one gate that spawns processes: a clean environment, cancellation of the whole group, the last lines of
what it said, and a failure that can be pasted into a shell, without secrets.
"""

import contextlib
import ctypes
import os
import shlex
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from v2s_tui.domain.errors import Cancelled, ToolError

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.2
_GRACE_SECONDS = 5.0
_TAIL_LINES = 40
_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "LIBGUESTFS_BACKEND", "LIBGUESTFS_CACHEDIR", "LIBGUESTFS_PATH")
_SECRET_WORDS = ("password", "secret", "token", "passphrase")


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that ended well. stderr_tail: its last lines."""

    stdout: bytes
    stderr_tail: str


def tool_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment tools get: few variables, messages in English, nothing of ours that may be secret."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "LC_ALL": "C.UTF-8", **(extra or {})}


def pasteable(argv: Sequence[str]) -> str:
    """The command as a shell takes it; what follows a word like `password=` is hidden."""
    return shlex.join(_redacted(each) for each in argv)


def _redacted(argument: str) -> str:
    for word in _SECRET_WORDS:
        position = argument.lower().find(f"{word}=")
        if position >= 0:
            return argument[: position + len(word) + 1] + "***"
    return argument


def run_tool(
    argv: Sequence[str],
    *,
    cancelled: threading.Event | None = None,
    timeout_seconds: float | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    on_line: Callable[[str], None] | None = None,
    accepted: Sequence[int] = (0,),
    hint: str = "",
) -> Finished:
    """Run a tool in a process group of its own and wait for it.

    on_line: called with each stderr line (carriage returns end lines too), from another thread. accepted:
    exit codes that mean success.

    Raises Cancelled when the operator cancelled (the whole group is dead by then), ToolError when the tool is
    missing, took too long or ended badly.
    """
    process = _spawn(argv, cwd=cwd, env=env, hint=hint, with_stdin=stdin is not None)
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    output: list[bytes] = []
    readers = [
        threading.Thread(target=_collect, args=(process.stdout, output), daemon=True),
        threading.Thread(target=_listen, args=(process.stderr, tail, on_line), daemon=True),
    ]
    if stdin is not None:
        readers.append(threading.Thread(target=_feed, args=(process.stdin, stdin), daemon=True))
    for reader in readers:
        reader.start()
    ended = False
    try:
        ended = _wait(process, cancelled, timeout_seconds)
    finally:
        if not ended:
            kill_group(process)
        for reader in readers:
            reader.join()
        _close(process)
    if cancelled is not None and cancelled.is_set() and not ended:
        raise Cancelled(f"{Path(argv[0]).name} was stopped")
    stderr_tail = "\n".join(tail)
    if not ended:
        raise ToolError(
            f"{Path(argv[0]).name} took longer than {timeout_seconds:.0f} seconds",
            command=pasteable(argv),
            exit_code=None,
            stderr_tail=stderr_tail,
            hint=hint,
        )
    if process.returncode not in accepted:
        raise ToolError(
            f"{Path(argv[0]).name} {_how_it_ended(process.returncode)}",
            command=pasteable(argv),
            exit_code=process.returncode,
            stderr_tail=stderr_tail,
            hint=hint,
        )
    return Finished(b"".join(output), stderr_tail)


def _how_it_ended(returncode: int) -> str:
    if returncode < 0:
        return f"was killed by {signal.Signals(-returncode).name}"
    return f"ended with exit code {returncode}"


def _spawn(
    argv: Sequence[str],
    *,
    cwd: Path | None,
    env: Mapping[str, str] | None,
    hint: str,
    with_stdin: bool,
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE if with_stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=tool_environment(env),
            start_new_session=True,
        )
    except OSError as err:
        raise ToolError(
            f"{argv[0]} cannot be started ({err.strerror})",
            command=pasteable(argv),
            exit_code=None,
            stderr_tail="",
            hint=hint or "is it installed? `v2s doctor` names the Debian package",
        ) from err


def _wait(
    process: subprocess.Popen[bytes], cancelled: threading.Event | None, timeout_seconds: float | None
) -> bool:
    """True when the process ended by itself; False when it was cancelled or took too long."""
    waited = 0.0
    while True:
        try:
            process.wait(_POLL_SECONDS)
            return True
        except subprocess.TimeoutExpired:
            waited += _POLL_SECONDS
        if cancelled is not None and cancelled.is_set():
            return False
        if timeout_seconds is not None and waited >= timeout_seconds:
            return False


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End the process and all it started: asked first, then killed; returns when the process is dead."""
    for number, patience in ((signal.SIGTERM, _GRACE_SECONDS), (signal.SIGKILL, None)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _collect(stream: IO[bytes] | None, output: list[bytes]) -> None:
    if stream is not None:
        output.append(stream.read())


def _listen(stream: IO[bytes] | None, tail: deque[str], on_line: Callable[[str], None] | None) -> None:
    if stream is None:
        return
    for raw in stream:
        for part in raw.decode("utf-8", "replace").replace("\r", "\n").splitlines():
            if part.strip():
                tail.append(part)
                if on_line is not None:
                    on_line(part)


def _feed(stream: IO[bytes] | None, data: bytes) -> None:
    if stream is not None:
        with contextlib.suppress(BrokenPipeError):
            stream.write(data)
            stream.close()


def _close(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()


def end_with_parent(number: signal.Signals) -> None:
    """Ask the kernel to send us this signal when the process that started us ends, however it ends.

    Raises SystemExit when it has ended already.
    """
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
    if parent == 1 or os.getppid() != parent:
        raise SystemExit(128 + number)


def spawn_detached(argv: Sequence[str], log_path: Path) -> int:
    """Start a process that outlives us: own session, no terminal, our whole environment, output to a file.

    Returns its pid. Raises ToolError when the program is missing, OSError when the log cannot be opened.
    """
    program = shutil.which(argv[0])
    if program is None:
        raise ToolError(
            f"{argv[0]} is not installed", command=pasteable(argv), exit_code=None, stderr_tail=""
        )
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return os.posix_spawn(
            program,
            list(argv),
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setsid=True,
        )
    finally:
        os.close(log)
