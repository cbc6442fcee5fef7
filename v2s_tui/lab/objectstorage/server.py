"""Object Storage of the lab: starts and ends Swift, and reads buckets for the rest of the lab."""

import os
import secrets
import socket
import subprocess
import sys
import time
from pathlib import Path

from v2s_tui.lab.objectstorage.configuration import (
    ROLES,
    SwiftFolders,
    write_configuration,
    write_credentials,
)
from v2s_tui.lab.objectstorage.reader import BucketReader
from v2s_tui.lab.tls import TlsFiles

_START_SECONDS = 30.0


class ObjectStorageError(RuntimeError):
    """Object Storage cannot be started."""


class ObjectStorageServer:
    """Swift's S3 API in child processes, all data below `folder`.

    ports: by role (account, container, object, proxy). keys: access key -> secret key. region: its name to
    S3 clients. faults_file: rules for S3 calls, None for none.
    """

    def __init__(
        self,
        folder: Path,
        *,
        tls: TlsFiles,
        ports: dict[str, int],
        keys: dict[str, str],
        region: str = "fr-par",
        faults_file: Path | None = None,
    ) -> None:
        self._folders = SwiftFolders(folder.resolve())
        self._tls = tls
        self._ports = ports
        self._keys = keys
        self.region = region
        self._faults_file = faults_file.resolve() if faults_file else None
        self._process: subprocess.Popen[bytes] | None = None
        token = secrets.token_hex(16)
        self.reader = BucketReader(
            host="127.0.0.1", port=ports["proxy"], ca_file=tls.ca_file, token=token, region=region
        )
        self._token = token

    @property
    def port(self) -> int:
        """Port of the S3 API."""
        return self._ports["proxy"]

    @property
    def url(self) -> str:
        """Endpoint for S3 clients."""
        return f"https://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the servers; returns at once, `wait_ready` waits. Raises ObjectStorageError."""
        self._folders.devices.mkdir(parents=True, exist_ok=True)
        _need_extended_attributes(self._folders.devices)
        write_credentials(self._folders.credentials, keys=self._keys, internal_token=self._token)
        write_configuration(
            self._folders,
            ports=self._ports,
            tls=self._tls,
            region=self.region,
            faults_file=self._faults_file,
            suffix="v2s-lab",
        )
        self._process = self._launch()

    def _launch(self) -> subprocess.Popen[bytes]:
        ports = [f"{role}={self._ports[role]}" for role in ROLES]
        argv = [sys.executable, "-m", "v2s_tui.lab.objectstorage.launcher", str(self._folders.root), *ports]
        environment = os.environ | {"SWIFT_TEST_CONFIG_FILE": os.devnull, "PYTHONWARNINGS": "ignore"}
        with self._log_file.open("ab") as log:
            return subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment, start_new_session=True
            )

    @property
    def _log_file(self) -> Path:
        return self._folders.root / "swift.log"

    def wait_ready(self, seconds: float = _START_SECONDS) -> None:
        """Wait until every server answers. Raises ObjectStorageError with the end of Swift's log."""
        deadline = time.monotonic() + seconds
        waiting = set(self._ports.values())
        while waiting:
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                raise ObjectStorageError(f"Swift did not start; the end of its log:\n{self._log_tail()}")
            waiting = {port for port in waiting if not _listens(port)}
            time.sleep(0.02)

    def _log_tail(self) -> str:
        return self._log_file.read_text(errors="replace")[-2000:] if self._log_file.exists() else ""

    def stop(self) -> None:
        """End all servers; returns when they are gone. Safe to call twice."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _need_extended_attributes(folder: Path) -> None:
    """Swift keeps its metadata in them. Raises ObjectStorageError where the file system has none."""
    probe = folder / ".xattr"
    probe.touch()
    try:
        os.setxattr(probe, "user.swift.probe", b"1")
    except OSError as err:
        raise ObjectStorageError(
            f"{folder}: this file system has no extended attributes, which Swift needs; use another folder"
        ) from err
    finally:
        probe.unlink()
