"""Instance types that the lab sells, from the JSON beside this file (shortened, as of August 2026)."""

import json
from dataclasses import dataclass
from importlib import resources
from typing import Any

MIB = 1 << 20
GB = 10**9


@dataclass(frozen=True, slots=True)
class InstanceType:
    """One type. prices_eur_hour: by zone. availability: by zone where it is not `available`."""

    name: str
    vcpu: int
    ram_bytes: int
    arch: str
    gpu: int
    shared_cpu: bool
    end_of_service: bool
    prices_eur_hour: dict[str, float]
    block_mib_s: int
    internet_mbps: int
    internal_mbps: int
    local_max_gb: int
    scratch_max_gb: int
    availability: dict[str, str]

    def sold_in(self, zone: str) -> bool:
        """Whether the zone has this type at all."""
        return zone in self.prices_eur_hour

    def row(self, zone: str) -> dict[str, Any]:
        """The type as `products/servers` shows it (scaleway.md 1.8)."""
        hourly = self.prices_eur_hour[zone]
        return {
            "alt_names": [],
            "arch": self.arch,
            "ncpus": self.vcpu,
            "ram": self.ram_bytes,
            "gpu": self.gpu,
            "mig_profile": None,
            "volumes_constraint": {"min_size": 0, "max_size": self.local_max_gb * GB},
            "per_volume_constraint": {"l_ssd": {"min_size": GB, "max_size": 800 * GB}},
            "scratch_storage_max_size": self.scratch_max_gb * GB,
            "scratch_storage_max_volumes_count": 1 if self.scratch_max_gb else 0,
            "hourly_price": hourly,
            "monthly_price": round(hourly * 730, 5),
            "capabilities": {
                "boot_types": ["local", "rescue"],
                "placement_groups": True,
                "block_storage": True,
                "private_network": 8,
                "hot_snapshots_local_volume": True,
                "max_file_systems": 0,
            },
            "network": {
                "ipv6_support": True,
                "sum_internal_bandwidth": self.internal_mbps * 10**6,
                "sum_internet_bandwidth": self.internet_mbps * 10**6,
                "interfaces": [],
            },
            "block_bandwidth": self.block_mib_s * MIB,
            "end_of_service": self.end_of_service,
        }


class Catalogue:
    """All types, in the order of the file."""

    def __init__(self, types: list[InstanceType]) -> None:
        self._types = {each.name: each for each in types}

    @classmethod
    def bundled(cls) -> "Catalogue":
        """The catalogue that the lab ships."""
        text = resources.files("v2s_tui.lab.scaleway").joinpath("catalogue.json").read_text(encoding="utf-8")
        return cls([InstanceType(**row) for row in json.loads(text)["types"]])

    def sold_in(self, zone: str) -> list[InstanceType]:
        """Types of one zone."""
        return [each for each in self._types.values() if each.sold_in(zone)]

    def find(self, name: str, zone: str) -> InstanceType | None:
        """A type of that zone by name, None when it is not sold there."""
        found = self._types.get(name)
        return found if found and found.sold_in(zone) else None

    def zones(self) -> list[str]:
        """Zones in which anything is sold."""
        return sorted({zone for each in self._types.values() for zone in each.prices_eur_hour})
