"""The other end of the runner's socket, for the app (asyncio) and for the command line (blocking).

Where no runner lives, the state file gives a picture that does not move: `picture_of(read_batch(path), now)`.
"""

import asyncio
import contextlib
import os
import pwd
import socket
from collections import deque
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from v2s_tui.domain.errors import InputError, StateError
from v2s_tui.domain.execution.events import Event, event_from_json
from v2s_tui.domain.execution.snapshot import BatchSnapshot
from v2s_tui.engine.wire import MAX_LINE_BYTES, Message, PictureReader, decode, encode
from v2s_tui.system.locks import LockOwner, is_locked, lock_path, read_owner

_PATIENCE_SECONDS = 30.0
"""A runner that works sends ten pictures a second."""
_EVENTS_KEPT = 500


def living_runner(state_path: Path) -> LockOwner | None:
    """The process that works on the batch now; None when there is none."""
    lock = lock_path(state_path)
    return read_owner(lock) if is_locked(lock) else None


def terminal_name() -> str:
    """`pts/3`, for the record of who did what; "no terminal" without one."""
    for descriptor in (0, 1, 2):
        with contextlib.suppress(OSError):
            return os.ttyname(descriptor).removeprefix("/dev/")
    return "no terminal"


def user_name(user: int | None = None) -> str:
    """Of this process, or of the user with that number: the number itself where no name is known (a
    container).
    """
    number = os.getuid() if user is None else user
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _socket_of(state_path: Path) -> str:
    owner = living_runner(state_path)
    if owner is None:
        raise StateError(f"no runner works on {state_path.name}", hint="`v2s batch resume` starts one")
    if not owner.socket:
        raise StateError(
            f"process {owner.pid} on {owner.host} works on {state_path.name} without a socket",
            hint="wait until it has ended",
        )
    return owner.socket


def _text(reply: Message) -> str:
    if not reply["ok"]:
        raise InputError(reply["text"], hint=reply.get("hint", ""))
    return str(reply["text"])


class RunnerClient:
    """Asyncio client.

    picture: always the newest one. events: the last things that happened since we attached, oldest first.
    closed: set when the runner has gone.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._pictures = PictureReader()
        self._changed = asyncio.Event()
        self._replies: dict[int, asyncio.Future[Message]] = {}
        self._last_id = 0
        self.events: deque[Event] = deque(maxlen=_EVENTS_KEPT)
        self.closed = asyncio.Event()
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def connect(cls, state_path: Path, *, origin: str = "app") -> "RunnerClient":
        """Attach to the runner of a batch and wait for its first picture.

        Raises StateError when no runner works on it, or when it does not say anything.
        """
        path = _socket_of(state_path)
        try:
            reader, writer = await asyncio.open_unix_connection(path, limit=MAX_LINE_BYTES)
        except OSError as err:
            raise StateError(f"the runner of {state_path.name} does not answer ({err.strerror})") from err
        client = cls(reader, writer)
        writer.write(encode({"type": "hello", "origin": f"{origin} on {terminal_name()}", "watch": True}))
        try:
            await asyncio.wait_for(client._next_change(), _PATIENCE_SECONDS)
        except TimeoutError:
            await client.close()
            raise _silent() from None
        return client

    @property
    def picture(self) -> BatchSnapshot:
        """The newest picture. Raises StateError when the runner left before it sent any."""
        if self._pictures.picture is None:
            raise StateError("the runner left before it showed anything", hint="look at `v2s batch status`")
        return self._pictures.picture

    async def snapshots(self) -> AsyncIterator[BatchSnapshot]:
        """Pictures as they come, the current one first, until the runner ends. A slow reader misses some."""
        while True:
            yield self.picture
            await self._next_change()
            if self.closed.is_set():
                yield self.picture
                return

    async def send(self, name: str, **fields: Any) -> str:
        """Send a command (commands.py); returns what was done. Raises InputError when it is refused."""
        return await self._ask({"type": "command", "command": {"name": name, **fields}})

    async def take_over(self) -> str:
        """Take the write token, whoever holds it."""
        return await self._ask({"type": "take"})

    async def close(self) -> None:
        """Detach; the batch goes on."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()
        self._listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._listening

    async def _ask(self, message: Message) -> str:
        self._last_id += 1
        reply = self._replies[self._last_id] = asyncio.get_running_loop().create_future()
        self._writer.write(encode({**message, "id": self._last_id}))
        return _text(await asyncio.wait_for(reply, _PATIENCE_SECONDS))

    async def _next_change(self) -> None:
        self._changed.clear()
        if not self.closed.is_set():
            await self._changed.wait()

    async def _listen(self) -> None:
        try:
            async for line in self._reader:
                self._receive(decode(line))
        except (ConnectionError, ValueError, StateError):
            self._writer.close()
        finally:
            self.closed.set()
            self._changed.set()
            for reply in self._replies.values():
                if not reply.done():
                    reply.set_result({"ok": False, "text": "the runner has left"})

    def _receive(self, message: Message) -> None:
        if message["type"] == "reply":
            reply = self._replies.pop(message["id"], None)
            if reply is not None and not reply.done():
                reply.set_result(message)
        elif message["type"] == "event":
            self.events.append(event_from_json(message["event"]))
        elif self._pictures.read(message):
            self._changed.set()


