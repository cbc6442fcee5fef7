"""Instance types of a zone: what each offers, costs and refuses.

Source of fields: Scaleway API `instance/v1 products/servers` and its availability call.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from v2s_tui.domain.units import HOURS_PER_MONTH


class Stock(StrEnum):
    """Availability as the API answers it; UNKNOWN when it was not asked."""

    AVAILABLE = "available"
    SCARCE = "scarce"
    SHORTAGE = "shortage"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class InstanceType:
    """One commercial type in one zone. Prices in EUR without VAT.

    max_volumes: Block Storage volumes it can carry. local_storage_max_bytes: 0 when it has none.
    block_bandwidth: bytes per second to Block Storage (0 unknown). internet_bandwidth: bits per second.
    """

    name: str
    family: str
    vcpu_count: int
    memory_bytes: int
    price_hour_eur: float
    arch: str = "x86_64"
    windows: bool = False
    dedicated_vcpu: bool = False
    gpu_count: int = 0
    max_volumes: int = 16
    local_storage_max_bytes: int = 0
    needs_local_storage: bool = False
    block_bandwidth: int = 0
    internet_bandwidth: int = 0
    end_of_service: bool = False
    development: bool = False
    stock: Stock = Stock.UNKNOWN

    @property
    def price_month_eur(self) -> float:
        """730 hours, as Scaleway's own monthly price."""
        return self.price_hour_eur * HOURS_PER_MONTH


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The types of one zone. source: `api` or `bundled`; as_of: the day its figures are of."""

    zone: str
    types: tuple[InstanceType, ...]
    source: str
    as_of: date

    def get(self, name: str) -> InstanceType | None:
        """The type of this name (case matters not), None when the zone does not offer it."""
        wanted = name.upper()
        return next((each for each in self.types if each.name.upper() == wanted), None)
