"""Arithmetic of multipart uploads: how a file is cut and what its finished object must look like.

Scaleway takes 1 to 1,000 parts of 5 MB to 5 GB; boto's own 8 MiB would end at 8 GB (reference: scaleway.md
2.2).
"""

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from v2s_tui.domain.units import MIB

MAX_PARTS = 1000
LEAST_PART_BYTES = 64 * MIB


@dataclass(frozen=True, slots=True)
class PartRange:
    """Bytes of the file that make one part. number counts from 1."""

    number: int
    offset: int
    size_bytes: int


def part_size_bytes(size_bytes: int) -> int:
    """The size of every part but the last: at least 64 MiB, whole MiB, at most 1,000 of them."""
    needed = math.ceil(size_bytes / MAX_PARTS / MIB) * MIB
    return max(LEAST_PART_BYTES, needed)


def plan_parts(size_bytes: int, *, part_bytes: int = 0) -> tuple[PartRange, ...]:
    """How a file of that size is cut; the same file is always cut the same way, so that uploads resume.

    part_bytes: size of parts that went out before the size was known; 0, or one that would need too many
    parts, is replaced by our own choice.
    """
    fits = part_bytes and math.ceil(size_bytes / part_bytes) <= MAX_PARTS
    step = part_bytes if fits else part_size_bytes(size_bytes)
    count = max(1, math.ceil(size_bytes / step))
    return tuple(
        PartRange(number + 1, number * step, min(step, size_bytes - number * step)) for number in range(count)
    )


def is_md5(etag: str) -> bool:
    """True when an ETag is the MD5 of the content (it is not with customer keys)."""
    return re.fullmatch(r"[0-9a-f]{32}", etag) is not None


def composite_etag(part_etags: Sequence[str]) -> str | None:
    """The ETag of an object made of these parts: MD5 of their MD5s and their number; None when it is
    unknown.
    """
    if not all(is_md5(etag) for etag in part_etags):
        return None
    digest = hashlib.md5(bytes.fromhex("".join(part_etags)), usedforsecurity=False).hexdigest()
    return f"{digest}-{len(part_etags)}"
