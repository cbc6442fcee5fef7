"""Private Networks of a region as pre-flight needs them."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PrivateNetwork:
    """subnets: in CIDR notation, IPv4 and IPv6."""

    id: str
    name: str
    subnets: tuple[str, ...] = ()

    def holds(self, address: str) -> bool:
        """True when the address lies in one of its subnets."""
        wanted = ipaddress.ip_address(address)
        return any(wanted in ipaddress.ip_network(each, strict=False) for each in self.subnets)


def networks_named(networks: Iterable[PrivateNetwork], name_or_id: str) -> tuple[PrivateNetwork, ...]:
    """Those of that id or exact name."""
    return tuple(each for each in networks if name_or_id in {each.id, each.name})
