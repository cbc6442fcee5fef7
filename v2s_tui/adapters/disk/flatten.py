"""Overlay and base as one self-contained image: the base's data as it stands, changed clusters behind it, new
tables last.

Nothing of the base is inflated or moved: byte n of its data is byte n of the result, so parts of it that were
sent to Object Storage already stay true. (reference: datapath.md 8, step 5)
"""

import contextlib
import errno
import fcntl
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

from v2s_tui.adapters.disk.codec import deflated
from v2s_tui.adapters.disk.image_error import unusable
from v2s_tui.adapters.disk.manifest import ZEROS, ManifestWriter, digest_of, manifest_path
from v2s_tui.adapters.disk.qcow2_layout import CLUSTER_BYTES, HEADER_BYTES
from v2s_tui.adapters.disk.qcow2_reader import Mapping, Qcow2Image
from v2s_tui.adapters.disk.qcow2_writer import Cluster, Qcow2Writer
from v2s_tui.system.layered_file import Layout

_FICLONE = 0x40049409
_COPY_BYTES = 64 * 1024 * 1024
_CLUSTERS_PER_JOB = 16
_ZEROS = bytes(CLUSTER_BYTES)
_NO_REFLINK = {errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS, errno.EPERM}


class _Change(NamedTuple):
    """What an overlay says of a cluster. cluster: None when it reads as zeros."""

    number: int
    cluster: Cluster | None


def flatten_image(
    overlay_path: Path,
    target_descriptor: int,
    *,
    threads: int,
    layered: bool = False,
    manifest: BinaryIO | None = None,
    on_bytes: Callable[[int, int], None] = lambda _done, _total: None,
) -> int:
    """Write the image into an open, empty file; returns its size. on_bytes gets (done, total) now and then.

    The virtual size is the overlay's. layered: the data of the base is not copied; the file refers to it
    (system/layered_file.py). manifest: an open, empty file that gets the digests of the base and of all
    changes; the base must have one then. Raises ToolError for images of another form, OSError from the file.
    """
    with contextlib.ExitStack() as opened:
        overlay = opened.enter_context(Qcow2Image(overlay_path))
        base_path = _base_of(overlay, overlay_path)
        base = opened.enter_context(Qcow2Image(base_path))
        data_end = base.tables_begin
        total = data_end + overlay.size_bytes  # about: its tables are not copied
        if not layered:
            _copy_data(base_path, target_descriptor, data_end, lambda done: on_bytes(done, total))
        writer = Qcow2Writer(target_descriptor, virtual_size_bytes=overlay.header.virtual_size_bytes)
        writer.adopt(base.l2_tables(), data_end=data_end)
        digests = _base_digests(manifest, base_path, overlay.header.virtual_size_bytes)
        _append_changes(overlay, writer, digests, threads, lambda done: on_bytes(data_end + done, total))
        size_bytes = writer.finish()
        if layered:
            _refer_to(base_path, target_descriptor, data_end, size_bytes)
        return size_bytes


def _base_digests(file: BinaryIO | None, base_path: Path, virtual_size_bytes: int) -> ManifestWriter | None:
    if file is None:
        return None
    digests = ManifestWriter(file, virtual_size_bytes=virtual_size_bytes)
    digests.copy_records(manifest_path(base_path))
    return digests


def _refer_to(base_path: Path, target: int, data_end: int, size_bytes: int) -> None:
    layout = Layout(
        below=base_path.name,
        below_bytes=base_path.stat().st_size,
        begin=CLUSTER_BYTES,
        end=data_end,
        size_bytes=size_bytes,
        head=os.pread(target, HEADER_BYTES, 0).hex(),
    )
    os.pwrite(target, layout.packed(), 0)


def _base_of(overlay: Qcow2Image, path: Path) -> Path:
    base = overlay.backing_path
    if base is None:
        raise unusable(f"{path.name} is no overlay", hint="run the convert stage again")
    return base


def _copy_data(base_path: Path, target: int, size_bytes: int, on_bytes: Callable[[int], None]) -> None:
    """The first size_bytes of a file: shared with it where the file system can, copied by the kernel else."""
    with base_path.open("rb") as base:
        if _reflink(base.fileno(), target):
            os.ftruncate(target, size_bytes)
            return
        done = 0
        while done < size_bytes:
            step = os.copy_file_range(base.fileno(), target, min(_COPY_BYTES, size_bytes - done), done, done)
            if step == 0:
                raise OSError(errno.EIO, "the base image ends before its tables")
            done += step
            on_bytes(done)


def _reflink(source: int, target: int) -> bool:
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError as err:
        if err.errno not in _NO_REFLINK:
            raise
        return False
    return True


def _append_changes(
    overlay: Qcow2Image,
    writer: Qcow2Writer,
    digests: ManifestWriter | None,
    threads: int,
    on_bytes: Callable[[int], None],
) -> None:
    """Changed clusters in the order of the disk; at most four jobs per thread are under way."""
    under_way: deque[Future[list[_Change]]] = deque()
    done = 0

    def write_oldest() -> None:
        nonlocal done
        changes = under_way.popleft().result()
        _write(writer, changes)
        if digests is not None:
            digests.add((each.number, each.cluster.digest if each.cluster else ZEROS) for each in changes)
        done += len(changes) * CLUSTER_BYTES
        on_bytes(done)

    with ThreadPoolExecutor(threads, thread_name_prefix="codec") as pool:
        for mappings in _batches(overlay.mappings()):
            under_way.append(pool.submit(_changes, overlay, mappings))
            if len(under_way) > 4 * threads:
                write_oldest()
        while under_way:
            write_oldest()


def _batches(mappings: Iterator[Mapping]) -> Iterator[list[Mapping]]:
    while batch := list(islice(mappings, _CLUSTERS_PER_JOB)):
        yield batch


def _changes(overlay: Qcow2Image, mappings: list[Mapping]) -> list[_Change]:
    return [_change(overlay, mapping) for mapping in mappings]


def _change(overlay: Qcow2Image, mapping: Mapping) -> _Change:
    content = _ZEROS if mapping.zero else overlay.cluster(mapping.entry)
    if content == _ZEROS:
        return _Change(mapping.number, None)
    cluster = Cluster(mapping.number, deflated(content), compressed=True, digest=digest_of(content))
    return _Change(mapping.number, cluster)


def _write(writer: Qcow2Writer, changes: list[_Change]) -> None:
    for each in changes:
        if each.cluster is None:
            writer.zero(each.number)
    writer.append([each.cluster for each in changes if each.cluster is not None])
