"""What the plan wants of each network interface of a guest, and the rules that name it at the target.

Source: reference guest.md section 5: at Scaleway the first NIC is virtio-net in PCI slot 2 and is named ens2.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

_SYSTEM_NAME = re.compile(r"(eth|eno|ens|enp\d+s)\d+")
FIRST_TARGET_NAME = "ens2"


class NicMode(StrEnum):
    """KEEP: the addresses in the guest stay, under the new interface name. DHCP and STATIC replace them."""

    KEEP = "keep"
    DHCP = "dhcp"
    STATIC = "static"


@dataclass(frozen=True, slots=True)
class NicPlan:
    """One NIC, in the order of the source VM.

    source_mac: lower case with colons ("" unknown). source_name: the guest's name for it ("" when only the
    guest can tell). target_name: its name at Scaleway. addresses: with prefix length, `10.0.0.5/24`, for
    STATIC. gateway: "" none. nameservers: for STATIC.
    """

    mode: NicMode = NicMode.DHCP
    source_mac: str = ""
    source_name: str = ""
    target_name: str = FIRST_TARGET_NAME
    addresses: tuple[str, ...] = ()
    gateway: str = ""
    nameservers: tuple[str, ...] = ()


ONE_DHCP_NIC = (NicPlan(),)


@dataclass(frozen=True, slots=True)
class SourceInterface:
    """An interface as a configuration file of the guest describes it.

    mac: "" when the file does not pin one.
    """

    name: str
    mac: str = ""


def match_nics(
    interfaces: tuple[SourceInterface, ...], nics: tuple[NicPlan, ...]
) -> tuple[tuple[SourceInterface, NicPlan | None], ...]:
    """Which plan entry governs which configured interface: by MAC, else by name, else by order.

    The name at the source goes before that at the target: eth0 may be the second NIC of the source. Order is
    that of the numbers in their names, whatever the files are called (ens32 is before ens160).

    An interface without an entry gets None: it stays as it is, nobody knows what it is for.
    """
    left = list(nics)
    chosen: dict[int, NicPlan] = {}
    for fits in (_same_mac, _source_name, _target_name, _in_order):
        for index, interface in _numbered(interfaces):
            found = None if index in chosen else next((nic for nic in left if fits(interface, nic)), None)
            if found is not None:
                chosen[index] = found
                left.remove(found)
    return tuple((interface, chosen.get(index)) for index, interface in enumerate(interfaces))


def _numbered(interfaces: tuple[SourceInterface, ...]) -> list[tuple[int, SourceInterface]]:
    """With their places; sorted where all have names that the system gives."""
    placed = list(enumerate(interfaces))
    if all(_SYSTEM_NAME.fullmatch(each.name) for each in interfaces):
        placed.sort(key=lambda pair: [int(number) for number in re.findall(r"\d+", pair[1].name)])
    return placed


def _same_mac(interface: SourceInterface, nic: NicPlan) -> bool:
    return bool(nic.source_mac) and interface.mac.lower() == nic.source_mac.lower()


def _source_name(interface: SourceInterface, nic: NicPlan) -> bool:
    return bool(nic.source_name) and interface.name == nic.source_name


def _target_name(interface: SourceInterface, nic: NicPlan) -> bool:
    return interface.name == nic.target_name


def _in_order(_: SourceInterface, __: NicPlan) -> bool:
    return True
