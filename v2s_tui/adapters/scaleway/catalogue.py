"""Instance types as the API answers them, all pages: there is no `_all` call and the first page misses half
(reference: scaleway.md 1.3, 1.8, 2.4).
"""

import re
from datetime import UTC, date, datetime
from typing import Any

from v2s_tui.adapters.scaleway.pages import all_pages
from v2s_tui.domain.target.instance_types import Catalogue, InstanceType, Stock

_DEDICATED = ("POP2", "STANDARD", "COMPUTE", "MEMORY", "ENT1", "L4", "L40S", "H100", "B300", "RENDER")
"""Families with dedicated vCPUs; the API does not say (source: Scaleway's Instance datasheets, 2026)."""
_DEVELOPMENT = ("STARDUST1", "DEV1")


def read_catalogue(instance: Any, zone: str) -> Catalogue:
    """Types and stock of the zone through an SDK Instance API."""
    stock = dict(
        all_pages(
            lambda page, size: instance.get_server_types_availability(zone=zone, page=page, per_page=size),
            lambda answer: list(answer.servers.items()),
        )
    )
    rows = all_pages(
        lambda page, size: instance.list_servers_types(zone=zone, page=page, per_page=size),
        lambda answer: list(answer.servers.items()),
    )
    types = tuple(_type(name, row, stock.get(name)) for name, row in sorted(rows))
    return Catalogue(zone, types, "api", _today())


def _today() -> date:
    return datetime.now(UTC).date()


def _type(name: str, row: Any, availability: Any) -> InstanceType:
    family = family_of(name)
    block_storage = bool(row.capabilities and row.capabilities.block_storage)
    return InstanceType(
        name=name,
        family=family,
        vcpu_count=row.ncpus,
        memory_bytes=row.ram,
        price_hour_eur=float(row.hourly_price or 0),
        arch=str(row.arch),
        windows=name.endswith("-WIN"),
        dedicated_vcpu=family.startswith(_DEDICATED),
        gpu_count=row.gpu or 0,
        local_storage_max_bytes=row.volumes_constraint.max_size if row.volumes_constraint else 0,
        needs_local_storage=not block_storage,
        block_bandwidth=row.block_bandwidth or 0,
        internet_bandwidth=(row.network.sum_internet_bandwidth or 0) if row.network else 0,
        end_of_service=bool(row.end_of_service),
        development=family in _DEVELOPMENT,
        stock=_stock(availability),
    )


def family_of(name: str) -> str:
    """`POP2-HC-2C-4G` is of POP2-HC, `POP2-2C-8G-WIN` of POP2-WIN, `DEV1-S` of DEV1."""
    head, *rest = name.split("-")
    special = [part for part in rest if re.fullmatch(r"HC|HM|HN|WIN|SXM", part)]
    return "-".join([head, *special[:1]])


def _stock(availability: Any) -> Stock:
    word = str(getattr(availability, "availability", "") or "")
    return Stock(word) if word in set(Stock) else Stock.UNKNOWN
