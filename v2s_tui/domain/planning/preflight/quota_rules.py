"""Quotas that a whole batch draws on beside Instance types: Block Storage, flexible IPs, Private Networks.

The API's names of these are nowhere written down (reference: scaleway.md 4), so a limit is known by how its
name ends; where the account names none, Scaleway's default is held against the plan, and only warned of. What
is in use is known for the project and the places of the plan.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from v2s_tui.domain.planning.preflight.capacity_rules import UNLIMITED, plain_quota_name
from v2s_tui.domain.planning.preflight.findings import Finding, PreflightFacts, blocks, warns
from v2s_tui.domain.planning.preflight.new_network_rules import networks_to_make
from v2s_tui.domain.planning.resolved import PlannedVm, ResolvedPlan
from v2s_tui.domain.target.private_networks import region_of
from v2s_tui.domain.target.volume_size import target_size_bytes
from v2s_tui.domain.units import GB

BLOCK_STORAGE_USAGE = "block_storage_gb"
"""Key in a zone's usage: GB of all Block Storage volumes."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """code: of the finding. names: how quotas of this kind are called. fix: what helps beside a larger quota.

    default: of an organisation with a verified identity (docs: organization-quotas, 2024-10); None: nothing
    is said where the account names none.
    """

    code: str
    names: re.Pattern[str]
    what: str
    default: int | None
    fix: str


_BLOCK_STORAGE = _Kind(
    "block-storage-quota",
    re.compile(r"^(sbs|block|instance_volumes_b_ssd).*_(gb|size)$"),
    "GB of Block Storage",
    5000,
    "leave disks or VMs for a later batch",
)
_ADDRESSES = _Kind(
    "ip-quota",
    re.compile(r"ips$"),
    "flexible IPs",
    None,
    "public_ip: false where a Private Network is enough",
)
_NETWORKS = _Kind(
    "network-quota",
    re.compile(r"private_networks$"),
    "Private Networks",
    255,
    "map to networks that are there, or remove some",
)


@dataclass(frozen=True, slots=True)
class _Want:
    """What one of the plan takes. who: VM or network. place: zone or region."""

    who: str
    place: str
    amount: int


def quota_findings(plan: ResolvedPlan, facts: PreflightFacts) -> Iterable[Finding]:
    """All findings of this group; none where quotas were not asked. facts: as they were asked."""
    if facts.quotas is None:
        return
    vms = [each for each in _in_order(plan) if each.create_instance]
    volumes = [_Want(each.name, each.zone, volumes_gb(each)) for each in vms]
    addresses = [_Want(each.name, each.zone, 1) for each in vms if each.wants_public_ip]
    networks = [_Want(new.name, region, 1) for region, new in networks_to_make(plan, facts)]
    there = {region: len(found) for region, found in (facts.networks or {}).items()}
    yield from _beyond(_BLOCK_STORAGE, facts.quotas, volumes, _used(facts, BLOCK_STORAGE_USAGE))
    yield from _beyond(_ADDRESSES, facts.quotas, addresses, _used(facts, "ips"))
    yield from _beyond(_NETWORKS, facts.quotas, networks, there)


def volumes_gb(planned: PlannedVm) -> int:
    """Size of the VM's volumes at the target together: whole GB each, 10 for the boot volume at least."""
    disks = enumerate(planned.moving_disks())
    sizes = (
        target_size_bytes(disk.capacity_bytes, boot=index == 0, adapted=planned.adapt)
        for index, disk in disks
    )
    return sum(sizes) // GB


def _in_order(plan: ResolvedPlan) -> Iterable[PlannedVm]:
    planned = {each.name: each for each in plan.vms}
    return [planned[name] for wave in plan.waves for name in wave.vm_names]


def _used(facts: PreflightFacts, key: str) -> Mapping[str, int]:
    return {zone: usage.get(key, 0) for zone, usage in facts.usage.items()}


def _beyond(
    kind: _Kind, quotas: Mapping[str, int], wants: list[_Want], used: Mapping[str, int]
) -> Iterable[Finding]:
    limits = _limits(kind, quotas)
    for place, limit in limits.items():
        here = [each for each in wants if _covers(place, each.place)]
        in_use = sum(amount for where, amount in used.items() if _covers(place, where))
        if limit != UNLIMITED and here and in_use + sum(each.amount for each in here) > limit:
            yield _finding(kind, here, in_use, limit, place)
    if not limits and kind.default is not None:
        in_use, wanted = sum(used.values()), sum(each.amount for each in wants)
        if wants and in_use + wanted > kind.default:
            title = f"{wanted:,} more {kind.what} are wanted, {in_use:,} are in use"
            why = f"{kind.default:,} is the default of an organisation; the account names no limit of its own"
            yield warns(kind.code, title, why, f"compare with the quotas in Scaleway's console; {kind.fix}")


def _limits(kind: _Kind, quotas: Mapping[str, int]) -> Mapping[str, int]:
    """By place, "" for everywhere; the lowest where several names fit."""
    found: dict[str, int] = {}
    for name, limit in quotas.items():
        base, _, place = name.partition("@")
        if kind.names.search(plain_quota_name(base)):
            known = [each for each in (found.get(place, UNLIMITED), limit) if each != UNLIMITED]
            found[place] = min(known, default=UNLIMITED)
    return found


def _covers(limit_of: str, place: str) -> bool:
    return limit_of in {"", place, region_of(place)}


def _finding(kind: _Kind, wants: list[_Want], in_use: int, limit: int, place: str) -> Finding:
    wanted = sum(each.amount for each in wants)
    free = max(0, limit - in_use)
    where = f" in {place}" if place else ""
    why = f"{in_use:,} of {limit:,} are in use{where}; {_first_beyond(wants, free)} is the first without"
    fix = f"{kind.fix}, or ask Scaleway's support for {wanted - limit + in_use:,} more"
    return blocks(kind.code, f"{wanted:,} more {kind.what} are wanted, {free:,} free", why, fix)


def _first_beyond(wants: list[_Want], free: int) -> str:
    for each in wants:
        free -= each.amount
        if free < 0:
            return each.who
    return wants[-1].who
