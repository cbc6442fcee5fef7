"""ensure_uefi killed between any two writes: the next run finishes what the first began."""

from pathlib import Path

from test_guest_partition_tables import ESP, MIB, MemoryDisk, entry, table

from v2s_tui.adapters.guest.boot import mbr
from v2s_tui.adapters.guest.boot.conversion import ensure_esp
from v2s_tui.adapters.guest.boot.esp import opened_esp, write_files

FILES = {"EFI/BOOT/BOOTX64.EFI": b"loader" * 20_000, "EFI/BOOT/grub.cfg": b"# menu\n"}


class PowerCut(Exception):
    """The process is gone."""


class CutDisk(MemoryDisk):
    """Loses everything after a number of writes."""

    def __init__(self, writes_left: int) -> None:
        super().__init__(64 * MIB)
        self.chunks[0] = table(entry(0x83, 2048, 8192))
        self.writes_left = writes_left

    def write_at(self, offset_bytes: int, data: bytes) -> None:
        if not self.writes_left:
            raise PowerCut
        self.writes_left -= 1
        super().write_at(offset_bytes, data)


def fill(disk: MemoryDisk, scratch: Path) -> tuple[str, ...]:
    place = ensure_esp(disk, esp_bytes=ESP)
    with opened_esp(disk, place, scratch, volume_id="ABCD-1234") as esp:
        return write_files(esp, FILES)


def test_a_second_run_finishes_the_first(tmp_path: Path) -> None:
    whole = CutDisk(1000)
    fill(whole, tmp_path)
    writes = 1000 - whole.writes_left
    assert writes > 8
    for number in (3, 4, 5, writes // 2, writes - 1):  # no guard, no content, some content, no boot sector
        disk = CutDisk(number)
        try:
            fill(disk, tmp_path)
        except PowerCut:
            disk.writes_left = 1000
        else:
            raise AssertionError("it was not interrupted")
        fill(disk, tmp_path)
        assert fill(disk, tmp_path) == (), f"after {number} writes something is still missing"
        guard = mbr.read_mbr(disk)
        assert guard is not None
        assert guard.is_protective, "firmware reads no GPT without it"
