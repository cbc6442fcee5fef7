"""Private Networks and VPCs of a region as pre-flight and stages need them."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

UNUSABLE_PER_SUBNET = 4
"""The first two and the last two addresses of a subnet cannot be had (docs: ipam/concepts, 2025-02)."""


def region_of(place: str) -> str:
    """`fr-par` of the zone `fr-par-1`; a region is its own."""
    return "-".join(place.split("-")[:2])


@dataclass(frozen=True, slots=True)
class Vpc:
    """A Virtual Private Cloud; the default one takes networks that name none."""

    id: str
    name: str
    default: bool = False


@dataclass(frozen=True, slots=True)
class PrivateNetwork:
    """subnets: in CIDR notation, IPv4 and IPv6. taken: addresses that are booked or in use, as far as asked.

    id: "" for one that is still to be made.
    """

    id: str
    name: str
    subnets: tuple[str, ...] = ()
    vpc_id: str = ""
    taken: frozenset[str] = frozenset()

    def holds(self, address: str) -> bool:
        """True when the address lies in one of its subnets and can be booked there."""
        wanted = ipaddress.ip_address(address)
        return any(wanted in subnet and _usable(wanted, subnet) for subnet in self.networks())

    def networks(self) -> tuple[Network, ...]:
        """Its subnets, parsed."""
        return tuple(ipaddress.ip_network(each, strict=False) for each in self.subnets)


def usable_addresses(subnet: Network) -> int:
    """How many addresses of it can be booked."""
    return max(0, subnet.num_addresses - UNUSABLE_PER_SUBNET)


def overlapping(one: Iterable[Network], other: Iterable[Network]) -> tuple[Network, Network] | None:
    """The first two subnets that share addresses."""
    others = tuple(other)
    for mine in one:
        for theirs in others:
            if mine.version == theirs.version and mine.overlaps(theirs):
                return mine, theirs
    return None


def networks_named(networks: Iterable[PrivateNetwork], name_or_id: str) -> tuple[PrivateNetwork, ...]:
    """Those of that id or exact name."""
    return tuple(each for each in networks if name_or_id in {each.id, each.name})


def vpcs_named(vpcs: Iterable[Vpc], name_or_id: str | None) -> tuple[Vpc, ...]:
    """Those of that id or exact name; the default one for None."""
    if name_or_id is None:
        return tuple(each for each in vpcs if each.default)
    return tuple(each for each in vpcs if name_or_id in {each.id, each.name})


def _usable(address: ipaddress.IPv4Address | ipaddress.IPv6Address, subnet: Network) -> bool:
    place = int(address) - int(subnet.network_address)
    return 2 <= place < subnet.num_addresses - 2
