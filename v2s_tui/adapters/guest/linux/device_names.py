"""From names that do not survive the move to names that do: what /dev/sda1 was, as UUID=..."""

import re
from collections.abc import Callable, Sequence

from v2s_tui.domain.guest.facts import GuestFilesystem

_KERNEL_NAME = re.compile(r"/dev/(?:sd|vd|hd|xvd)(?P<letters>[a-z]{1,2})(?P<number>\d*)")
_NVME = re.compile(r"/dev/nvme(?P<disk>\d+)n1(?:p(?P<number>\d+))?")
_BY_HARDWARE = re.compile(r"/dev/disk/by-(?:path|id)/\S*?-part(?P<number>\d+)")
_PARTUUID = re.compile(r"(?:PARTUUID=|/dev/disk/by-partuuid/)(?P<uuid>[0-9a-fA-F-]+)")


class DeviceNames:
    """Looks up names of one guest. disks: how many it has, in the order of the source VM.

    At VMware the guest's sda, sdb... are its disks in that order: boot disk first, as v2s keeps them.
    """

    def __init__(self, filesystems: Sequence[GuestFilesystem], *, disks: int) -> None:
        self._filesystems, self._disks = tuple(filesystems), disks

    def find(self, name: str) -> GuestFilesystem | None:
        """What a source of fstab means: a device, UUID=, LABEL=, PARTUUID= or a volume of LVM."""
        key, _, value = name.partition("=")
        if key in {"UUID", "LABEL"} and value:
            wanted = value.strip('"')
            return self._first(lambda each: wanted == (each.uuid if key == "UUID" else each.label))
        if name.startswith("/dev/disk/by-uuid/"):
            return self._first(lambda each: each.uuid == name.rsplit("/", 1)[1])
        if name.startswith("/dev/disk/by-label/"):
            return self._first(lambda each: each.label == name.rsplit("/", 1)[1])
        if match := _PARTUUID.fullmatch(name):
            return self._first(lambda each: each.partition_uuid == match["uuid"].lower())
        place = self._place(name)
        if place:
            return self._first(lambda each: (each.disk_index, each.partition) == place)
        return self._first(lambda each: each.device == _plain_volume(name))

    def stable(self, name: str) -> str | None:
        """`UUID=...` for a name that does not survive; None when nothing is known by it."""
        found = self.find(name)
        return f"UUID={found.uuid}" if found and found.uuid else None

    def _first(self, fits: Callable[[GuestFilesystem], bool]) -> GuestFilesystem | None:
        return next((each for each in self._filesystems if fits(each)), None)

    def _place(self, name: str) -> tuple[int, int] | None:
        if match := _KERNEL_NAME.fullmatch(name):
            return _disk_number(match["letters"]), int(match["number"] or 0)
        if match := _NVME.fullmatch(name):
            return int(match["disk"]), int(match["number"] or 0)
        match = _BY_HARDWARE.fullmatch(name)
        return self._only_partition(int(match["number"])) if match else None

    def _only_partition(self, number: int) -> tuple[int, int] | None:
        """Which disk an id of the old hardware meant is known only where one disk has that partition."""
        places = {(each.disk_index, number) for each in self._filesystems if each.partition == number}
        return places.pop() if len(places) == 1 or (self._disks == 1 and places) else None


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
