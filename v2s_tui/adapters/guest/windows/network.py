"""Addresses of a Windows guest: read from its registry, and set again behind the new NICs at the first boot.

Windows keeps addresses by the GUID of an adapter. At Scaleway every adapter is new, so a static address is
lost unless something sets it again.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from v2s_tui.domain.guest.network import NicMode, NicPlan

NETWORK_CLASS = "{4d36e972-e325-11ce-bfc1-08002be10318}"


@dataclass(frozen=True, slots=True)
class StaticAddress:
    """Of one adapter at the source. addresses: with prefix length, `10.0.0.5/24`. gateway: "" none."""

    addresses: tuple[str, ...]
    gateway: str = ""
    nameservers: tuple[str, ...] = ()


def static_address(
    addresses: Sequence[str], masks: Sequence[str], gateways: Sequence[str], nameservers: str
) -> StaticAddress | None:
    """From the values of an interface's key; None when they hold no usable address.

    What is no IP address is left out: all of this is the guest's own text and ends up in a script.
    """
    pairs = (_interface(address, mask) for address, mask in zip(addresses, masks, strict=False))
    usable = tuple(pair for pair in pairs if pair)
    if not usable:
        return None
    gateway = next((each for each in gateways if is_address(each)), "")
    servers = nameservers.replace(",", " ").split()
    return StaticAddress(usable, gateway, tuple(each for each in servers if is_address(each)))


def _interface(address: str, mask: str) -> str:
    try:
        found = ipaddress.IPv4Interface(f"{address}/{mask}")
    except ValueError:
        return ""
    return "" if found.ip.is_unspecified else found.with_prefixlen


def is_address(text: str) -> bool:
    """True for one plain IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """What each NIC shall get, in the plan's order (None: DHCP), and what an operator should know."""

    wanted: tuple[StaticAddress | None, ...]
    warnings: tuple[str, ...] = ()


def plan_network(nics: Sequence[NicPlan], found: Sequence[StaticAddress]) -> NetworkPlan:
    """NICs that keep their address take the source's static ones in the order of its adapters."""
    left = list(found)
    wanted = tuple(_wanted(nic, left) for nic in nics)
    lost = [address for each in left for address in each.addresses]
    if not lost:
        return NetworkPlan(wanted)
    return NetworkPlan(wanted, (f"static addresses of the source are not taken over: {', '.join(lost)}",))


def _wanted(nic: NicPlan, left: list[StaticAddress]) -> StaticAddress | None:
    if nic.mode is NicMode.STATIC:
        addresses = tuple(each for each in nic.addresses if _is_interface(each))
        return StaticAddress(addresses, nic.gateway, nic.nameservers) if addresses else None
    if nic.mode is NicMode.KEEP and left:
        return left.pop(0)
    return None


def _is_interface(text: str) -> bool:
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return "/" in text
