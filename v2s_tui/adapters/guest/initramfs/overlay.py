"""A small archive appended to an initramfs: virtio drivers with what they depend on, and the order to load
them.

The kernel unpacks concatenated archives one after the other, so the initramfs itself stays as it is and
nothing of the guest is run. Source: reference guest.md section 6, step 6.
"""

import struct
import zlib
from collections.abc import Callable, Mapping

from v2s_tui.adapters.guest.initramfs.audit import APPEND_MARK, InitramfsFacts
from v2s_tui.adapters.guest.initramfs.cpio import write_archive
from v2s_tui.domain.errors import V2sError

INDEX_FILES = (
    "modules.dep", "modules.dep.bin", "modules.alias", "modules.alias.bin", "modules.softdep",
    "modules.symbols", "modules.symbols.bin", "modules.builtin", "modules.builtin.bin", "modules.order",
)  # fmt: skip
_ALIGN_BYTES = 512

ReadModule = Callable[[str], bytes | None]
"""Content of a file below the guest's /lib/modules/VERSION, by its relative path."""


def build_overlay(
    audit: InitramfsFacts,
    version: str,
    missing: tuple[str, ...],
    available: Mapping[str, tuple[str, tuple[str, ...]]],
    read: ReadModule,
) -> bytes:
    """The archive, compressed, with our mark in its gzip header.

    Holds the missing drivers with all they depend on, the guest's module indexes, and a list of what to load
    for initramfs-tools (conf/modules) and dracut (modules-load.d). Raises V2sError when a module's file is
    gone.
    """
    folder = _module_folder(audit, version)
    paths = sorted({path for name in missing for path in (available[name][0], *available[name][1])})
    files: dict[str, bytes] = {}
    for path in paths:
        content = read(path)
        if content is None:
            raise V2sError(
                f"{path} of kernel {version} is named in modules.dep, but is not there or too large",
                hint="reinstall that kernel's package in the source VM",
            )
        files[f"{folder}/{path}"] = content
    for name in INDEX_FILES:
        index = read(name)
        if index is not None:
            files[f"{folder}/{name}"] = index
    files |= _load_lists(audit, missing)
    return _gzip(write_archive(files))


def _module_folder(audit: InitramfsFacts, version: str) -> str:
    wanted = f"lib/modules/{version}"
    existing = next((folder for folder in audit.module_folders if folder.endswith(wanted)), None)
    return existing or (f"usr/{wanted}" if audit.merged_usr else wanted)


def _load_lists(audit: InitramfsFacts, missing: tuple[str, ...]) -> dict[str, bytes]:
    text = "".join(f"{name}\n" for name in missing)
    if audit.kind == "dracut":
        return {"etc/modules-load.d/v2s.conf": text.encode()}
    separator = "" if audit.module_list.endswith("\n") or not audit.module_list else "\n"
    return {"conf/modules": f"{audit.module_list}{separator}{text}".encode()}


def _gzip(data: bytes) -> bytes:
    """RFC 1952 with FNAME; the time stamp is zero so that the same input gives the same bytes."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = packer.compress(data) + packer.flush()
    header = b"\x1f\x8b\x08\x08" + bytes(4) + b"\x00\x03" + APPEND_MARK + b"\0"
    return header + body + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def padding_before_overlay(size_bytes: int) -> bytes:
    """Zeros between an initramfs of that size and what is appended to it."""
    return bytes(-size_bytes % _ALIGN_BYTES)
