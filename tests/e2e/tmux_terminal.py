"""The app in a real terminal: a tmux of its own, driven by keys, read as an operator reads it."""

import os
import shlex
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PROMPT = "ready>"


class Terminal:
    """One tmux session with a shell in it: the app draws on stderr, which must be the terminal."""

    def __init__(self, server: str) -> None:
        self._server = server

    def _tmux(self, *arguments: str) -> str:
        argv = ["tmux", "-L", self._server, *arguments]
        return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=30).stdout

    def keys(self, *keys: str) -> None:
        """Press them (tmux's names: Enter, Escape, C-o; else text)."""
        for key in keys:
            self._tmux("send-keys", "-t", "main", key)
            time.sleep(0.15)

    def type(self, text: str) -> None:
        """Type this text as it is."""
        self._tmux("send-keys", "-t", "main", "-l", text)
        time.sleep(0.3)

    @property
    def screen(self) -> str:
        """What the terminal shows now."""
        return self._tmux("capture-pane", "-t", "main", "-p")

    def wait_until(self, seen: Callable[[], bool], *, what: str = "a change", seconds: float = 30) -> None:
        """Until that is seen; fails with what the terminal shows instead."""
        deadline = time.monotonic() + seconds
        while not seen():
            assert time.monotonic() < deadline, f"never saw {what} in:\n{self.screen}"
            time.sleep(0.1)

    def wait_for(self, *words: str, seconds: float = 60) -> str:
        """The screen as soon as it shows all of these words."""
        shown = ""

        def seen() -> bool:
            nonlocal shown
            shown = self.screen
            return all(word in shown for word in words)

        self.wait_until(seen, what=str(words), seconds=seconds)
        return shown

    def wait_for_shell(self) -> None:
        """Until the app has left and the shell asks again."""
        self.wait_until(lambda: self.screen.rstrip().rpartition("\n")[2] == PROMPT, what="the shell")

    def command(self, argv: list[str], environ: Mapping[str, str]) -> None:
        """Type a command into the shell."""
        given = " ".join(f"{name}={shlex.quote(value)}" for name, value in environ.items())
        self.type(f"{given} {shlex.join(argv)}")
        self.keys("Enter")


@contextmanager
def terminal(folder: Path, *, width: int = 100, height: int = 30) -> Iterator[Terminal]:
    """A terminal until the block ends. folder: where the shell starts."""
    server = f"v2s-{uuid.uuid4().hex[:8]}"
    argv = ["tmux", "-L", server, "-f", "/dev/null", "new-session", "-d", "-s", "main"]
    argv += ["-x", str(width), "-y", str(height), f"env PS1='{PROMPT} ' bash --noprofile --norc"]
    environ = {**os.environ, "TERM": "xterm-256color"}
    environ.pop("TMUX", None)
    subprocess.run(argv, check=True, cwd=folder, env=environ, timeout=30)
    try:
        yield Terminal(server)
    finally:
        subprocess.run(["tmux", "-L", server, "kill-server"], check=False, timeout=30)


def start_plan(shell: Terminal) -> None:
    """On the Run screen: n asks; the question has Cancel in focus. Quotas may still be asked for: n again."""
    for _ in range(20):
        shell.keys("n")
        try:
            shell.wait_for("Start this plan?", seconds=3)
            break
        except AssertionError:
            continue
    shell.keys("Right", "Enter")
