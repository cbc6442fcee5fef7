"""Instance types shipped with v2s: what the Scaleway API answered on a known day, for work without it.

The file is data/catalogue.csv (one row per type, EUR without VAT). Stock is unknown here; figures may be old,
so every Catalogue says `bundled` and the day.
"""

import csv
from datetime import date
from functools import lru_cache
from importlib.resources import files

from v2s_tui.domain.errors import InputError
from v2s_tui.domain.target.instance_types import Catalogue, InstanceType
from v2s_tui.domain.units import GB, GIB, MIB

_DEVELOPMENT_FAMILIES = {"STARDUST1", "DEV1"}
"""Seed's category "development", never chosen automatically (seed-system.md A5); PLAY2 is not in it."""


@lru_cache(maxsize=1)
def _rows() -> tuple[dict[str, str], ...]:
    resource = files("v2s_tui.adapters.formats") / "data" / "catalogue.csv"
    with resource.open("r", encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


def bundled_zones() -> tuple[str, ...]:
    """Zones of which the file knows types."""
    return tuple(sorted({zone for row in _rows() for zone in row["zones_seen"].split("|") if zone}))


@lru_cache(maxsize=32)
def bundled_catalogue(zone: str) -> Catalogue:
    """The zone's types. Raises InputError for a zone that the file does not know."""
    rows = [row for row in _rows() if zone in row["zones_seen"].split("|")]
    if not rows:
        raise InputError(
            f"no Instance types are known for zone {zone!r}", hint=f"known: {', '.join(bundled_zones())}"
        )
    as_of = max(date.fromisoformat(row["as_of"]) for row in rows)
    return Catalogue(zone, tuple(_type(row, zone) for row in rows), "bundled", as_of)


def _type(row: dict[str, str], zone: str) -> InstanceType:
    return InstanceType(
        name=row["name"],
        family=row["family"],
        vcpu_count=int(row["vcpu"]),
        memory_bytes=round(float(row["ram_gib"]) * GIB),
        price_hour_eur=_price(row, zone),
        arch=row["arch"],
        windows=row["os"].startswith("windows"),
        dedicated_vcpu=row["cpu_sharing"] == "dedicated",
        gpu_count=int(row["gpu"] or 0),
        local_storage_max_bytes=round(float(row["lssd_total_max_gb"] or 0) * GB),
        needs_local_storage="sbs" not in row["storage"],
        block_bandwidth=round(float(row["block_mib_s"] or 0) * MIB),
        internet_bandwidth=round(float(row["internet_mbps"] or 0) * 10**6),
        end_of_service=row["end_of_service"] == "True" or row["catalog_status"] in {"retired", "end_of_sale"},
        development=row["family"] in _DEVELOPMENT_FAMILIES,
    )


def _price(row: dict[str, str], zone: str) -> float:
    elsewhere = dict(each.split("=") for each in row["price_other_zones"].split("|") if each)
    return float(elsewhere.get(zone, row["eur_hour"]))
