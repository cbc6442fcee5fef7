"""A small disk whose clusters are deflated as hosts do it: distances beyond 4 KiB, the window of qcow2."""

import random
import zlib
from collections.abc import Iterator
from pathlib import Path

from v2s_tui.adapters.disk.manifest import ManifestWriter, digest_of, manifest_path
from v2s_tui.adapters.disk.qcow2_layout import CLUSTER_BYTES
from v2s_tui.adapters.disk.qcow2_writer import Cluster, Qcow2Writer
from v2s_tui.domain.units import GB

VIRTUAL_BYTES = GB
"""The smallest that Scaleway imports (reference: scaleway.md 2.1)."""
CLUSTERS = 200
_LEVEL = 6  # as hosts deflate
_LINE_BYTES = 200


def make_canary_image(path: Path, *, seed: int = 1) -> int:
    """Write the image, and the manifest of its content beside it; returns the image's size in bytes.

    Clusters lie all over the disk, at its end too. Raises OSError.
    """
    rng = random.Random(seed)  # noqa: S311 - content, no secret
    numbers = sorted({0, VIRTUAL_BYTES // CLUSTER_BYTES - 1, *rng.sample(range(15000), CLUSTERS - 2)})
    with path.open("w+b") as image, manifest_path(path).open("w+b") as manifest:
        writer = Qcow2Writer(image.fileno(), virtual_size_bytes=VIRTUAL_BYTES)
        digests = ManifestWriter(manifest, virtual_size_bytes=VIRTUAL_BYTES)
        for cluster in _clusters(numbers, rng):
            writer.append([cluster])
            digests.add([(cluster.number, cluster.digest)])
        return writer.finish()


def _clusters(numbers: list[int], rng: random.Random) -> Iterator[Cluster]:
    for number in numbers:
        content = cluster_content(rng)
        payload = zlib.compress(content, _LEVEL)[2:-4]
        yield Cluster(number, payload, compressed=True, digest=digest_of(content))


def cluster_content(rng: random.Random) -> bytes:
    """64 KiB like a log: lines that come again after anything up to 32 KiB."""
    lines = [rng.randbytes(_LINE_BYTES // 2).hex().encode() for _ in range(120)]
    text = b"".join(rng.choice(lines) for _ in range(CLUSTER_BYTES // _LINE_BYTES + 1))
    return text[:CLUSTER_BYTES]
