"""What a plan costs at Scaleway: every month once it has landed, and once for the move itself.

Prices are EUR without VAT. Block Storage is billed per GB (10^9 bytes) of provisioned size; an Instance by
the hour while it runs, 730 hours a month.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from v2s_tui.domain.planning.plan_options import VolumeClass
from v2s_tui.domain.planning.rates import COMPRESSED_SHARE, data_bytes
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.target.instance_types import Catalogue, InstanceType
from v2s_tui.domain.target.volume_size import target_size_bytes
from v2s_tui.domain.units import GB, format_eur

DAYS_PER_MONTH = 30.4
DEFAULT_PRICES: Mapping[str, float] = {
    "block_gb": 0.000118 * 730,
    "snapshot_gb": 0.000044 * 730,
    "ipv4": 0.004 * 730,
    "object_gb": 0.0146,
}
"""EUR per month, Scaleway's documentation of 2025-03 and 2025-10 (scaleway.md 2.3). The price of 15,000 IOPS
was not to be found offline; without the API's answer (`block_gb_15k`) the common price counts, and a note
says so."""


@dataclass(frozen=True, slots=True)
class CostLine:
    """One VM. Monthly: instance (licence included), block (volumes, and snapshots that stay), ipv4.

    windows: the licence's share of instance; kept: the share of block of snapshots that stay.

    Once: transit (the object in Object Storage), snapshots (imported, where they go again), double_running
    (the target's own monthly cost for the days both run).
    """

    vm: str
    wave: str
    tags: tuple[str, ...]
    instance: float
    block: float
    ipv4: float
    windows: float = 0.0
    kept: float = 0.0
    transit: float = 0.0
    snapshots: float = 0.0
    double_running: float = 0.0

    @property
    def monthly(self) -> float:
        """What it costs every month from now on."""
        return self.instance + self.block + self.ipv4

    @property
    def once(self) -> float:
        """What the move costs."""
        return self.transit + self.snapshots + self.double_running


@dataclass(frozen=True, slots=True)
class Cost:
    """A plan's cost. notes: what is assumed or missing."""

    lines: tuple[CostLine, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def monthly(self) -> float:
        """All VMs, per month."""
        return sum(line.monthly for line in self.lines)

    @property
    def once(self) -> float:
        """All VMs, once."""
        return sum(line.once for line in self.lines)

    def by_wave(self) -> dict[str, float]:
        """Monthly cost of each wave, in the order of the plan."""
        return _sums((line.wave, line.monthly) for line in self.lines)


def plan_cost(
    vms: Iterable[PlannedVm],
    catalogue_of_zone: Callable[[str], Catalogue],
    *,
    prices: Mapping[str, float] | None = None,
    image: bool = False,
    transit_days: float = 2.0,
    double_running_days: float = 0.0,
) -> Cost:
    """The cost of these VMs. prices: EUR per month by the keys of DEFAULT_PRICES, the API's own where
    known. image: one is made of each VM, whose snapshots stay.
    """
    known = dict(DEFAULT_PRICES) | dict(prices or {})
    planned = tuple(vms)
    lines = tuple(
        _line(
            each,
            catalogue_of_zone(each.zone),
            known,
            image=image,
            share=transit_days / DAYS_PER_MONTH,
            both_days=double_running_days,
        )
        for each in planned
    )
    return Cost(lines, tuple(_notes(planned, lines, known, prices is None)))


def _line(
    planned: PlannedVm,
    catalogue: Catalogue,
    prices: Mapping[str, float],
    *,
    image: bool,
    share: float,
    both_days: float,
) -> CostLine:
    """share: of a month for which transit data lies there."""
    found = catalogue.get(planned.target_type) if planned.target_type else None
    running = planned.create_instance and found is not None
    instance = found.price_month_eur if found and running else 0.0
    volumes = tuple(_volumes(planned))
    snapshots = sum(gb for gb, _ in volumes) * prices["snapshot_gb"]
    kept = snapshots if image or not planned.create_instance else 0.0
    block = kept + sum(
        gb * prices.get(_price_key(volume_class), prices["block_gb"])
        for gb, volume_class in volumes
        if planned.create_instance
    )
    ipv4 = prices["ipv4"] if running and planned.wants_public_ip else 0.0
    return CostLine(
        vm=planned.name,
        wave=planned.wave,
        tags=planned.tags,
        instance=instance,
        block=block,
        ipv4=ipv4,
        kept=kept,
        windows=_licence(found, catalogue) if found and running else 0.0,
        transit=data_bytes(planned) * COMPRESSED_SHARE / GB * prices["object_gb"] * share,
        snapshots=(snapshots - kept) * share,
        double_running=(instance + block + ipv4) * both_days / DAYS_PER_MONTH,
    )


def _volumes(planned: PlannedVm) -> Iterable[tuple[int, VolumeClass]]:
    for index, disk in enumerate(planned.moving_disks()):
        size_bytes = target_size_bytes(disk.capacity_bytes, boot=index == 0, adapted=planned.adapt)
        yield size_bytes // GB, planned.volume_class_of(disk.key)


def _price_key(volume_class: VolumeClass) -> str:
    return "block_gb_15k" if volume_class is VolumeClass.SBS_15K else "block_gb"


def _licence(found: InstanceType, catalogue: Catalogue) -> float:
    """What the -WIN type costs above the same type without the licence."""
    plain = catalogue.get(found.name.removesuffix("-WIN")) if found.windows else None
    return found.price_month_eur - plain.price_month_eur if plain else 0.0


def _notes(
    planned: tuple[PlannedVm, ...], lines: tuple[CostLine, ...], prices: Mapping[str, float], offline: bool
) -> Iterable[str]:
    if offline:
        yield "storage and address prices are documented ones of 2025, not asked today"
    running = {each.name for each in planned if each.create_instance}
    kept = sum(line.kept for line in lines)
    if kept:
        image = any(line.kept for line in lines if line.vm in running)
        why = "images keep (scaleway.image: false makes none)" if image else "are kept in place of Instances"
        yield f"of it {format_eur(kept)} for snapshots that {why}"
    unpriced = [line.vm for line in lines if line.instance == 0 and line.vm in running]
    if unpriced:
        yield f"{len(unpriced)} VMs have no Instance price: {', '.join(unpriced[:5])}"
    fast = any(volume_class is VolumeClass.SBS_15K for each in planned for _, volume_class in _volumes(each))
    if fast and "block_gb_15k" not in prices:
        yield "the price of 15,000 IOPS is not known; the common price is counted"


def _sums(pairs: Iterable[tuple[str, float]]) -> dict[str, float]:
    totals: dict[str, float] = {}
    for key, value in pairs:
        totals[key] = totals.get(key, 0.0) + value
    return totals