class BlockingRunnerClient:
    """The same for plain code: one command, or watching line by line."""

    def __init__(self, state_path: Path, *, origin: str, watch: bool = False) -> None:
        """Connect. Raises StateError when no runner works on the batch."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(_PATIENCE_SECONDS)
        try:
            self._socket.connect(_socket_of(state_path))
        except OSError as err:
            self._socket.close()
            raise StateError(f"the runner of {state_path.name} does not answer ({err.strerror})") from err
        except StateError:
            self._socket.close()
            raise
        self._lines = self._socket.makefile("rb")
        self._last_id = 0
        self._pictures = PictureReader()
        try:
            self._send({"type": "hello", "origin": f"{origin} on {terminal_name()}", "watch": watch})
        except StateError:
            self.close()
            raise

    def send(self, name: str, *, take_over: bool = False, **fields: Any) -> str:
        """Send a command; returns what was done. take_over: even when somebody else holds the write token.

        Raises InputError when it is refused, StateError when the runner leaves before it answers.
        """
        if take_over:
            self._ask({"type": "take"})
        return self._ask({"type": "command", "command": {"name": name, **fields}})

    def snapshots(self) -> Iterator[BatchSnapshot]:
        """Every picture until the runner ends; needs `watch`. Raises StateError when none comes any more."""
        if self._pictures.picture is not None:
            yield self._pictures.picture
        while line := self._next_line():
            if self._pictures.read(decode(line)) and self._pictures.picture is not None:
                yield self._pictures.picture

    def _next_line(self) -> bytes:
        """b"" once the runner has gone."""
        try:
            return self._lines.readline()
        except ConnectionError:
            return b""
        except TimeoutError as err:
            raise _silent() from err

    def close(self) -> None:
        """Detach; the batch goes on."""
        self._lines.close()
        self._socket.close()

    def _ask(self, request: Message) -> str:
        self._last_id += 1
        self._send({**request, "id": self._last_id})
        while line := self._next_line():
            message = decode(line)
            if message["type"] == "reply" and message["id"] == self._last_id:
                return _text(message)
            self._pictures.read(message)
        raise _left()

    def _send(self, message: Message) -> None:
        try:
            self._socket.sendall(encode(message))
        except OSError as err:
            raise _left() from err


def _silent() -> StateError:
    return StateError("the runner does not answer", hint="is its process suspended? `fg`, or kill -CONT")


def _left() -> StateError:
    return StateError("the runner left before it answered", hint="look at `v2s batch status`")
