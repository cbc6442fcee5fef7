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

from v2s_tui.adapters.disk.codec import deflated
from v2s_tui.adapters.disk.qcow2_layout import CLUSTER_BYTES, HEADER_BYTES
from v2s_tui.adapters.disk.qcow2_reader import Mapping, Qcow2Image
from v2s_tui.adapters.disk.qcow2_writer import Cluster, Qcow2Writer
from v2s_tui.domain.errors import ToolError
from v2s_tui.system.layered_file import Layout

_FICLONE = 0x40049409
_COPY_BYTES = 64 * 1024 * 1024
_CLUSTERS_PER_JOB = 16
_ZEROS = bytes(CLUSTER_BYTES)
_NO_REFLINK = {errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS, errno.EPERM}


def flatten_image(
    overlay_path: Path,
    target_descriptor: int,
    *,
    threads: int,
    layered: bool = False,
    on_bytes: Callable[[int, int], None] = lambda _done, _total: None,
) -> int:
    """Write the image into an open, empty file; returns its size. on_bytes gets (done, total) now and then.

    The virtual size is the overlay's. layered: the data of the base is not copied; the file refers to it
    (system/layered_file.py). Raises ToolError for images of another form, OSError from the file.
    """
    with contextlib.ExitStack() as opened:
        overlay = opened.enter_context(Qcow2Image(overlay_path))
        base_path = _base_of(overlay, overlay_path)
        base = opened.enter_context(Qcow2Image(base_path))
        data_end = base.tables_begin
        total = data_end + os.fstat(overlay.descriptor).st_size  # about: its tables are not copied
        if not layered:
            _copy_data(base.descriptor, target_descriptor, data_end, lambda done: on_bytes(done, total))
        writer = Qcow2Writer(target_descriptor, virtual_size_bytes=overlay.header.virtual_size_bytes)
        writer.adopt(base.l2_tables(), data_end=data_end)
        _append_changes(overlay, writer, threads, lambda done: on_bytes(data_end + done, total))
        size_bytes = writer.finish()
        if layered:
            _refer_to(base_path, target_descriptor, data_end, size_bytes)
        return size_bytes


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
        raise ToolError(
            f"{path.name} is no overlay", command="", exit_code=None, stderr_tail="",
            hint="run the convert stage again",
        )  # fmt: skip
    return base


def _copy_data(source: int, target: int, size_bytes: int, on_bytes: Callable[[int], None]) -> None:
    """The first size_bytes of a file: shared with it where the file system can, copied by the kernel else."""
    if _reflink(source, target):
        os.ftruncate(target, size_bytes)
        return
    done = 0
    while done < size_bytes:
        step = os.copy_file_range(source, target, min(_COPY_BYTES, size_bytes - done), done, done)
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
    overlay: Qcow2Image, writer: Qcow2Writer, threads: int, on_bytes: Callable[[int], None]
) -> None:
    """Changed clusters in the order of the disk; at most four jobs per thread are under way."""
    under_way: deque[Future[list[Cluster | int]]] = deque()
    done = 0
    with ThreadPoolExecutor(threads, thread_name_prefix="codec") as pool:
        for mappings in _batches(overlay.mappings()):
            under_way.append(pool.submit(_changed_clusters, overlay, mappings))
            if len(under_way) > 4 * threads:
                done += _write(writer, under_way.popleft().result())
                on_bytes(done)
        while under_way:
            done += _write(writer, under_way.popleft().result())
            on_bytes(done)


def _batches(mappings: Iterator[Mapping]) -> Iterator[list[Mapping]]:
    while batch := list(islice(mappings, _CLUSTERS_PER_JOB)):
        yield batch


def _changed_clusters(overlay: Qcow2Image, mappings: list[Mapping]) -> list[Cluster | int]:
    """A cluster to write, or the number of one that reads as zeros."""
    changed: list[Cluster | int] = []
    for mapping in mappings:
        content = _ZEROS if mapping.zero else overlay.cluster(mapping.entry)
        zero = content == _ZEROS
        changed.append(
            mapping.number if zero else Cluster(mapping.number, deflated(content), compressed=True)
        )
    return changed


def _write(writer: Qcow2Writer, changed: list[Cluster | int]) -> int:
    """Returns how many virtual bytes that was."""
    for each in changed:
        if isinstance(each, int):
            writer.zero(each)
    writer.append([each for each in changed if isinstance(each, Cluster)])
    return len(changed) * CLUSTER_BYTES
