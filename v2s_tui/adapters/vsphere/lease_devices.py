"""Which disk a lease's URL is: deviceUrl keys to disk device keys.

The rule, in this order, for each URL that is a disk:
1. its key ends in `<ControllerType><bus>:<unit>` (`/vm-47/VirtualLsiLogicController0:0`, as vCenter and ESXi
   write it): the disk on that controller type, bus and unit;
2. its key ends in `disk:<n>` (vcsim): the n-th disk in the order of the hardware list;
3. no key fits a rule and there are as many URLs as disks: by order.
Anything else, or two URLs for one disk, is an error: a wrong guess would write one disk's bytes into another.
Device key numbers are never used: they are the server's own business.
"""

import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from v2s_tui.adapters.vsphere import tls
from v2s_tui.adapters.vsphere.hardware import controller_type
from v2s_tui.adapters.vsphere.values import Parts, Value, flag_of, items_of, parts_of, text_of
from v2s_tui.domain.errors import LeaseFailed
from v2s_tui.domain.source.vm import Disk

_BY_CONTROLLER = re.compile(r"(?P<kind>[A-Za-z]+)(?P<bus>\d+):(?P<unit>\d+)$")
_BY_NUMBER = re.compile(r"^disk:(?P<number>\d+)$")


@dataclass(frozen=True, slots=True)
class DeviceUrl:
    """One URL of a lease. key: the lease's own name for the device. thumbprint: SHA-1 of the serving host."""

    key: str
    url: str
    thumbprint: str = ""
    disk: bool = True


def device_urls(value: Value | None, *, dialled: str) -> tuple[DeviceUrl, ...]:
    """The URLs of `info.deviceUrl`; host `*` (an ESXi that does not know its name) becomes the dialled one.

    dialled: `host:port`.
    """
    return tuple(
        DeviceUrl(
            key=text_of(parts.get("key")),
            url=reachable(text_of(parts.get("url")), dialled),
            thumbprint=_thumbprint(parts),
            disk=flag_of(parts.get("disk")) is not False,
        )
        for parts in map(parts_of, items_of(value))
    )


def _thumbprint(parts: Parts) -> str:
    """Of the serving host. vSphere 9 sends its certificate (PEM), and may leave the thumbprint out."""
    pem = parts.get("sslCertificate")
    said = text_of(parts.get("sslThumbprint"))
    if said or not isinstance(pem, str) or not pem:
        return said
    try:
        return tls.thumbprint(ssl.PEM_cert_to_DER_cert(pem.strip()))
    except ValueError:
        return ""


def reachable(url: str, dialled: str) -> str:
    """The URL with a host that can be dialled."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=dialled)) if parts.netloc.partition(":")[0] == "*" else url


def match_disks(urls: Sequence[DeviceUrl], disks: Sequence[Disk]) -> tuple[tuple[DeviceUrl, Disk], ...]:
    """Each disk URL with its disk. disks: in the order of the hardware list. Raises LeaseFailed."""
    offered = [url for url in urls if url.disk]
    matched = [(url, _disk_of(url.key, disks)) for url in offered]
    if not any(disk for _, disk in matched) and len(offered) == len(disks):
        return tuple(zip(offered, disks, strict=True))
    found = tuple((url, disk) for url, disk in matched if disk is not None)
    if len(found) != len(offered) or len({disk.key for _, disk in found}) != len(found):
        keys = ", ".join(url.key for url in offered)
        raise LeaseFailed(
            f"The lease offers disks that are not in the VM's hardware: {keys}",
            hint="Were disks added or removed since the snapshot? Take a new one",
        )
    return found


def _disk_of(key: str, disks: Sequence[Disk]) -> Disk | None:
    name = key.rpartition("/")[2]
    if place := _BY_CONTROLLER.search(name):
        for disk in disks:
            if (controller_type(disk.controller), disk.controller_bus, disk.unit_number) == (
                place["kind"],
                int(place["bus"]),
                int(place["unit"]),
            ):
                return disk
    if numbered := _BY_NUMBER.match(name):
        number = int(numbered["number"])
        return disks[number] if number < len(disks) else None
    return None
