"""File systems with known files, at an offset of a raw disk: ext4, FAT32, NTFS, without mounting."""

import os
import subprocess
import tempfile
import uuid
from pathlib import Path

from v2s_tui.lab.disks.guest_files import Tree
from v2s_tui.lab.disks.ntfs import write_ntfs_tree
from v2s_tui.lab.disks.partitions import SECTOR, Partition

FIXED_TIME = (
    1_700_000_000  # every file system and file is dated the same, so that content depends on the seed only
)
_COPY_BYTES = 4 << 20


class ToolError(RuntimeError):
    """A file-system tool is missing or ended badly; carries its last words."""


def write_ext4(disk: Path, partition: Partition, tree: Tree, *, volume_id: uuid.UUID, label: str) -> None:
    """Make an ext4 file system in the partition, filled with the tree."""
    with tempfile.TemporaryDirectory(dir=disk.parent) as folder:
        _unpack(tree, Path(folder))
        options = f"offset={partition.start_bytes},hash_seed={volume_id},lazy_itable_init=1,root_owner=0:0"
        size = f"{partition.size_bytes // 1024}k"
        flags = ["-q", "-F", "-t", "ext4", "-m", "1", "-J", "size=4", "-U", str(volume_id), "-L", label]
        _run(["mke2fs", *flags, "-E", options, "-d", folder, str(disk), size])


def write_fat32(disk: Path, partition: Partition, tree: Tree, *, serial: int) -> None:
    """Make a FAT32 file system in the partition, filled with the tree."""
    image = f"{disk}@@{partition.start_bytes}"
    geometry = ["-T", str(partition.sectors), "-h", "64", "-s", "32", "-H", str(partition.first_sector)]
    _run(["mformat", "-i", image, "-F", "-N", f"{serial:08x}", *geometry, "::"])
    with tempfile.TemporaryDirectory(dir=disk.parent) as folder:
        _unpack(tree, Path(folder))
        tops = sorted(str(path) for path in Path(folder).iterdir())
        _run(["mcopy", "-i", image, "-s", "-m", *tops, "::"])


def write_ntfs(disk: Path, partition: Partition, tree: Tree, *, label: str) -> None:
    """Make an NTFS file system in the partition, filled with the tree."""
    with tempfile.TemporaryDirectory(dir=disk.parent) as folder:
        image = Path(folder) / "ntfs.img"
        with image.open("wb") as file:
            file.truncate(partition.size_bytes)
        geometry = ["-p", str(partition.first_sector), "-H", "255", "-S", "63", "-s", str(SECTOR)]
        _run(["mkntfs", "-F", "-Q", "-q", "-c", "4096", "-L", label, *geometry, str(image)])
        write_ntfs_tree(image, tree)
        _copy_data(image, disk, at_bytes=partition.start_bytes)


def _unpack(tree: Tree, folder: Path) -> None:
    for name, content in tree.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (FIXED_TIME, FIXED_TIME))


def _copy_data(source: Path, target: Path, *, at_bytes: int) -> None:
    """Copy what is not a hole."""
    with source.open("rb") as reader, target.open("r+b") as writer:
        position, end = 0, source.stat().st_size
        while position < end:
            try:
                start = os.lseek(reader.fileno(), position, os.SEEK_DATA)
            except OSError:  # ENXIO: only a hole is left
                return
            position = os.lseek(reader.fileno(), start, os.SEEK_HOLE)
            for offset in range(start, position, _COPY_BYTES):
                piece = os.pread(reader.fileno(), min(_COPY_BYTES, position - offset), offset)
                os.pwrite(writer.fileno(), piece, at_bytes + offset)


def _run(argv: list[str]) -> None:
    """Run a tool with a fixed clock; file-system tools live in sbin, which is not on every user's path."""
    path = os.environ.get("PATH", "") + os.pathsep + os.pathsep.join(("/usr/sbin", "/sbin"))
    environment = {
        **os.environ,
        "PATH": path,
        "E2FSPROGS_FAKE_TIME": str(FIXED_TIME),
        "SOURCE_DATE_EPOCH": str(FIXED_TIME),
        "MTOOLS_SKIP_CHECK": "1",
        "LC_ALL": "C.UTF-8",
    }
    try:
        subprocess.run(argv, check=True, capture_output=True, text=True, env=environment, timeout=120)
    except FileNotFoundError as err:
        raise ToolError(f"{argv[0]} is not installed") from err
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as err:
        raise ToolError(f"{argv[0]} failed: {str(err.stderr)[-400:]}") from err
