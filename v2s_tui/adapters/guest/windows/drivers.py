"""virtio drivers for Windows, from a virtio-win ISO or folder that the operator supplies; none are shipped.

Layout of virtio-win: DRIVER/OS/ARCHITECTURE/*.{inf,sys,cat,...}. Source: the virtio-win project's ISO.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from v2s_tui.adapters.guest.windows.iso9660 import IsoDamaged, list_iso, read_iso
from v2s_tui.domain.errors import InputError

BOOT_DRIVER, NETWORK_DRIVER = "vioscsi", "NetKVM"
REQUIRED = (BOOT_DRIVER, NETWORK_DRIVER)
WANTED = (BOOT_DRIVER, NETWORK_DRIVER, "viostor", "Balloon", "vioserial", "viorng", "pvpanic")
_SUFFIXES = (".inf", ".sys", ".cat", ".dll", ".exe")
_MAX_FILE_BYTES = 32 * 1024**2
_BUILDS = (
    (26100, "2k25", "w11"),
    (22000, "2k22", "w11"),
    (20348, "2k22", "w10"),
    (17763, "2k19", "w10"),
    (10240, "2k16", "w10"),
)
_FALLBACK = ("2k22", "2k19", "2k16", "w11", "w10")


@dataclass(frozen=True, slots=True)
class Driver:
    """One driver for one Windows. folder: where it was found. files: content by lower-case name."""

    name: str
    folder: str
    files: dict[str, bytes]

    @property
    def inf_name(self) -> str:
        """Name of its .inf file."""
        return next(name for name in sorted(self.files) if name.endswith(".inf"))

    @property
    def service_file(self) -> str:
        """Name of its main .sys file."""
        wanted = f"{self.name.lower()}.sys"
        return (
            wanted
            if wanted in self.files
            else next(name for name in sorted(self.files) if name.endswith(".sys"))
        )


def driver_folders(build: int, *, server: bool) -> tuple[str, ...]:
    """OS folders of virtio-win to look into, best first."""
    own = next(
        (names[0 if server else 1] for (*names,) in ((s, c) for floor, s, c in _BUILDS if build >= floor)), ""
    )
    return tuple(dict.fromkeys(name for name in (own, *_FALLBACK) if name))


def load_drivers(
    source: Path, *, build: int, server: bool, architecture: str = "amd64"
) -> tuple[Driver, ...]:
    """The drivers for a Windows of that build, the required ones first.

    Raises InputError when the source is no virtio-win or lacks a driver that the target needs.
    """
    names, read = _open(source)
    found = []
    for driver in WANTED:
        loaded = _load(driver, names, read, driver_folders(build, server=server), architecture)
        if loaded is not None:
            found.append(loaded)
        elif driver in REQUIRED:
            raise InputError(
                f"{source} has no driver {driver} for Windows build {build} ({architecture})",
                hint="give a virtio-win ISO or its unpacked folder (conversion.virtio_win_iso)",
            )
    return tuple(found)


def _open(source: Path) -> tuple[dict[str, str], Callable[[str], bytes]]:
    """Paths by their lower-case form, and how to read one."""
    if source.is_dir():
        paths = {
            path.relative_to(source).as_posix(): path for path in source.glob("*/*/*/*") if path.is_file()
        }
        return {name.lower(): name for name in paths}, lambda name: paths[name].read_bytes()
    try:
        files = list_iso(source)
    except (OSError, IsoDamaged) as error:
        raise InputError(
            f"{source} is neither a folder nor an ISO image that can be read: {error}"
        ) from error
    return {name.lower(): name for name in files}, lambda name: read_iso(source, files[name])


def _load(
    driver: str,
    names: dict[str, str],
    read: Callable[[str], bytes],
    folders: tuple[str, ...],
    architecture: str,
) -> Driver | None:
    for folder in folders:
        prefix = f"{driver}/{folder}/{architecture}/".lower()
        inside = [name for name in names if name.startswith(prefix) and name.endswith(_SUFFIXES)]
        if any(name.endswith(".inf") for name in inside) and any(name.endswith(".sys") for name in inside):
            files = {name.removeprefix(prefix): read(names[name]) for name in inside}
            return Driver(
                driver, prefix.rstrip("/"), {n: c for n, c in files.items() if len(c) <= _MAX_FILE_BYTES}
            )
    return None
