"""All parts of one file in parallel: what the server has is kept, the first error stops the rest."""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait

from v2s_tui.adapters.objectstore.part_sender import PartSender
from v2s_tui.adapters.objectstore.parts import PartRange, is_md5
from v2s_tui.domain.errors import Cancelled
from v2s_tui.domain.execution.artifacts import UploadedPart

_LOOK_SECONDS = 0.2
"""How often a running upload looks whether it was cancelled."""


def send_parts(
    sender: PartSender,
    plan: Sequence[PartRange],
    *,
    present: Mapping[int, UploadedPart],
    known: Mapping[int, UploadedPart],
    threads: int,
    cancelled: threading.Event,
) -> list[UploadedPart]:
    """Every part of the plan, in order, kept or sent.

    present: the server's parts by number. known: parts we saw being made of this file's bytes, too.
    """
    with ThreadPoolExecutor(min(threads, len(plan)), thread_name_prefix="part") as pool:
        futures = [
            pool.submit(_keep_or_send, sender, part, present.get(part.number), known.get(part.number))
            for part in plan
        ]
        try:
            _watch(futures, sender, cancelled)
        finally:
            sender.halt()
    errors = [error for future in futures if (error := future.exception())]
    causes = [error for error in errors if not isinstance(error, Cancelled)]
    for error in causes or errors:
        raise error
    return [future.result() for future in futures]


def _watch(futures: list[Future[UploadedPart]], sender: PartSender, cancelled: threading.Event) -> None:
    """Returns when all parts are done or one has failed or the operator cancelled."""
    pending = set(futures)
    while pending and not cancelled.is_set():
        done, pending = wait(pending, timeout=_LOOK_SECONDS, return_when=FIRST_EXCEPTION)
        if any(future.exception() for future in done):
            return


def _keep_or_send(
    sender: PartSender, part: PartRange, held: UploadedPart | None, known: UploadedPart | None
) -> UploadedPart:
    sender.checkpoint()
    kept = (_still_held(sender, held, known) or same_bytes(sender, part, held)) if held else None
    return kept or sender.send(part, crc32=known.crc32 if known else "")


def _still_held(sender: PartSender, held: UploadedPart, known: UploadedPart | None) -> UploadedPart | None:
    """The part we saw being made of these bytes, when the server has that one still."""
    if known is None or (known.size_bytes, known.etag) != (held.size_bytes, held.etag):
        return None
    sender.count(known.size_bytes)
    return known


def same_bytes(sender: PartSender, part: PartRange, held: UploadedPart) -> UploadedPart | None:
    """The server's part with our checksum, when it holds the same bytes: by its CRC32, or its MD5 where the
    server tells no checksum.
    """
    if held.size_bytes != part.size_bytes or not (held.crc32 or is_md5(held.etag)):
        return None
    digests = sender.digests(part, with_md5=not held.crc32)
    if (digests.crc32 != held.crc32) if held.crc32 else (digests.md5 != held.etag):
        return None
    sender.count(part.size_bytes)
    return UploadedPart(part.number, part.size_bytes, held.etag, crc32=digests.crc32)
