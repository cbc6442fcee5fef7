"""What a plan takes from the account, against quotas and stock: `v2s doctor --plan`.

The rules are pre-flight's own: its findings become checks, and what it finds nothing against is told with
its figures.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from v2s_tui.domain.checks import Check, CheckState
from v2s_tui.domain.planning.preflight.capacity_rules import UNLIMITED, type_quota
from v2s_tui.domain.planning.preflight.check import blocking, preflight
from v2s_tui.domain.planning.preflight.findings import Finding, PreflightFacts, Severity
from v2s_tui.domain.planning.preflight.quota_rules import volumes_gb
from v2s_tui.domain.planning.resolved import PlannedVm, ResolvedPlan
from v2s_tui.domain.planning.show import plan_size
from v2s_tui.domain.planning.target_nics import target_nics
from v2s_tui.domain.target.instance_types import Stock
from v2s_tui.domain.units import counted
from v2s_tui.usecases.check_plan import check_plan_file
from v2s_tui.usecases.look_ahead import Outlook
from v2s_tui.usecases.services import Services

_TYPE_CODES = frozenset({"quota", "out-of-stock", "scarce", "type-unknown"})
_STATES = {Severity.BLOCKS: CheckState.FAIL, Severity.WARNS: CheckState.WARN, Severity.NOTES: CheckState.OK}


def check_plan_needs(services: Services, path: Path) -> Iterator[Check]:
    """What the batch takes in all, a line for each Instance type, what rules find against the whole batch,
    then how the plan stands.

    Raises PlanError for a plan that cannot be read, and what reading the inventory raises.
    """
    outlook = check_plan_file(services, path)
    yield Check("plan", "takes", CheckState.OK, _taken(outlook, image=services.settings.scaleway.image))
    for members in _by_type(outlook):
        yield from _type(outlook, members)
    batch = [each for each in outlook.findings if not each.vm and each.code not in _TYPE_CODES]
    yield from map(_told, batch)
    yield _standing(outlook, path, [each for each in outlook.findings if each.vm])


def _taken(outlook: Outlook, *, image: bool) -> str:
    """`4 Instances, 5 volumes (60 GB in all), 5 snapshots, 4 images`; without what it takes none of."""
    vms = outlook.resolved.vms
    instances = [each for each in vms if each.create_instance]
    volumes = sum(len(each.moving_disks()) for each in instances)
    counts = (
        (len(instances), "Instance", ""),
        (volumes, "volume", f" ({sum(map(volumes_gb, instances)):,} GB in all)"),
        (sum(len(each.moving_disks()) for each in vms), "snapshot", ""),
        (len(vms) if image else 0, "image", ""),
        (sum(each.wants_public_ip for each in instances), "flexible IP", ""),
        (sum(len(target_nics(each)) for each in instances), "private NIC", ""),
    )
    return ", ".join(f"{counted(number, noun)}{more}" for number, noun, more in counts if number) or "nothing"


def _by_type(outlook: Outlook) -> Iterable[tuple[PlannedVm, ...]]:
    """VMs that become Instances of one type in one zone, in the order of the plan."""
    found: dict[tuple[str, str], list[PlannedVm]] = {}
    for planned in outlook.resolved.vms:
        if planned.create_instance and planned.target_type:
            found.setdefault((planned.zone, planned.target_type), []).append(planned)
    return map(tuple, found.values())


def _type(outlook: Outlook, members: tuple[PlannedVm, ...]) -> Iterator[Check]:
    facts = outlook.facts
    if facts is None:
        return
    found = preflight(_plan_of(outlook.resolved, members), lambda zone: outlook.catalogues[zone], facts)
    against = {each.code: each for each in found if each.code in _TYPE_CODES}
    yield from (replace(_told(each), name=members[0].target_type) for each in against.values())
    if not against:
        yield _enough(outlook, facts, members)


def _plan_of(plan: ResolvedPlan, members: tuple[PlannedVm, ...]) -> ResolvedPlan:
    """The plan with these VMs only."""
    names = {each.name for each in members}
    waves = tuple(
        replace(wave, vm_names=tuple(name for name in wave.vm_names if name in names)) for wave in plan.waves
    )
    return replace(plan, vms=members, waves=waves)


def _enough(outlook: Outlook, facts: PreflightFacts, members: tuple[PlannedVm, ...]) -> Check:
    zone, type_name = members[0].zone, members[0].target_type
    limit = type_quota(facts.quotas or {}, type_name, zone)
    used = facts.usage.get(zone, {}).get(type_name, 0)
    wanted = f"{len(members)} wanted in {zone}"
    stock = _stock(outlook, members[0])
    if limit is None:
        fix = "compare with the organisation's quotas in Scaleway's console before the run"
        detail = f"{wanted}, no quota of the account names it; {stock}"
        return Check("plan", type_name, CheckState.WARN, detail, fix)
    allowed = "without limit" if limit == UNLIMITED else f"{used} of {limit} in use"
    return Check("plan", type_name, CheckState.OK, f"{wanted}, {allowed}; {stock}")


def _stock(outlook: Outlook, planned: PlannedVm) -> str:
    found = outlook.type_of(planned)
    return "stock not known" if found is None or found.stock is Stock.UNKNOWN else f"stock {found.stock}"


def _told(finding: Finding) -> Check:
    """An accepted finding stays a warning."""
    state = CheckState.WARN if finding.accepted else _STATES[finding.severity]
    detail = f"{finding.title}: {finding.why}" if finding.why else finding.title
    fix = f"accepted: {finding.accepted}" if finding.accepted else finding.fix
    return Check("plan", finding.code, state, detail, fix)


def _standing(outlook: Outlook, path: Path, on_vms: Iterable[Finding]) -> Check:
    """What pre-flight has against single VMs is counted only: it is no matter of the account."""
    left = [each for each in on_vms if each.code not in _TYPE_CODES]
    size = plan_size(outlook.resolved)
    against = blocking(left)
    if against:
        detail = f"{size}; {counted(len(against), 'finding')} on single VMs in the way"
        return Check("plan", "VMs", CheckState.FAIL, detail, f"`v2s plan check {path}` shows them")
    return Check("plan", "VMs", CheckState.OK, size)
