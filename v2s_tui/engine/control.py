"""The runner's Unix socket: everybody who may open it watches; one holder of the write token commands.

The socket file has mode 0600 in a folder of mode 0700; the operator's name is asked of the kernel, not of the
client. The token is taken by the first command, can be taken over, and is free again when its holder leaves.
"""

import asyncio
import contextlib
import os
import socket
import struct
import tempfile
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from v2s_tui.domain.errors import InputError, V2sError
from v2s_tui.domain.execution.events import Actor, Event, event_to_json
from v2s_tui.domain.execution.snapshot import BatchSnapshot
from v2s_tui.engine.attach import user_name
from v2s_tui.engine.commands import Command, command_from_json
from v2s_tui.engine.wire import MAX_LINE_BYTES, Message, decode, delta_message, encode, snapshot_message
from v2s_tui.system.files import make_private_folder

_LONGEST_PATH = 100
"""sun_path holds 107 bytes and a terminating zero; some room is left."""
_SLOW_BYTES = 4 * 1024**2
_GOODBYE_SECONDS = 2.0
_ARRIVAL_CYCLES = 5


def socket_path(state_path: Path) -> Path:
    """Where the runner of a batch listens; the folder is made. Raises OSError.

    Beside the state, or (where that path is too long) in a private folder of the temporary directory. Not in
    `$XDG_RUNTIME_DIR`: that goes when its user's last session ends, and a runner must be reached again after
    the connection that started it was lost. The name holds a digest of the state's path: copies of a work
    folder share batch ids, and a runner must never take the socket of another.
    """
    beside = state_path.parent / "sockets" / _socket_name(state_path)
    if len(str(beside)) > _LONGEST_PATH:
        return spare_socket_path(state_path)
    make_private_folder(beside.parent)
    return beside


def spare_socket_path(state_path: Path) -> Path:
    """In the private folder of the temporary directory: for long paths, and where the state's file system
    takes no sockets (CIFS, some FUSE).
    """
    return make_private_folder(Path(tempfile.gettempdir()) / f"v2s-{os.getuid()}") / _socket_name(state_path)


def _socket_name(state_path: Path) -> str:
    return f"{state_path.stem}-{zlib.crc32(os.fsencode(state_path.absolute())):08x}.sock"


@dataclass(eq=False)
class _Client:
    """One connection. stale: it read too slowly and needs the whole picture again."""

    writer: asyncio.StreamWriter
    actor: Actor
    watching: bool = False
    stale: bool = True


