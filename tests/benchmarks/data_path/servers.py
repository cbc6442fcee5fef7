"""Either end of a migration on loopback TLS: an ESXi host that serves one stream, or an S3 that discards.

Each runs as a process of its own, so that its CPU is not counted with the pipelines': `servers.py nfc|s3
FOLDER VMDK MBIT` (0: no cap), address as JSON on standard output, until standard input closes.
"""

import json
import sys
import threading
import time
import xml.sax.saxutils
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from v2s_tui.lab.tls import make_certificate, server_context

CHUNK_BYTES = 256 * 1024
BURST_SECONDS = 0.2


class Pace:
    """A link of that many bytes per second, shared by all who use it (0: endless)."""

    def __init__(self, bytes_per_second: float) -> None:
        self._bytes_per_second = bytes_per_second
        self._free_at = 0.0
        self._lock = threading.Lock()

    def took(self, size_bytes: int) -> None:
        """Wait until that many bytes would have passed."""
        if not self._bytes_per_second:
            return
        with self._lock:
            # A link does not lose what a late sleeper left unused for a moment.
            earliest = time.monotonic() - BURST_SECONDS
            self._free_at = max(earliest, self._free_at) + size_bytes / self._bytes_per_second
            wait_seconds = self._free_at - time.monotonic()
        if wait_seconds > 0:
            time.sleep(wait_seconds)


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    pace: ClassVar[Pace]

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def reply(self, body: bytes = b"", **headers: str) -> None:
        self.send_response(200)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


class NfcHandler(_Quiet):
    """Chunked, as hosts send disks."""

    vmdk: ClassVar[Path]

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with self.vmdk.open("rb") as file:
            while piece := file.read(CHUNK_BYTES):
                self.wfile.write(b"%x\r\n" % len(piece) + piece + b"\r\n")
                self.pace.took(len(piece))
        self.wfile.write(b"0\r\n\r\n")


class S3Handler(_Quiet):
    """Multipart uploads whose parts are counted and forgotten."""

    parts: ClassVar[dict[str, dict[int, int]]] = defaultdict(dict)

    @property
    def _query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query, keep_blank_values=True)

    @property
    def _key(self) -> str:
        return urlsplit(self.path).path

    def do_PUT(self) -> None:
        size_bytes = self._discard()
        number = int(self._query.get("partNumber", ["1"])[0])
        self.parts[self._key][number] = int(self.headers.get("x-amz-decoded-content-length") or size_bytes)
        self.reply(ETag='"discarded"')

    def do_POST(self) -> None:
        self._discard()
        if "uploads" in self._query:
            self.parts[self._key].clear()
            self._xml("InitiateMultipartUploadResult", UploadId="benchmark")
        else:
            self._xml("CompleteMultipartUploadResult", ETag="discarded")

    def do_GET(self) -> None:
        listed = "".join(
            f"<Part><PartNumber>{number}</PartNumber><Size>{size}</Size><ETag>discarded</ETag></Part>"
            for number, size in sorted(self.parts[self._key].items())
        )
        self.reply(f"<ListPartsResult><IsTruncated>false</IsTruncated>{listed}</ListPartsResult>".encode())

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(sum(self.parts[self._key].values())))
        self.send_header("ETag", '"discarded"')
        self.end_headers()

    def _xml(self, name: str, **fields: str) -> None:
        inner = "".join(f"<{key}>{xml.sax.saxutils.escape(text)}</{key}>" for key, text in fields.items())
        self.reply(f"<{name}>{inner}</{name}>".encode(), Content_Type="application/xml")

    def _discard(self) -> int:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self._discard_bytes(int(self.headers.get("Content-Length") or 0))
        total = 0
        while size := int(self.rfile.readline().split(b";")[0], 16):
            total += self._discard_bytes(size)
            self.rfile.readline()
        self.rfile.readline()
        return total

    def _discard_bytes(self, size_bytes: int) -> int:
        left, buffer = size_bytes, memoryview(bytearray(CHUNK_BYTES))
        while left:
            size = self.rfile.readinto(buffer[: min(left, CHUNK_BYTES)])
            if not size:
                raise ConnectionError("the client went away")
            left -= size
            self.pace.took(size)
        return size_bytes


def serve(handler: type[_Quiet], folder: Path, *, mbit: float) -> str:
    """Start a server in threads; returns its address."""

    class Handler(handler):  # type: ignore[misc, valid-type]
        pace = Pace(mbit * 1e6 / 8)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = server_context(make_certificate(folder)).wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"https://127.0.0.1:{server.server_address[1]}"


def main() -> None:
    role, folder, vmdk, mbit = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4])
    NfcHandler.vmdk = vmdk
    address = serve({"nfc": NfcHandler, "s3": S3Handler}[role], folder, mbit=mbit)
    tls = make_certificate(folder)
    print(
        json.dumps({role: address, "thumbprint": tls.thumbprint_sha1, "ca_file": str(tls.ca_file)}),
        flush=True,
    )
    sys.stdin.read()


if __name__ == "__main__":
    main()
