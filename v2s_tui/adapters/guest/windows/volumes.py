"""What the raw bytes of a Windows VM's disks say before anything is mounted."""

from dataclasses import dataclass

from v2s_tui.adapters.guest.block import SECTOR_BYTES, BlockDevice
from v2s_tui.adapters.guest.boot import gpt, mbr
from v2s_tui.adapters.guest.boot.conversion import table_kind
from v2s_tui.adapters.guest.windows.ntfs_state import NtfsState, ntfs_state
from v2s_tui.domain.guest.facts import PartitionTable
from v2s_tui.domain.guest.refusals import DYNAMIC_DISK, HYBRID_TABLE, Refusal

NTFS_DIRTY = Refusal(
    "ntfs-check",
    "Windows itself wants to check a volume (chkdsk) before it is used",
    "run `chkdsk /f` in the source VM, restart it, shut it down cleanly, migrate again",
)
NTFS_JOURNAL = Refusal(
    "ntfs-journal",
    "a volume was not closed: changes wait in its journal and would be lost",
    "shut Windows down before the copy (`consistency: cold`); `powercfg /h off` ends fast start-up",
)
_BY_STATE = {NtfsState.DIRTY: NTFS_DIRTY, NtfsState.JOURNAL: NTFS_JOURNAL}


@dataclass(frozen=True, slots=True)
class WindowsDisk:
    """One disk. esp_number: of its EFI system partition, 0 without one. refusals: what forbids changes."""

    esp_number: int
    refusals: tuple[Refusal, ...]


def read_windows_disk(device: BlockDevice) -> WindowsDisk:
    """Partitions and the state of each NTFS volume. Raises PartitionTableDamaged."""
    kind = table_kind(device)
    if kind is PartitionTable.HYBRID:
        return WindowsDisk(0, (HYBRID_TABLE,))
    starts, dynamic, esp = _partitions(device, kind)
    states = [ntfs_state(device, start * SECTOR_BYTES) for start in starts or (0,)]
    found = [_BY_STATE[state] for state in states if state in _BY_STATE]
    return WindowsDisk(esp, tuple(dict.fromkeys(([DYNAMIC_DISK] if dynamic else []) + found)))


def _partitions(device: BlockDevice, kind: PartitionTable) -> tuple[tuple[int, ...], bool, int]:
    """First sectors, whether the Logical Disk Manager owns any, and the ESP's number."""
    if kind is PartitionTable.GPT and (table := gpt.read_gpt(device)):
        dynamic = any(each.type_guid in gpt.LDM_GUIDS for each in table.partitions)
        return tuple(each.start for each in table.partitions), dynamic, table.esp.number if table.esp else 0
    old = mbr.read_mbr(device) if kind is PartitionTable.MBR else None
    if old is None:
        return (), False, 0
    esp = next((each.number for each in old.partitions if each.type_id == mbr.ESP_TYPE), 0)
    dynamic = any(each.type_id == mbr.DYNAMIC_TYPE for each in old.partitions)
    return tuple(each.start for each in old.partitions), dynamic, esp
