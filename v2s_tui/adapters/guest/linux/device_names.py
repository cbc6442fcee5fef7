"""From names that do not survive the move to names that do: what /dev/sda1 was, as UUID=..."""

import re
from collections.abc import Callable, Mapping, Sequence

from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.domain.guest.facts import GuestFilesystem

_KERNEL_NAME = re.compile(r"/dev/(?:sd|vd|hd|xvd)(?P<letters>[a-z]{1,2})(?P<number>\d*)")
_NVME = re.compile(r"/dev/nvme(?P<disk>\d+)n1(?:p(?P<number>\d+))?")
_BY_HARDWARE = re.compile(r"/dev/disk/by-(?:path|id)/\S*?-part(?P<number>\d+)")
_PARTUUID = re.compile(r"(?:PARTUUID=|/dev/disk/by-partuuid/)(?P<uuid>[0-9a-fA-F-]+)")
_ARRAY = re.compile(r"/dev/md(?P<number>\d+)|/dev/md/(?P<name>\S+)")
_ARRAY_LINE = re.compile(
    r"^ARRAY\s+(?P<device>/dev/\S+)\s(?:.*\s)?UUID=(?P<uuid>[0-9a-f:]+)", re.MULTILINE | re.IGNORECASE
)
_ARRAY_FILES = ("/etc/mdadm/mdadm.conf", "/etc/mdadm.conf")
_STAYS = -2
"""In place of a disk's number; -1 is that of volumes that lie on no single disk."""

Uuids = Sequence[Mapping[int, str]]
"""PARTUUIDs of each disk by partition number, in the order of the source VM."""


def array_uuids(view: GuestView) -> dict[str, str]:
    """What mdadm.conf calls its arrays: device name -> UUID of the array (mdadm.conf(5))."""
    texts = (view.read_text(path) or "" for path in _ARRAY_FILES)
    found = (match for text in texts for match in _ARRAY_LINE.finditer(text))
    return {match["device"]: match["uuid"].lower() for match in found}


class DeviceNames:
    """Looks up names of one guest.

    At VMware the guest's sda, sdb... are its disks in that order: boot disk first, as v2s keeps them.
    later_uuids: PARTUUIDs that a conversion will give; nothing for a disk that keeps its own. arrays: from
    array_uuids(). places: where each disk stood among all of the source VM, when some stay there; without,
    all have moved.
    """

    def __init__(
        self,
        filesystems: Sequence[GuestFilesystem],
        *,
        partition_uuids: Uuids,
        later_uuids: Uuids = (),
        arrays: Mapping[str, str] | None = None,
        places: Sequence[int] = (),
    ) -> None:
        self._filesystems, self._arrays = tuple(filesystems), arrays or {}
        self._uuids, self._later = partition_uuids, later_uuids
        self._moved = {place: index for index, place in enumerate(places)}
        self._all_moved = tuple(places) == tuple(range(len(places)))

    def find(self, name: str) -> GuestFilesystem | None:
        """What a source of fstab means: a device, UUID=, LABEL=, PARTUUID=, a volume of LVM, an array."""
        key, _, value = name.partition("=")
        if key in {"UUID", "LABEL"} and value:
            wanted = value.strip('"')
            return self._first(
                lambda each: wanted.lower() == each.uuid.lower() if key == "UUID" else wanted == each.label
            )
        if name.startswith("/dev/disk/by-uuid/"):
            return self._first(lambda each: each.uuid == name.rsplit("/", 1)[1])
        if name.startswith("/dev/disk/by-label/"):
            return self._first(lambda each: each.label == name.rsplit("/", 1)[1])
        if _ARRAY.fullmatch(name):
            return self._array(name)
        place = self._place(name)
        if place:
            return self._first(lambda each: (each.disk_index, each.partition) == place)
        return self._first(lambda each: each.device == _plain_volume(name))

    def stable(self, name: str) -> str | None:
        """`UUID=...` for a name that does not survive, the name itself when it does, None when it is unknown.

        A partition whose content has no UUID is named by the PARTUUID that it will have.
        """
        place = self._place(name)
        now, later = self._partition_uuid(self._uuids, place), self._partition_uuid(self._later, place)
        if now and not later and _PARTUUID.fullmatch(name):
            return name
        found = self.find(name)
        if found and found.uuid:
            return f"UUID={found.uuid}"
        return f"PARTUUID={later or now}" if later or now else None

    def _first(self, fits: Callable[[GuestFilesystem], bool]) -> GuestFilesystem | None:
        return next((each for each in self._filesystems if fits(each)), None)

    def _partition_uuid(self, uuids: Uuids, place: tuple[int, int] | None) -> str:
        disk, number = place or (-1, 0)
        return uuids[disk].get(number, "") if 0 <= disk < len(uuids) else ""

    def _place(self, name: str) -> tuple[int, int] | None:
        """Disk and partition; partition 0 is the whole disk."""
        if match := _KERNEL_NAME.fullmatch(name):
            return self._index(_disk_number(match["letters"])), int(match["number"] or 0)
        if match := _NVME.fullmatch(name):
            return self._index(int(match["disk"])), int(match["number"] or 0)
        if match := _PARTUUID.fullmatch(name):
            return self._by_uuid(match["uuid"].lower())
        match = _BY_HARDWARE.fullmatch(name)
        return self._only_partition(int(match["number"])) if match else None

    def _index(self, place: int) -> int:
        """Number among the disks that move."""
        return self._moved.get(place, _STAYS) if self._moved else place

    def _by_uuid(self, uuid: str) -> tuple[int, int] | None:
        known = (
            (disk, number)
            for uuids in (self._uuids, self._later)
            for disk, partitions in enumerate(uuids)
            for number, each in partitions.items()
            if each == uuid
        )
        return next(known, None)

    def _only_partition(self, number: int) -> tuple[int, int] | None:
        """Which disk an id of the old hardware meant is known only where one disk has that partition."""
        if not self._all_moved:
            return None
        places = [(disk, number) for disk, partitions in enumerate(self._uuids) if number in partitions]
        return places[0] if len(places) == 1 else None

    def _array(self, name: str) -> GuestFilesystem | None:
        """By mdadm.conf, else by the name that the members carry, else the only array there is."""
        arrays = [(each, each.array) for each in self._filesystems if each.array]
        listed = self._arrays.get(name)
        if listed:
            return next((each for each, array in arrays if array.uuid == listed), None)
        named = (each for each, array in arrays if name in _array_names(array.name))
        return next(named, arrays[0][0] if len(arrays) == 1 else None)


def _array_names(name: str) -> tuple[str, ...]:
    """Device names of an array that is called `host:0` or `boot`."""
    plain = name.rpartition(":")[2]
    return (f"/dev/md/{plain}", f"/dev/md/{name}", *([f"/dev/md{plain}"] if plain.isdigit() else []))


def _disk_number(letters: str) -> int:
    """a is 0, z is 25, aa is 26."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("a") + 1
    return number - 1


def _plain_volume(name: str) -> str:
    """/dev/mapper/vg0-my--root as /dev/vg0/my-root."""
    match = re.fullmatch(r"/dev/mapper/((?:[^-]|--)+)-((?:[^-]|--)+)", name)
    return f"/dev/{match[1].replace('--', '-')}/{match[2].replace('--', '-')}" if match else name
