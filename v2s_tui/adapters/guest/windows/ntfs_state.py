"""Whether an NTFS volume was left in order, read from its own records without mounting it.

libntfs-3g mounts a volume whose journal was not played back, by throwing the journal away: what Windows had
not written yet would be lost. Source: the public descriptions of NTFS ($MFT, $LogFile, $Volume).
"""

import struct
from enum import StrEnum

from v2s_tui.adapters.guest.block import BlockDevice

_OEM_ID = b"NTFS    "
_LOG_FILE, _VOLUME = 2, 3
_VOLUME_INFORMATION, _DATA, _END = 0x70, 0x80, 0xFFFFFFFF
_DIRTY = 0x0001
_NO_CLIENT, _CLEAN = 0xFFFF, 0x0002
_MAX_RECORD_BYTES = 64 * 1024
_RESTART_PAGE_BYTES = 4096


class NtfsState(StrEnum):
    """CLEAN: in order. JOURNAL: changes wait in the journal. DIRTY: Windows itself wants to check the volume.
    NONE: this is no NTFS volume that can be understood.
    """

    CLEAN = "clean"
    JOURNAL = "journal"
    DIRTY = "dirty"
    NONE = "none"


def ntfs_state(device: BlockDevice, start_bytes: int) -> NtfsState:
    """State of the volume that begins there. A volume that contradicts itself is NONE."""
    try:
        return _state(_Volume(device, start_bytes))
    except (struct.error, IndexError, ValueError):
        return NtfsState.NONE


class _Volume:
    """Where the records of a volume are. Raises ValueError when it is no NTFS."""

    def __init__(self, device: BlockDevice, start_bytes: int) -> None:
        sector = device.read_at(start_bytes, 512)
        if sector[3:11] != _OEM_ID:
            raise ValueError("no NTFS")
        sector_bytes, per_cluster = struct.unpack_from("<HB", sector, 11)
        self._device, self._start = device, start_bytes
        self.cluster_bytes = sector_bytes * per_cluster
        (table,) = struct.unpack_from("<Q", sector, 0x30)
        (code,) = struct.unpack_from("<b", sector, 0x40)
        self._record_bytes = code * self.cluster_bytes if code > 0 else 1 << -code
        if not 512 <= self._record_bytes <= _MAX_RECORD_BYTES or not self.cluster_bytes:
            raise ValueError("no usable record size")
        self._table = table

    def read(self, cluster: int, length_bytes: int, *, offset_bytes: int = 0) -> bytes:
        """Bytes from a cluster on."""
        return self._device.read_at(self._start + cluster * self.cluster_bytes + offset_bytes, length_bytes)

    def record(self, number: int) -> bytes:
        """One of the first records of $MFT, its sectors' ends put right."""
        raw = self.read(self._table, self._record_bytes, offset_bytes=number * self._record_bytes)
        if raw[:4] != b"FILE":
            raise ValueError("no file record")
        return _repaired(raw)


def _repaired(raw: bytes) -> bytes:
    """NTFS keeps the last two bytes of each sector elsewhere, to notice torn writes."""
    place, count = struct.unpack_from("<HH", raw, 4)
    fixed = bytearray(raw)
    for index in range(1, count):
        end = index * 512
        fixed[end - 2 : end] = raw[place + 2 * index : place + 2 * index + 2]
    return bytes(fixed)


def _attribute(record: bytes, kind: int) -> bytes:
    """The first attribute of a kind, with its header. Raises ValueError when there is none."""
    (place,) = struct.unpack_from("<H", record, 0x14)
    while True:
        found, length = struct.unpack_from("<II", record, place)
        if found == kind:
            return record[place : place + length]
        if found == _END or length < 16:
            raise ValueError("no such attribute")
        place += length


def _state(volume: _Volume) -> NtfsState:
    information = _attribute(volume.record(_VOLUME), _VOLUME_INFORMATION)
    (place,) = struct.unpack_from("<H", information, 0x14)
    (flags,) = struct.unpack_from("<H", information, place + 10)
    if flags & _DIRTY:
        return NtfsState.DIRTY
    log = volume.read(_first_cluster(_attribute(volume.record(_LOG_FILE), _DATA)), 2 * _RESTART_PAGE_BYTES)
    return NtfsState.JOURNAL if _journal_in_use(log) else NtfsState.CLEAN


def _first_cluster(data: bytes) -> int:
    """Where a non-resident attribute's content begins: the first pair of its run list."""
    if not data[8]:
        raise ValueError("the journal is resident")
    (place,) = struct.unpack_from("<H", data, 0x20)
    lengths, offsets = data[place] & 15, data[place] >> 4
    begin = place + 1 + lengths
    return int.from_bytes(data[begin : begin + offsets], "little", signed=True)


def _journal_in_use(log: bytes) -> bool:
    """The newer of the two restart pages decides; a journal that was reset has none."""
    newest, in_use = -1, False
    for place in (0, _RESTART_PAGE_BYTES):
        if log[place : place + 4] != b"RSTR":
            continue
        (area,) = struct.unpack_from("<H", log, place + 0x18)
        sequence, _, _, client, flags = struct.unpack_from("<QHHHH", log, place + area)
        if sequence > newest:
            newest, in_use = sequence, client != _NO_CLIENT and not flags & _CLEAN
    return in_use
