"""How the lab itself looks into buckets: Swift's own API with an internal token, never a client's key."""

import http.client
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from v2s_tui.lab.objectstorage.configuration import ACCOUNT

_CHUNK_BYTES = 1 << 20
_TIMEOUT_SECONDS = 60


class NoSuchObjectError(LookupError):
    """The bucket or the object does not exist."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload in progress."""

    bucket: str
    key: str
    upload_id: str


class BucketReader:
    """Reads and writes as the platform does, in all buckets. Each call makes its own connection."""

    def __init__(self, *, host: str, port: int, ca_file: Path, token: str, region: str) -> None:
        self._host = host
        self._port = port
        self._ca_file = ca_file
        self._token = token
        self.region = region

    def size_bytes(self, bucket: str, key: str) -> int:
        """Size of an object. Raises NoSuchObjectError."""
        with self._request("HEAD", f"/{quote(bucket)}/{quote(key)}") as answer:
            return int(answer.headers["Content-Length"])

    def read(self, bucket: str, key: str, *, length_bytes: int) -> bytes:
        """The first bytes of an object. Raises NoSuchObjectError."""
        range_header = {"Range": f"bytes=0-{length_bytes - 1}"}
        with self._request("GET", f"/{quote(bucket)}/{quote(key)}", range_header) as answer:
            return answer.read()

    def download(self, bucket: str, key: str, target: Path) -> None:
        """Copy an object into a file. Raises NoSuchObjectError, OSError when it ends early."""
        with self._request("GET", f"/{quote(bucket)}/{quote(key)}") as answer, target.open("wb") as file:
            while chunk := answer.read(_CHUNK_BYTES):
                file.write(chunk)
            if answer.length:
                raise OSError(f"{bucket}/{key}: {answer.length} bytes are missing")

    def upload(self, bucket: str, key: str, source: Path) -> None:
        """Copy a file into an object, as the platform's exports do. Raises NoSuchObjectError, OSError."""
        size = {"Content-Length": str(source.stat().st_size)}
        with source.open("rb") as file, self._request("PUT", f"/{quote(bucket)}/{quote(key)}", size, file):
            return

    def buckets(self) -> list[str]:
        """Names of all buckets."""
        names = [row["name"] for row in self._listing("")]
        return [name for name in names if not name.endswith("+segments")]

    def objects(self, bucket: str) -> dict[str, int]:
        """Key -> size in bytes of all objects of a bucket. Raises NoSuchObjectError."""
        return {row["name"]: int(row["bytes"]) for row in self._listing(f"/{quote(bucket)}")}

    def uploads(self, bucket: str) -> list[Upload]:
        """Multipart uploads in progress. s3api keeps a marker `key/upload-id` for each."""
        try:
            rows = self._listing(f"/{quote(bucket + '+segments')}")
        except NoSuchObjectError:
            return []
        markers = [row["name"] for row in rows if not row["name"].rpartition("/")[2].isdigit()]
        return [Upload(bucket, *name.rsplit("/", 1)) for name in markers]

    def _listing(self, path: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        while True:
            marker = quote(rows[-1]["name"]) if rows else ""
            with self._request("GET", f"{path}?format=json&marker={marker}") as answer:
                body = answer.read()
            page = json.loads(body) if body else []
            if not page:
                return rows
            rows += page

    @contextmanager
    def _request(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: BinaryIO | None = None,
    ) -> Iterator[http.client.HTTPResponse]:
        context = ssl.create_default_context(cafile=str(self._ca_file))
        connection = http.client.HTTPSConnection(
            self._host, self._port, context=context, timeout=_TIMEOUT_SECONDS
        )
        try:
            connection.request(
                method, f"/v1/{ACCOUNT}{path}", body, headers={"X-Auth-Token": self._token} | (headers or {})
            )
            answer = connection.getresponse()
            if answer.status == http.HTTPStatus.NOT_FOUND:
                raise NoSuchObjectError(path)
            if answer.status >= http.HTTPStatus.BAD_REQUEST:
                raise OSError(f"Object Storage answers {answer.status} to {method} {path}")
            yield answer
        finally:
            connection.close()
