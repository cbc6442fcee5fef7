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
_Folder = dict[str, Any]  # name to content, or to a folder within


class NtfsError(OSError):
    """libntfs-3g is missing, or refused to write the image."""


def write_ntfs_tree(image: Path, tree: Tree) -> None:
    """Write every file of the tree into the NTFS file system that fills the image. Raises NtfsError."""
    library = _library()
    volume = library.ntfs_mount(str(image).encode(), 0)
    if not volume:
        raise NtfsError(ctypes.get_errno(), f"cannot open the NTFS file system in {image}")
    try:
        root = library.ntfs_pathname_to_inode(volume, None, b"/")
        _write_folder(library, root, _nested(tree))
        library.ntfs_inode_close(root)
    finally:
        library.ntfs_umount(volume, 0)


def _nested(tree: Tree) -> _Folder:
    """The tree as folders within folders."""
    root: _Folder = {}
    for path, content in tree.items():
        *folders, name = path.split("/")
        place = root
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = content
    return root


def _write_folder(library: Any, parent: int, folder: _Folder) -> None:
    """Write what is in a folder, each folder open exactly once: the library keeps no second copy in step."""
    for name, content in folder.items():
        is_folder = isinstance(content, dict)
        node = _create(library, parent, name, stat.S_IFDIR if is_folder else stat.S_IFREG)
        if is_folder:
            _write_folder(library, node, content)
        else:
            _write_content(library, node, name, content)
        library.ntfs_inode_close_in_dir(node, parent)


def _write_content(library: Any, node: int, name: str, content: bytes) -> None:
    attribute = library.ntfs_attr_open(node, _AT_DATA, None, 0)
    written = library.ntfs_attr_pwrite(attribute, 0, len(content), content) if attribute else -1
    if attribute:
        library.ntfs_attr_close(attribute)
    if written != len(content):
        raise NtfsError(ctypes.get_errno(), f"wrote {written} of {len(content)} bytes of {name}")


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
        "ntfs_inode_close_in_dir": (ctypes.c_int, [pointer, pointer]),
        "ntfs_attr_open": (pointer, [pointer, ctypes.c_uint32, pointer, ctypes.c_uint32]),
        "ntfs_attr_pwrite": (size, [pointer, size, size, text]),
        "ntfs_attr_close": (None, [pointer]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
