"""Monthly prices of storage and addresses; what the API does not answer is as its documentation had it."""

from collections.abc import Mapping
from typing import Any

from v2s_tui.adapters.scaleway.pages import all_pages
from v2s_tui.domain.units import HOURS_PER_MONTH

DOCUMENTED = {
    "block_gb": 0.000118 * HOURS_PER_MONTH,
    "block_gb_15k": 0.000177 * HOURS_PER_MONTH,
    "snapshot_gb": 0.000044 * HOURS_PER_MONTH,
    "ipv4": 0.004 * HOURS_PER_MONTH,
    "object_gb": 0.0146,
}
"""EUR per month without VAT (source: Scaleway documentation, 2025-03 and 2025-10). The 15k price is not
published there: one and a half times 5k is assumed until the API answers.
"""


def read_monthly_prices(block: Any, zone: str) -> Mapping[str, float]:
    """EUR per GB and month of each class, per address, per GB of Object Storage."""
    prices = dict(DOCUMENTED)
    for volume_type in all_pages(
        lambda page, size: block.list_volume_types(zone=zone, page=page, page_size=size),
        lambda answer: list(answer.volume_types),
    ):
        iops = getattr(volume_type.specs, "perf_iops", None)
        if volume_type.pricing:
            prices["block_gb_15k" if iops == 15000 else "block_gb"] = _monthly(volume_type.pricing)
        if volume_type.snapshot_pricing:
            prices["snapshot_gb"] = _monthly(volume_type.snapshot_pricing)
    return prices


def _monthly(money: Any) -> float:
    return float((money.units or 0) + (money.nanos or 0) / 1e9) * HOURS_PER_MONTH
