"""Where a VM's NICs go: which get a private NIC, with which fixed address, and where it should answer."""

from dataclasses import dataclass

from v2s_tui.domain.guest.network import NicMode
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.target.network_map import NO_NETWORK, PUBLIC, PlannedNic


@dataclass(frozen=True, slots=True)
class TargetNic:
    """A private NIC to make. index: of the source NIC. address: to book in IPAM, None for DHCP."""

    index: int
    network: str
    address: str | None


def target_nics(planned: PlannedVm) -> tuple[TargetNic, ...]:
    """Private NICs in the order of the source."""
    return tuple(
        TargetNic(index, nic.network, _address(planned, nic))
        for index, nic in enumerate(planned.nics)
        if nic.network not in {"", PUBLIC, NO_NETWORK}
    )


def reachable_at(planned: PlannedVm, public_ip: str) -> str:
    """Where the started VM should answer: its public address, else its first fixed one, else ""."""
    return public_ip or next((nic.address for nic in target_nics(planned) if nic.address), "")


def is_of_source(planned: PlannedVm, address: str) -> bool:
    """True when the source has this address too: while it runs, who answers there may be the source."""
    return address in {each.partition("/")[0] for nic in planned.vm.nics for each in nic.ip_addresses}


def _address(planned: PlannedVm, nic: PlannedNic) -> str | None:
    """The first IPv4 address of a NIC that keeps or is given one."""
    if nic.mode is NicMode.DHCP:
        return None
    if nic.mode is NicMode.STATIC:
        candidates = nic.addresses
    else:
        candidates = next(
            (
                each.ip_addresses
                for each in planned.vm.nics
                if each.mac_address.casefold() == nic.mac_address.casefold()
            ),
            (),
        )
    return next((each.partition("/")[0] for each in candidates if ":" not in each), None)
