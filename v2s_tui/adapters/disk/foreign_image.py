"""Images from elsewhere may name other files of this host as theirs; such are refused before QEMU opens them.

Source: QEMU, docs/interop/qcow2.txt, the header's backing file name and the incompatible feature bit 2.
"""

import struct
from pathlib import Path

from v2s_tui.adapters.disk.qcow2_layout import HEADER_BYTES, MAGIC
from v2s_tui.domain.errors import InputError

_EXTERNAL_DATA = 1 << 2
_LONGEST_NAME = 1023
_LONGEST_CHAIN = 16
_FIX = "so an image could show any file of this host; if you trust it: qemu-img convert -O qcow2"


def image_format(image: Path) -> str:
    """`qcow2` or `raw`, by the first bytes. Raises InputError when it cannot be read."""
    return "qcow2" if _head(image)[:4] == MAGIC else "raw"


def refuse_foreign_files(image: Path) -> None:
    """Raises InputError unless all that the image builds on lies in its own folder."""
    folder, each = image.resolve().parent, image
    for _ in range(_LONGEST_CHAIN):
        base = _base_name(each)
        if not base:
            return
        each = folder / base
        if each.resolve().parent != folder or not each.is_file():
            raise InputError(f"{image} builds on {base!r}, which is no file of its folder", hint=_FIX)
    raise InputError(f"{image} builds on a chain of more than {_LONGEST_CHAIN} images", hint=_FIX)


def _base_name(image: Path) -> str:
    """The backing file's name as it is written, "" when there is none."""
    head = _head(image)
    if head[:4] != MAGIC or len(head) < 80:
        return ""
    version, offset, size = struct.unpack_from(">IQI", head, 4)
    if version >= 3 and struct.unpack_from(">Q", head, 72)[0] & _EXTERNAL_DATA:
        raise InputError(f"{image} keeps its data in another file", hint=_FIX)
    if not offset:
        return ""
    with image.open("rb") as file:
        file.seek(min(offset, 1 << 40))
        return file.read(min(size, _LONGEST_NAME)).decode("utf-8", "replace") or "?"


def _head(image: Path) -> bytes:
    try:
        with image.open("rb") as file:
            return file.read(HEADER_BYTES)
    except OSError as err:
        raise InputError(f"{image} cannot be read: {err.strerror}", hint="name an image or raw disk") from err
