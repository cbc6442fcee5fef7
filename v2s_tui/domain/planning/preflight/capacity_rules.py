"""Capacity rules for the whole plan: Instance types per wave, work disk, transit storage, rights."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from v2s_tui.domain.planning.plan import SizingStrategy
from v2s_tui.domain.planning.preflight.findings import Finding, PreflightFacts, Severity, blocks, notes, warns
from v2s_tui.domain.planning.rates import COMPRESSED_SHARE, data_bytes
from v2s_tui.domain.planning.resolved import PlannedVm, ResolvedPlan
from v2s_tui.domain.planning.source_power import POWER_PRIVILEGES, power_by_wave
from v2s_tui.domain.target.instance_types import Catalogue
from v2s_tui.domain.target.private_networks import region_of
from v2s_tui.domain.target.sizing import choose_for, need_of
from v2s_tui.domain.units import TB, format_bytes

MOST_TRANSIT_BYTES = 250 * TB
"""Object Storage of one project (scaleway.md 2.2)."""
UNLIMITED = -1


def capacity_findings(
    plan: ResolvedPlan, catalogue_of_zone: Callable[[str], Catalogue], facts: PreflightFacts
) -> Iterable[Finding]:
    """All findings of this group; those without `vm` concern the whole batch."""
    yield from _selection(plan)
    yield from _access(plan, facts)
    yield from _type_quotas(plan, catalogue_of_zone, facts)
    yield from _work_disk(plan, facts)
    transit = sum(data_bytes(each) * COMPRESSED_SHARE for each in plan.vms)
    if transit > MOST_TRANSIT_BYTES:
        fix = "run in several batches"
        yield blocks("transit-size", f"{transit / TB:.0f} TB of transit data", "a project has 250 TB", fix)


def _selection(plan: ResolvedPlan) -> Iterable[Finding]:
    if not plan.vms:
        fix = "check migrations and exclude"
        yield blocks("empty-plan", "the plan selects no VM", "there is nothing to do", fix, overridable=False)
    for selector in plan.unmatched_selectors:
        yield warns(
            "unmatched", f"{selector!r} selects no VM", "it may be mistyped, or the VM is gone", "correct it"
        )


def _access(plan: ResolvedPlan, facts: PreflightFacts) -> Iterable[Finding]:
    for problem in facts.access_problems:
        fix = "`v2s doctor` looks at the way there, the account and its rights, with the fix for each"
        yield blocks("scaleway-access", problem, "the move would fail half way", fix, overridable=False)
    touched = {name for each in power_by_wave(plan) for name in each.names}
    for planned in plan.vms:
        lacking = facts.missing_privileges.get(planned.vm.moref, ())
        missing = [each for each in lacking if each not in POWER_PRIVILEGES or planned.name in touched]
        if missing:
            yield Finding(
                "rights",
                Severity.BLOCKS,
                f"no right to {', '.join(missing)}",
                "the vCenter account lacks these privileges on the VM",
                "add them to the account's role",
                vm=planned.name,
            )


def type_quota(quotas: Mapping[str, int], type_name: str, zone: str) -> int | None:
    """The limit for one Instance type, None when no quota names it; quota names end with the type's name.

    One for the zone (`name@fr-par-1`) wins over one for its region, that over one for everywhere.
    """
    wanted = plain_quota_name(type_name)
    found: dict[str, int] = {}
    for name, limit in quotas.items():
        base, _, place = name.partition("@")
        if f"_{plain_quota_name(base)}".endswith(f"_{wanted}"):
            found.setdefault(place, limit)
    return next((found[place] for place in (zone, region_of(zone), "") if place in found), None)


def plain_quota_name(name: str) -> str:
    """Small letters, digits and underscores: names are compared so."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower())


def _type_quotas(
    plan: ResolvedPlan, catalogue_of_zone: Callable[[str], Catalogue], facts: PreflightFacts
) -> Iterable[Finding]:
    if facts.quotas is None:
        yield notes(
            "quotas-unknown", "quotas were not asked", "default quotas are small: 5 POP2-2C-8G, 2 POP2-8C-32G"
        )
        return
    demand: Counter[tuple[str, str]] = Counter()
    reported: set[tuple[str, str]] = set()
    for wave in plan.waves:
        members = [
            each for each in plan.vms if each.wave == wave.name and each.create_instance and each.target_type
        ]
        for planned in members:
            demand[planned.zone, planned.target_type] += 1
        for key in dict.fromkeys((each.zone, each.target_type) for each in members):
            free = _free(key, facts)
            if free is None or demand[key] <= free or key in reported:
                continue
            reported.add(key)
            late = [each for each in members if (each.zone, each.target_type) == key]
            late = late[-(demand[key] - max(free, 0)) :]
            way_out = _substitute(late, catalogue_of_zone(key[0]), facts)
            yield _quota_finding(wave.name, late, demand[key], way_out)


def _free(key: tuple[str, str], facts: PreflightFacts) -> int | None:
    zone, type_name = key
    limit = type_quota(facts.quotas or {}, type_name, zone)
    if limit is None or limit == UNLIMITED:
        return None
    return limit - facts.usage.get(zone, {}).get(type_name, 0)


def _quota_finding(wave: str, late: list[PlannedVm], wanted: int, way_out: str) -> Finding:
    """late: the VMs of the wave that are too many."""
    type_name, zone, lacking = late[0].target_type, late[0].zone, len(late)
    names = ", ".join(each.name for each in late[:5])
    return Finding(
        "quota",
        Severity.BLOCKS,
        f"{wanted} {type_name} in {zone} by wave {wave}, {wanted - lacking} allowed",
        "the quota of this type is used up before the wave is through",
        f"move {names} to a later batch, {way_out}or ask Scaleway's support for {lacking} more {type_name}",
        wave=wave,
    )


def _substitute(late: list[PlannedVm], catalogue: Catalogue, facts: PreflightFacts) -> str:
    """`to TYPE (EUR n/month), `: the best other type whose quota takes the VMs that are too many."""
    choice = choose_for(need_of(late[0].vm), catalogue, SizingStrategy.COST)
    for name in filter(None, (choice.type_name, *choice.alternatives)):
        free = _free((catalogue.zone, name), facts)
        if name != late[0].target_type and (free is None or free >= len(late)):
            found = catalogue.get(name)
            price = f" (EUR {found.price_month_eur:.2f}/month)" if found else ""
            return f"use {name}{price}, "
    return ""


def _work_disk(plan: ResolvedPlan, facts: PreflightFacts) -> Iterable[Finding]:
    free = facts.work_free_bytes
    if free is None:
        return
    for planned in plan.vms:
        peak = facts.work_bytes(planned)
        if peak > free:
            yield Finding(
                "work-disk",
                Severity.BLOCKS,
                f"needs {format_bytes(peak)} of work disk, {format_bytes(free)} free",
                "its copy does not fit beside nothing else",
                "free space, or set conversion.work_dir to a larger disk",
                vm=planned.name,
            )
    peaks = sorted((facts.work_bytes(each) for each in plan.vms), reverse=True)
    together = sum(peaks[: plan.limits.global_])
    if together > free >= max(peaks, default=0):
        why = "VMs wait for space; the run takes longer"
        title = f"{format_bytes(together)} of work disk at the peak, {format_bytes(free)} free"
        yield notes("work-disk-tight", title, why, "a larger work disk, or a lower max_total_workers")
