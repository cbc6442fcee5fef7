"""A folder laid out as the virtio-win ISO is, with phony drivers: no driver of anybody is shipped."""

from pathlib import Path

_DRIVERS = ("vioscsi", "NetKVM", "viostor", "Balloon", "vioserial", "viorng")
_SYSTEMS = ("2k16", "2k19", "2k22", "2k25", "w10", "w11")


def write_virtio_win(folder: Path) -> Path:
    """Write what is missing; the folder itself, for `conversion.virtio_win_iso`."""
    for driver in _DRIVERS:
        for system in _SYSTEMS:
            _write_driver(folder / driver / system / "amd64", driver, system)
    return folder


def _write_driver(place: Path, driver: str, system: str) -> None:
    if place.exists():
        return
    place.mkdir(parents=True)
    name = driver.lower()
    text = f"; phony driver of the lab\r\n[Version]\r\nSignature=$WINDOWS NT$\r\nCatalogFile={name}.cat\r\n"
    (place / f"{name}.inf").write_text(text)
    (place / f"{name}.sys").write_bytes(b"MZ phony " + f"{driver} for {system}".encode())
    (place / f"{name}.cat").write_bytes(b"phony catalogue")
