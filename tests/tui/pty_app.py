"""An app in a process of its own on a pseudo terminal: send a key, wait for the frame that shows the result.

The terminal here says that it knows synchronized output (mode 2026), so the app marks where each frame ends.
"""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

QUIET_SECONDS = 0.25
BUSY_SECONDS = 0.01
"""CPU within QUIET_SECONDS above which an app without output is still at work."""
_QUERY, _ANSWER = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
_FRAME_END = b"\x1b[?2026l"


@dataclass(frozen=True, slots=True)
class Painted:
    """wall_seconds: from the key to the last byte of the last frame. cpu_seconds: of all its threads."""

    wall_seconds: float
    cpu_seconds: float
    bytes_written: int


class PtyApp:
    """Use as a context: the app is started on entry and killed on exit."""

    def __init__(self, argv: Sequence[str], *, columns: int, rows: int, environ: dict[str, str]) -> None:
        self._argv = argv
        self._size = struct.pack("HHHH", rows, columns, 0, 0)
        self._environ = environ

    def __enter__(self) -> "PtyApp":
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, self._size)
        self._began = time.perf_counter()
        self._process = subprocess.Popen(
            self._argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, env=self._environ
        )
        os.close(slave)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def first(self, marker: bytes) -> Painted:
        """Until this text is on the screen: since the process was started, its own start included."""
        count, seen = 0, b""
        while marker not in seen:
            chunk = os.read(self._master, 65536)
            count += len(chunk)
            seen = seen[-len(marker) :] + chunk
        return Painted(time.perf_counter() - self._began, self._cpu_seconds(), count)

    def press(self, text: str) -> Painted:
        """Write the key's bytes and wait until the app has painted everything and rests."""
        cpu, began = self._cpu_seconds(), time.perf_counter()
        os.write(self._master, text.encode())
        ended, count = self.rest(began)
        return Painted(ended - began, self._cpu_seconds() - cpu, count)

    def rest(self, began: float) -> tuple[float, int]:
        """Until neither output nor work comes: when the last frame ended, and bytes read since."""
        ended, count, pending = began, 0, b""
        cpu = self._cpu_seconds()
        while True:
            ready, _, _ = select.select([self._master], [], [], QUIET_SECONDS)
            now = time.perf_counter()
            if not ready:
                before, cpu = cpu, self._cpu_seconds()
                if cpu - before < BUSY_SECONDS:
                    return ended, count
                continue
            chunk = os.read(self._master, 65536)
            count += len(chunk)
            pending = pending[-len(_FRAME_END) :] + chunk
            if _QUERY in pending:
                os.write(self._master, _ANSWER)
            if _FRAME_END in pending:
                ended = now
                pending = pending[pending.rindex(_FRAME_END) + len(_FRAME_END) :]

    def _cpu_seconds(self) -> float:
        """Of every thread that lives, in nanosecond steps."""
        folder = Path(f"/proc/{self._process.pid}/task")
        return sum(int(each.read_text().split()[0]) for each in folder.glob("*/schedstat")) / 1e9
