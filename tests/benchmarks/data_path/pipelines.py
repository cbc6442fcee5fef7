"""The pipelines that are compared, from a host's stream to a finished object: `pipelines.py NAME JSON`.

Runs in the folder it works in, and prints what it wrote. Every pipeline makes the same changes to the guest.
"""

import asyncio
import json
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

Addresses = dict[str, Any]
MIB = 1024 * 1024


def adapt(image: Path, capacity_bytes: int) -> None:
    """400 writes and discards, spread over the disk, by QEMU's own tool."""
    rng = random.Random(5)
    blocks = capacity_bytes // MIB - 2
    commands = [f"write -P {rng.randrange(1, 255)} {rng.randrange(blocks)}M 24k" for _ in range(380)]
    commands += [f"discard {rng.randrange(blocks)}M 1M" for _ in range(20)]
    arguments = [part for command in commands for part in ("-c", command)]
    run("qemu-io", "-d", "unmap", "-f", "qcow2", *arguments, str(image))


def run(*argv: str) -> None:
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


def staged(addresses: Addresses, *convert: str) -> None:
    """Download, convert, adapt, upload, one after the other, with the usual tools at their usual settings."""
    run("curl", "-sS", "--cacert", addresses["ca_file"], "-o", "disk.vmdk", addresses["nfc"])
    run("qemu-img", "convert", *convert, "-f", "vmdk", "-O", "qcow2", "disk.vmdk", "disk.qcow2")
    adapt(Path("disk.qcow2"), addresses["capacity_bytes"])
    asyncio.run(_aioboto3_upload(addresses, Path("disk.qcow2")))


async def _aioboto3_upload(addresses: Addresses, path: Path) -> None:
    import aioboto3

    session = aioboto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="fr-par")
    async with session.client("s3", endpoint_url=addresses["s3"], verify=addresses["ca_file"]) as client:
        with path.open("rb") as file:
            await client.upload_fileobj(file, "transit", "disk.qcow2")


def ours(addresses: Addresses, *, mode: str, overlap: bool = True, copy: bool = True) -> None:
    """The product's own adapters, in the order of its stages. copy: False for a disk that nothing opens here,
    whose parts leave as they arrive at the other side.
    """
    from v2s_tui.adapters.disk.local import LocalDisks
    from v2s_tui.adapters.objectstore.access import StorageAccess
    from v2s_tui.adapters.objectstore.store import S3ObjectStore
    from v2s_tui.domain.execution.part_size import part_bytes_for
    from v2s_tui.domain.execution.progress import StageProgress
    from v2s_tui.domain.execution.work_space import passing_bytes
    from v2s_tui.domain.ports import DiskStream

    folder, go_on, capacity = Path.cwd(), threading.Event(), addresses["capacity_bytes"]
    store = S3ObjectStore(
        StorageAccess(addresses["s3"], "fr-par", "a", "b", ca_file=Path(addresses["ca_file"]))
    )
    # The staged tools do not sync what they write, so we must not either.
    disks = LocalDisks(mode=mode, layered=True, sync=False)
    stream = DiskStream(addresses["nfc"], addresses["thumbprint"], 2000, capacity)
    base, overlay, image = (folder / f"disk.{each}.qcow2" for each in ("base", "overlay", "upload"))
    upload_id, part_bytes = store.begin_upload("transit", "disk.qcow2"), part_bytes_for(capacity)
    with store.early_parts(
        "transit",
        "disk.qcow2",
        upload_id,
        part_bytes=part_bytes,
        room_bytes=0 if copy else passing_bytes(capacity),
        cancelled=go_on,
    ) as early:
        parts = early if overlap else None
        disks.receive(stream, base, progress=StageProgress(), cancelled=go_on, parts=parts)
    disks.check(base)
    disks.make_overlay(base, overlay, virtual_size_bytes=-(-capacity // 10**9) * 10**9)
    if copy:
        adapt(overlay, capacity)
    disks.flatten(overlay, image, progress=StageProgress(), cancelled=go_on, compact=not overlap)
    store.upload_file(
        image,
        "transit",
        "disk.qcow2",
        upload_id,
        progress=StageProgress(),
        cancelled=go_on,
        part_bytes=part_bytes if overlap else 0,
        known=early.sent,
    )
    store.close()


PIPELINES: dict[str, Callable[[Addresses], None]] = {
    "staged": staged,
    "staged -c": lambda addresses: staged(addresses, "-c", "-W", "-m", "8"),
    "ours w12": lambda addresses: ours(addresses, mode="w12"),
    "ours pass": lambda addresses: ours(addresses, mode="pass"),
    "ours pass, no copy": lambda addresses: ours(addresses, mode="pass", copy=False),
    "ours w12, then send": lambda addresses: ours(addresses, mode="w12", overlap=False),
}


def written_bytes() -> int:
    """Bytes this process and its finished children made dirty, by the kernel's account."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["write_bytes"])


if __name__ == "__main__":
    PIPELINES[sys.argv[1]](json.loads(sys.argv[2]))
    print(json.dumps({"written_bytes": written_bytes()}))
