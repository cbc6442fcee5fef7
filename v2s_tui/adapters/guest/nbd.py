"""A small NBD client over a Unix socket: random access to an image where FUSE is missing.

Source: the NBD protocol (fixed newstyle negotiation, simple replies), NetworkBlockDevice/nbd doc/proto.md.
"""

import socket
import struct
from pathlib import Path
from types import TracebackType
from typing import Self

from v2s_tui.domain.errors import ToolError

_GREETING, _OPTION_MAGIC = b"NBDMAGIC", b"IHAVEOPT"
_REPLY_MAGIC, _REQUEST_MAGIC, _SIMPLE_MAGIC = 0x0003E889045565A9, 0x25609513, 0x67446698
_FIXED_NEWSTYLE, _NO_ZEROES = 1, 2
_OPTION_GO, _REPLY_ACK, _REPLY_INFO = 7, 1, 3
_INFO_EXPORT = 0
_READ, _WRITE, _FLUSH = 0, 1, 3
_MAX_BYTES = 1 << 20
_ANSWER_SECONDS = 60.0


class NbdDevice:
    """An export as a BlockDevice. Use as a context; raises ToolError for anything the server refuses."""

    def __init__(self, path: Path, export: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(_ANSWER_SECONDS)
        self._handle = 0
        try:
            self._socket.connect(str(path))
            self.size_bytes = self._negotiate(export)
        except (OSError, ToolError):
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def read_at(self, offset_bytes: int, length_bytes: int) -> bytes:
        wanted = max(0, min(length_bytes, self.size_bytes - offset_bytes))
        pieces = []
        for position in range(offset_bytes, offset_bytes + wanted, _MAX_BYTES):
            length = min(_MAX_BYTES, offset_bytes + wanted - position)
            self._ask(_READ, position, length)
            pieces.append(self._exactly(length))
        return b"".join(pieces)

    def write_at(self, offset_bytes: int, data: bytes) -> None:
        for start in range(0, len(data), _MAX_BYTES):
            piece = data[start : start + _MAX_BYTES]
            self._ask(_WRITE, offset_bytes + start, len(piece), piece)

    def flush(self) -> None:
        self._ask(_FLUSH, 0, 0)

    def _negotiate(self, export: str) -> int:
        if self._exactly(16) != _GREETING + _OPTION_MAGIC:
            raise _refused("greeting")
        flags = struct.unpack(">H", self._exactly(2))[0]
        self._socket.sendall(struct.pack(">I", flags & (_FIXED_NEWSTYLE | _NO_ZEROES)))
        name = export.encode()
        body = struct.pack(">I", len(name)) + name + struct.pack(">H", 0)
        self._socket.sendall(_OPTION_MAGIC + struct.pack(">II", _OPTION_GO, len(body)) + body)
        size = 0
        while True:
            magic, _, kind, length = struct.unpack(">QIII", self._exactly(20))
            data = self._exactly(length)
            if magic != _REPLY_MAGIC or kind not in {_REPLY_ACK, _REPLY_INFO}:
                raise _refused("export")
            if kind == _REPLY_ACK:
                return size
            if struct.unpack_from(">H", data)[0] == _INFO_EXPORT:
                size = struct.unpack_from(">Q", data, 2)[0]

    def _ask(self, command: int, offset: int, length: int, payload: bytes = b"") -> None:
        self._handle += 1
        head = struct.pack(">IHHQQI", _REQUEST_MAGIC, 0, command, self._handle, offset, length)
        self._socket.sendall(head + payload)
        magic, error, handle = struct.unpack(">IIQ", self._exactly(16))
        if magic != _SIMPLE_MAGIC or handle != self._handle or error:
            raise _refused(f"command {command} at {offset} (error {error})")

    def _exactly(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            piece = self._socket.recv(length - len(data))
            if not piece:
                raise _refused("connection")
            data += piece
        return data


def _refused(what: str) -> ToolError:
    return ToolError(
        f"the block device server refused: {what}",
        command="qemu-storage-daemon",
        exit_code=None,
        stderr_tail="",
    )
