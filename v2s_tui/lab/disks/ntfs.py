"""Files into an NTFS image through libntfs-3g: folders and all, without mounting and without being root.

ntfscp cannot make folders and mounting needs FUSE rights, so the library beneath both is called directly.
"""

import ctypes
import ctypes.util
import functools
import stat
from pathlib import Path
from typing import Any

from v2s_tui.lab.disks.guest_files import Tree

_AT_DATA = 0x80


class NtfsError(OSError):
    """libntfs-3g is missing, or refused to write the image."""


def write_ntfs_tree(image: Path, tree: Tree) -> None:
    """Write every file of the tree into the NTFS file system that fills the image. Raises NtfsError."""
    library = _library()
    volume = library.ntfs_mount(str(image).encode(), 0)
    if not volume:
        raise NtfsError(ctypes.get_errno(), f"cannot open the NTFS file system in {image}")
    try:
        for path, content in tree.items():
            _write_file(library, volume, path, content)
    finally:
        library.ntfs_umount(volume, 0)


def _write_file(library: Any, volume: int, path: str, content: bytes) -> None:
    *folders, name = path.split("/")
    parent = _folder(library, volume, folders)
    node = _create(library, parent, name, stat.S_IFREG)
    attribute = library.ntfs_attr_open(node, _AT_DATA, None, 0)
    written = library.ntfs_attr_pwrite(attribute, 0, len(content), content) if attribute else -1
    if attribute:
        library.ntfs_attr_close(attribute)
    library.ntfs_inode_close(node)
    library.ntfs_inode_close(parent)
    if written != len(content):
        raise NtfsError(ctypes.get_errno(), f"wrote {written} of {len(content)} bytes of {path}")


def _folder(library: Any, volume: int, folders: list[str]) -> int:
    """Open the folder, made where it is missing; the caller closes it."""
    node: int = library.ntfs_pathname_to_inode(volume, None, b"/")
    for depth, name in enumerate(folders, start=1):
        child = library.ntfs_pathname_to_inode(volume, None, ("/" + "/".join(folders[:depth])).encode())
        child = child or _create(library, node, name, stat.S_IFDIR)
        library.ntfs_inode_close(node)
        node = child
    return node


def _create(library: Any, parent: int, name: str, kind: int) -> int:
    encoded = name.encode("utf-16-le")
    node: int | None = library.ntfs_create(parent, 0, encoded, len(encoded) // 2, kind)
    if not node:
        raise NtfsError(ctypes.get_errno(), f"cannot create {name}")
    return node


@functools.cache
def _library() -> Any:
    found = ctypes.util.find_library("ntfs-3g")
    if found is None:
        raise NtfsError(2, "libntfs-3g is not installed (Debian package ntfs-3g)")
    library = ctypes.CDLL(found, use_errno=True)
    pointer, size, text = ctypes.c_void_p, ctypes.c_int64, ctypes.c_char_p
    signatures = {
        "ntfs_mount": (pointer, [text, ctypes.c_ulong]),
        "ntfs_umount": (ctypes.c_int, [pointer, ctypes.c_int]),
        "ntfs_pathname_to_inode": (pointer, [pointer, pointer, text]),
        "ntfs_create": (pointer, [pointer, ctypes.c_uint32, text, ctypes.c_uint8, ctypes.c_uint32]),
        "ntfs_inode_close": (ctypes.c_int, [pointer]),
        "ntfs_attr_open": (pointer, [pointer, ctypes.c_uint32, pointer, ctypes.c_uint32]),
        "ntfs_attr_pwrite": (size, [pointer, size, size, text]),
        "ntfs_attr_close": (None, [pointer]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
