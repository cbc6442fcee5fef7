"""The HTTPS side of an export lease: one GET, its server pinned or verified, read into the caller's buffers.

A host has one stream per disk and no Range: whatever breaks, the disk starts again (datapath.md 2.5).
"""

import errno
import hashlib
import http.client
import socket
import ssl
from types import TracebackType
from typing import Any, Protocol
from urllib.parse import urlsplit

from v2s_tui.domain.errors import LeaseFailed, SourceUnreachable

_CONNECT_SECONDS = 30.0
_OK = 200
_KEEP_ALIVE = {socket.TCP_KEEPIDLE: 30, socket.TCP_KEEPINTVL: 15, socket.TCP_KEEPCNT: 6}
"""Two minutes without an answer of the other side's kernel end the connection; and no firewall between
forgets it while the host reads zeros in silence."""


class ByteSource(Protocol):
    """Something that fills buffers until it ends."""

    def read_into(self, buffer: memoryview) -> int:
        """Bytes put into buffer; 0 at the end. Raises LeaseFailed."""
        ...


class Download:
    """An open stream. stall_seconds: the longest silence of the host before we give up.

    Raises SourceUnreachable when there is no trusted connection, LeaseFailed when the host refuses or breaks
    off.
    """

    def __init__(
        self, url: str, *, thumbprint: str, ca_file: str, insecure: bool, stall_seconds: float
    ) -> None:
        parts = urlsplit(url)
        self._host = parts.netloc.rpartition("@")[2]
        self._stall_seconds = stall_seconds
        if parts.scheme != "https":
            raise LeaseFailed(
                f"the export lease offers a disk at an address of kind {parts.scheme!r}",
                hint="ESXi serves disks by https alone; what answers as vCenter may not be one",
            )
        context = _context(thumbprint, ca_file, insecure)
        self._connection = http.client.HTTPSConnection(self._host, timeout=_CONNECT_SECONDS, context=context)
        try:
            self._connect(thumbprint)
            path = f"{parts.path}?{parts.query}" if parts.query else parts.path
            self._answer = self._get(path)
        except BaseException:
            self._connection.close()
            raise

    def read_into(self, buffer: memoryview) -> int:
        """Fill the buffer; fewer bytes only at the end of the stream, 0 when it has ended."""
        try:
            return self._answer.readinto(buffer)
        except TimeoutError as err:
            if err.errno == errno.ETIMEDOUT:
                raise LeaseFailed(
                    f"{self._host} broke the disk stream off: it does not answer any more",
                    hint="is the host or the network path down? the disk is read again from its beginning",
                ) from err
            raise LeaseFailed(
                f"{self._host} sent nothing for {self._stall_seconds:.0f} seconds",
                hint="is the host overloaded or the network path broken? the disk is read again",
            ) from err
        except (OSError, http.client.HTTPException) as err:
            raise LeaseFailed(
                f"{self._host} broke the disk stream off ({str(err) or type(err).__name__})",
                hint="the disk is read again from its beginning",
            ) from err

    def _connect(self, thumbprint: str) -> None:
        try:
            self._connection.connect()
        except (OSError, ssl.SSLError) as err:
            raise SourceUnreachable(
                f"no trusted connection to {self._host} for the disk stream ({err})",
                hint="can this computer reach the ESXi host on that port, and does its certificate verify?",
            ) from err
        if thumbprint:
            self._compare(thumbprint)
        self._connection.sock.settimeout(self._stall_seconds)
        self._connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEP_ALIVE.items():
            self._connection.sock.setsockopt(socket.IPPROTO_TCP, option, value)

    def _compare(self, thumbprint: str) -> None:
        encrypted: Any = self._connection.sock  # an SSLSocket
        certificate = encrypted.getpeercert(binary_form=True) or b""
        wanted = _digits(thumbprint)
        algorithm = "sha256" if len(wanted) == 64 else "sha1"
        seen = hashlib.new(algorithm, certificate, usedforsecurity=False).hexdigest()
        if seen != wanted:
            raise SourceUnreachable(
                f"{self._host} shows another certificate than the export lease named",
                hint="is something between this computer and the ESXi host? its thumbprint is " + seen,
            )

    def _get(self, path: str) -> http.client.HTTPResponse:
        try:
            self._connection.request("GET", path, headers={"Accept-Encoding": "identity"})
            answer = self._connection.getresponse()
        except (OSError, http.client.HTTPException) as err:
            raise LeaseFailed(f"{self._host} did not answer the request for the disk ({err})") from err
        if answer.status != _OK:
            raise LeaseFailed(
                f"{self._host} refused the disk stream: HTTP {answer.status} {answer.reason}",
                hint="did the export lease end meanwhile?",
            )
        return answer

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def __enter__(self) -> "Download":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _context(thumbprint: str, ca_file: str, insecure: bool) -> ssl.SSLContext:
    """A pinned certificate is compared after the handshake, before we send a byte; others must verify."""
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except OSError as err:
        raise SourceUnreachable(f"the certificate authority file {ca_file} cannot be read ({err})") from err
    if thumbprint or insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    # Python 3.13 turns this on; certificates of vCenter's own authority lack extensions it asks for.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _digits(thumbprint: str) -> str:
    return thumbprint.replace(":", "").replace(" ", "").lower()