class ControlServer:
    """Serves pictures and takes commands. On the event loop only."""

    def __init__(
        self,
        path: Path,
        *,
        command: Callable[[Command], Awaitable[str]],
        picture: Callable[[], BatchSnapshot],
    ) -> None:
        self.path = path
        self._command = command
        self._picture = picture
        self._clients: set[_Client] = set()
        self._holder: _Client | None = None
        self._server: asyncio.Server | None = None
        self._shown: BatchSnapshot | None = None
        self._seq = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Listen; a socket that a dead runner left is replaced. Raises OSError."""
        self._loop = asyncio.get_running_loop()
        self.path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(
                self._serve, path=str(self.path), limit=MAX_LINE_BYTES
            )
        finally:
            os.umask(before)

    async def close(self) -> None:
        """Say goodbye to everybody and remove the socket."""
        if self._server is None:
            return
        await self._accept_no_more()
        self._server.close()
        clients = list(self._clients)
        for client in clients:
            self._send(client, {"type": "end"})
            client.writer.close()
        await asyncio.gather(*(_closed(client) for client in clients))
        await self._server.wait_closed()
        self.path.unlink(missing_ok=True)

    async def _accept_no_more(self) -> None:
        """Let those become clients who were accepted a moment ago: a server that is closed meanwhile forgets
        their connections, open as they are (CPython, Server._attach).
        """
        for listening in self._server.sockets if self._server else ():
            asyncio.get_running_loop().remove_reader(listening.fileno())
        for _ in range(_ARRIVAL_CYCLES):
            await asyncio.sleep(0)

    def show(self, picture: BatchSnapshot) -> None:
        """A new picture for everybody who watches."""
        if not any(client.watching for client in self._clients):
            self._shown = None
            return
        picture = replace(picture, write_token=self._holder_text())
        before, self._shown = self._shown, picture
        self._seq += 1
        delta = encode(delta_message(before, picture, self._seq)) if before is not None else b""
        for client in self._clients:
            if client.watching:
                self._show_to(client, picture, delta)

    def _show_to(self, client: _Client, picture: BatchSnapshot, delta: bytes) -> None:
        if client.writer.transport.get_write_buffer_size() > _SLOW_BYTES:
            client.stale = True
            return
        if client.stale or not delta:
            client.stale = False
            self._send(client, snapshot_message(picture, self._seq))
        else:
            client.writer.write(delta)

    def tell(self, event: Event) -> None:
        """An event for everybody who watches; may be called from any thread (it is a Listener)."""
        if self._loop is not None and not self._loop.is_closed():
            line = encode({"type": "event", "event": event_to_json(event)})
            self._loop.call_soon_threadsafe(self._tell_watchers, line)

    def _tell_watchers(self, line: bytes) -> None:
        for client in self._clients:
            if client.watching and client.writer.transport.get_write_buffer_size() <= _SLOW_BYTES:
                client.writer.write(line)

    # --- one connection

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        user = _peer_user(writer)
        if user not in {os.geteuid(), 0}:  # its mode keeps others out already; a folder may be changed
            writer.close()
            return
        client = _Client(writer, Actor(user_name(user), "socket"))
        self._clients.add(client)
        try:
            async for line in reader:
                await self._receive(client, decode(line))
        except (ValueError, KeyError, ConnectionError, asyncio.LimitOverrunError):
            writer.close()
        finally:
            self._clients.discard(client)
            if self._holder is client:
                self._holder = None
            writer.close()

    async def _receive(self, client: _Client, message: Message) -> None:
        if message["type"] == "hello":
            client.actor = Actor(client.actor.who, str(message.get("origin", "socket")))
            client.watching = bool(message.get("watch", True))
            if client.watching:
                self._attach(client)
            return
        reply: Message = {"type": "reply", "id": message["id"]}
        try:
            reply |= {"ok": True, "text": await self._answer(client, message)}
        except V2sError as err:
            reply |= {"ok": False, "text": err.title, "hint": err.hint}
        self._send(client, reply)

    def _attach(self, client: _Client) -> None:
        """The whole picture at once, with the number the next delta follows."""
        if self._shown is None:
            self._shown = replace(self._picture(), write_token=self._holder_text())
        client.stale = False
        self._send(client, snapshot_message(self._shown, self._seq))

    async def _answer(self, client: _Client, message: Message) -> str:
        if message["type"] == "take":
            self._take(client, by_force=True)
            return f"{client.actor.who} commands now"
        self._take(client, by_force=False)
        return await self._command(command_from_json({**message["command"], "actor": _plain(client.actor)}))

    def _take(self, client: _Client, *, by_force: bool) -> None:
        if self._holder not in {None, client} and not by_force:
            raise InputError(
                f"{self._holder_text()} commands this batch",
                hint="to command it yourself: w on the Run screen, --take-over in a shell",
            )
        self._holder = client

    def _holder_text(self) -> str:
        return f"{self._holder.actor.who} ({self._holder.actor.origin})" if self._holder else ""

    @staticmethod
    def _send(client: _Client, message: Message) -> None:
        with contextlib.suppress(ConnectionError):
            client.writer.write(encode(message))


async def _closed(client: _Client) -> None:
    """Wait until it has read its goodbye; one that does not read (a suspended terminal) is cut off."""
    with contextlib.suppress(OSError):
        try:
            await asyncio.wait_for(client.writer.wait_closed(), _GOODBYE_SECONDS)
        except TimeoutError:
            client.writer.transport.abort()


def _plain(actor: Actor) -> dict[str, str]:
    return {"who": actor.who, "origin": actor.origin}


def _peer_user(writer: asyncio.StreamWriter) -> int:
    """The id of the OS user at the other end, as the kernel says."""
    connection: socket.socket = writer.get_extra_info("socket")
    size = struct.calcsize("3i")
    _, user, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return int(user)
