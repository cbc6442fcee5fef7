"""The EFI system partition: made, read and filled with mtools, without mounting anything.

The partition is copied out of the disk, edited as a file, and what changed is copied back; mtools never sees
the disk itself.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from v2s_tui.adapters.guest.block import SECTOR_BYTES, BlockDevice, copy_in, copy_out, is_zero
from v2s_tui.adapters.guest.boot.conversion import EspPlace
from v2s_tui.system.processes import Finished, run_tool

REMOVABLE_LOADER = "EFI/BOOT/BOOTX64.EFI"
REMOVABLE_CONFIG = "EFI/BOOT/grub.cfg"
_ENVIRONMENT = {"MTOOLS_SKIP_CHECK": "1", "MTOOLSRC": "/dev/null", "MTOOLS_NO_VFAT": "0"}


class EspImage:
    """A FAT file system in a file. Paths are relative, with slashes, and never come from a guest."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def format(self, sectors: int, *, hidden_sectors: int, volume_id: str) -> None:
        """Make an empty FAT32. volume_id: `XXXX-XXXX` as fstab writes it."""
        with self.path.open("wb") as file:
            file.truncate(sectors * SECTOR_BYTES)
        self._mtool(
            "mformat", "-F", "-T", str(sectors), "-h", "255", "-s", "63", "-H", str(hidden_sectors),
            "-v", "ESP", "-N", volume_id.replace("-", ""), "::",
        )  # fmt: skip

    def read(self, path: str) -> bytes | None:
        """Content of a file; None when there is none."""
        with TemporaryDirectory(dir=self.path.parent) as folder:
            target = Path(folder, "file")
            self._mtool("mcopy", "-n", f"::/{path}", str(target), accepted=(0, 1))
            return target.read_bytes() if target.exists() else None

    def write(self, path: str, content: bytes) -> None:
        """Write a file, making its folders. Raises ToolError when the partition is full."""
        folders = path.split("/")[:-1]
        for depth in range(1, len(folders) + 1):
            self._make_folder("/".join(folders[:depth]))
        with TemporaryDirectory(dir=self.path.parent) as folder:
            source = Path(folder, "file")
            source.write_bytes(content)
            self._mtool("mcopy", "-o", str(source), f"::/{path}")

    def volume_id(self) -> str:
        """Serial number as fstab's UUID= writes it: `XXXX-XXXX`. Read from the FAT boot sector."""
        with self.path.open("rb") as file:
            sector = file.read(SECTOR_BYTES)
        place = 67 if sector[82:87] == b"FAT32" else 39
        number = sector[place : place + 4][::-1].hex().upper()
        return f"{number[:4]}-{number[4:]}"

    def _make_folder(self, path: str) -> None:
        self._mtool("mmd", "-D", "s", f"::/{path}", accepted=(0, 1))

    def _mtool(self, tool: str, *words: str, accepted: tuple[int, ...] = (0,)) -> Finished:
        argv = [tool, "-i", str(self.path), *words]
        return run_tool(
            argv,
            env=_ENVIRONMENT,
            timeout_seconds=60,
            accepted=accepted,
            hint="is the package mtools installed?",
        )


def new_volume_id() -> str:
    """A fresh FAT serial number as fstab writes it."""
    number = secrets.token_hex(4).upper()
    return f"{number[:4]}-{number[4:]}"


@contextmanager
def opened_esp(
    device: BlockDevice, place: EspPlace, scratch: Path, *, volume_id: str = ""
) -> Iterator[EspImage]:
    """The partition as a file to edit; changes go back into the disk when the block ends well.

    A partition that is new is formatted first, and so is one that a run made which was ended before it had
    filled it: its boot sector is written last. scratch: a folder for the copy.
    """
    empty = place.is_new or is_zero(device.read_at(place.offset_bytes, SECTOR_BYTES))
    with TemporaryDirectory(dir=scratch, prefix="esp-") as folder:
        before, image = Path(folder, "before.img"), EspImage(Path(folder, "esp.img"))
        if empty:
            image.format(place.sectors, hidden_sectors=place.start, volume_id=volume_id or new_volume_id())
        else:
            copy_out(device, place.offset_bytes, place.sectors * SECTOR_BYTES, before)
            copy_out(device, place.offset_bytes, place.sectors * SECTOR_BYTES, image.path)
        yield image
        if empty:
            _clear(device, place)
        if copy_in(image.path, device, place.offset_bytes, old=None if empty else before):
            device.flush()


def write_files(image: EspImage, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Write the files that are missing or differ; returns their paths."""
    changed = [path for path, content in files.items() if image.read(path) != content]
    for path in changed:
        image.write(path, files[path])
    return tuple(changed)


def _clear(device: BlockDevice, place: EspPlace) -> None:
    """Zero what an old partition may have left in the place of a new one, reading before writing."""
    step = 1 << 20
    for position in range(0, place.sectors * SECTOR_BYTES, step):
        length = min(step, place.sectors * SECTOR_BYTES - position)
        if not is_zero(device.read_at(place.offset_bytes + position, length)):
            device.write_at(place.offset_bytes + position, bytes(length))
