"""A target side to test: Object Storage and a Scaleway API on loopback, ten times faster than normal."""

import asyncio
import socket
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aioboto3
from botocore.config import Config
from scaleway import Client

from v2s_tui.lab.faults import FaultRules
from v2s_tui.lab.objectstorage.configuration import ROLES
from v2s_tui.lab.objectstorage.server import ObjectStorageServer
from v2s_tui.lab.scaleway.server import ScalewayServer
from v2s_tui.lab.scaleway.world import Account
from v2s_tui.lab.tls import TlsFiles, make_certificate

ACCESS_KEY = "SCWLABLABLABLABLABLA"
SECRET_KEY = "6f6b7d3c-9a1e-4f6e-8a55-0c1d2e3f4a5b"
BUCKET = "transit"
S3_CONFIG = Config(
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
    s3={"payload_signing_enabled": False, "addressing_style": "path"},
    retries={"max_attempts": 0},
)


_SESSION = aioboto3.Session()


@dataclass
class Cloud:
    """The two servers, and clients for them as an operator would make them."""

    objectstorage: ObjectStorageServer
    scaleway: ScalewayServer
    tls: TlsFiles

    @property
    def account(self) -> Account:
        return self.scaleway.world.account

    def client(self, **changes: Any) -> Client:
        """The unmodified SDK."""
        return Client(
            **{
                "access_key": ACCESS_KEY,
                "secret_key": SECRET_KEY,
                "api_url": self.scaleway.url,
                "default_organization_id": self.account.organization_id,
                "default_project_id": self.account.project(None),
                "default_region": "fr-par",
                "default_zone": "fr-par-1",
            }
            | changes
        )

    @asynccontextmanager
    async def s3(self, *, secret_key: str = SECRET_KEY, access_key: str = ACCESS_KEY) -> AsyncIterator[Any]:
        """aioboto3 over TLS."""
        async with _SESSION.client(
            "s3",
            endpoint_url=self.objectstorage.url,
            region_name="fr-par",
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            config=S3_CONFIG,
            verify=str(self.tls.ca_file),
        ) as client:
            yield client

    def make_bucket(self) -> None:
        """The bucket that the tests use."""

        async def make() -> None:
            async with self.s3() as client:
                await client.create_bucket(Bucket=BUCKET)

        asyncio.run(make())

    def put(self, objects: dict[str, bytes | Path]) -> None:
        """Objects in the bucket, by key."""
        contents = {
            key: body.read_bytes() if isinstance(body, Path) else body for key, body in objects.items()
        }

        async def upload() -> None:
            async with self.s3() as client:
                for key, content in contents.items():
                    await client.put_object(Bucket=BUCKET, Key=key, Body=content)

        asyncio.run(upload())


def free_port() -> int:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return int(holder.getsockname()[1])


def make_cloud(
    folder: Path,
    *,
    faults: str = "",
    speed: float = 10.0,
    calls_per_second: int = 1000,
    boot: bool = False,
) -> Cloud:
    """The two servers, not started. faults: a rule file's text."""
    tls = make_certificate(folder / "tls")
    faults_file = None
    if faults:
        faults_file = folder / "faults.yaml"
        faults_file.write_text(faults)
    objectstorage = ObjectStorageServer(
        folder / "objectstorage",
        tls=tls,
        ports={role: free_port() for role in ROLES},
        keys={ACCESS_KEY: SECRET_KEY},
        faults_file=faults_file,
    )
    project = str(uuid.uuid5(uuid.NAMESPACE_DNS, "project"))
    organization = str(uuid.uuid5(uuid.NAMESPACE_DNS, "organization"))
    scaleway = ScalewayServer(
        folder / "scaleway",
        tls=tls,
        account=Account(organization, ACCESS_KEY, SECRET_KEY, {project: "migration"}),
        objects=objectstorage.reader,
        faults=FaultRules.load(faults_file) if faults_file else None,
        speed=speed,
        calls_per_second=calls_per_second,
        boot=boot,
    )
    return Cloud(objectstorage, scaleway, tls)


def run_cloud(cloud: Cloud) -> Iterator[Cloud]:
    cloud.objectstorage.start()
    try:
        cloud.scaleway.start()
        cloud.objectstorage.wait_ready()
        if BUCKET not in cloud.objectstorage.reader.buckets():
            cloud.make_bucket()
        yield cloud
    finally:
        cloud.scaleway.stop()
        cloud.objectstorage.stop()


def until(answer: Callable[[], Any], wanted: Callable[[Any], bool], *, seconds: float = 15.0) -> Any:
    """Ask until the answer is as wanted."""
    deadline = time.monotonic() + seconds
    while True:
        given = answer()
        if wanted(given):
            return given
        assert time.monotonic() < deadline, f"still {given}"
        time.sleep(0.02)


def qemu_img(*arguments: str | Path) -> str:
    """Run qemu-img; its output."""
    return subprocess.run(
        ["qemu-img", *map(str, arguments)], check=True, capture_output=True, text=True
    ).stdout
