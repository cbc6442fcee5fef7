"""How the data of a base image gets into what is made of it: copied by the kernel, or referred to."""

import errno
import fcntl
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from v2s_tui.adapters.disk.qcow2_layout import CLUSTER_BYTES, HEADER_BYTES
from v2s_tui.system.layered_file import Layout, Piece

_FICLONE = 0x40049409
_COPY_BYTES = 64 * 1024 * 1024
_NO_REFLINK = {errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS, errno.EPERM}


def copy_pieces(
    base_path: Path, target: int, pieces: Sequence[Piece], on_bytes: Callable[[int], None]
) -> None:
    """Write pieces of a file into another; blocks are shared where the file system can and all pieces stay
    where they are. on_bytes gets offsets in the target. Raises OSError.
    """
    with base_path.open("rb") as base:
        if all(piece.begin == piece.below for piece in pieces) and _reflink(base.fileno(), target):
            os.ftruncate(target, pieces[-1].end if pieces else CLUSTER_BYTES)
            return
        for piece in pieces:
            _copy(base.fileno(), target, piece, on_bytes)


def _copy(base: int, target: int, piece: Piece, on_bytes: Callable[[int], None]) -> None:
    begin, below = piece.begin, piece.below
    while begin < piece.end:
        step = os.copy_file_range(base, target, min(_COPY_BYTES, piece.end - begin), below, begin)
        if step == 0:
            raise OSError(errno.EIO, "the base image ends before its tables")
        begin, below = begin + step, below + step
        on_bytes(begin)


def _reflink(source: int, target: int) -> bool:
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError as err:
        if err.errno not in _NO_REFLINK:
            raise
        return False
    return True


def refer_to(base_path: Path, target: int, pieces: Sequence[Piece], size_bytes: int) -> None:
    """Make of a finished image without its base's data a layered file that has it from there."""
    layout = Layout(
        below=base_path.name,
        below_bytes=base_path.stat().st_size,
        pieces=tuple(pieces),
        size_bytes=size_bytes,
        head=os.pread(target, HEADER_BYTES, 0).hex(),
    )
    os.pwrite(target, layout.packed(), 0)
