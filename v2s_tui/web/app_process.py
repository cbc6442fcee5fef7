"""One app in a process of its own, spoken to in the packets of Textual's web driver.

A packet is one letter (D screen or keys, M an object about the app, P a file, which v2s does not send), four
bytes of length, most significant first, and the content. Before the first one the app writes a line to say
that it is ready.
"""

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import cast

import orjson

_READY = b"__GANGLION__\n"
_HEADER_BYTES = 5
_GRACE_SECONDS = 8.0
_STDERR_LINES = 12


class AppProcess:
    """Begins with `start`; `frames` gives what to show until it ends, `failure` then says why it failed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._stdin = cast(asyncio.StreamWriter, process.stdin)
        self._stdout = cast(asyncio.StreamReader, process.stdout)
        self._stderr = cast(asyncio.StreamReader, process.stderr)
        self._said: deque[str] = deque(maxlen=_STDERR_LINES)
        self._listener = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, argv: Sequence[str], *, width: int, height: int) -> "AppProcess":
        """Start the app on a screen of that many cells."""
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=app_environment(width, height),
            start_new_session=True,
        )
        return cls(process)

    async def frames(self) -> AsyncIterator[bytes]:
        """Terminal output as it comes; ends when the app does."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionResetError):
            if await self._stdout.readline() == _READY:
                while True:
                    header = await self._stdout.readexactly(_HEADER_BYTES)
                    content = await self._stdout.readexactly(int.from_bytes(header[1:], "big"))
                    if header[:1] == b"D":
                        yield content
        await self._process.wait()
        await self._listener

    @property
    def failure(self) -> str:
        """Its last words where it ended with an error; "" otherwise."""
        return "\n".join(self._said) if self._process.returncode else ""

    async def keys(self, text: str) -> None:
        """Keys as a terminal sends them."""
        await self._send(b"D", text.encode())

    async def tell(self, kind: str, **values: int) -> None:
        """Something about the screen: resize (width, height in cells), focus, blur, quit."""
        await self._send(b"M", orjson.dumps({"type": kind, **values}))

    async def _send(self, letter: bytes, content: bytes) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            self._stdin.write(letter + len(content).to_bytes(4, "big") + content)
            await self._stdin.drain()

    async def _listen(self) -> None:
        async for line in self._stderr:
            self._said.append(line.decode("utf-8", "replace").rstrip())

    async def stop(self) -> None:
        """Let it leave as `q` does, and end it where it does not."""
        if self._process.returncode is not None:
            return
        await self.tell("quit")
        try:
            await asyncio.wait_for(self._process.wait(), _GRACE_SECONDS)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


def app_environment(width: int, height: int, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Ours, with a browser for a terminal: what TERM says here does not count there."""
    kept = {name: value for name, value in environ.items() if name not in {"NO_COLOR", "TMUX", "STY"}}
    return kept | {
        "TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver",
        "TEXTUAL_COLOR_SYSTEM": "truecolor",
        "TERM": "xterm-256color",
        "COLUMNS": str(width),
        "ROWS": str(height),
    }
