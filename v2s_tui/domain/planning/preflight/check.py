"""All rules over a resolved plan, with the operator's acceptances applied and recorded."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from v2s_tui.domain.errors import PreflightBlocked
from v2s_tui.domain.planning.preflight.capacity_rules import capacity_findings
from v2s_tui.domain.planning.preflight.disk_rules import disk_findings
from v2s_tui.domain.planning.preflight.findings import Finding, PreflightFacts, Severity
from v2s_tui.domain.planning.preflight.guest_rules import guest_findings
from v2s_tui.domain.planning.preflight.machine_rules import machine_findings
from v2s_tui.domain.planning.preflight.network_rules import network_findings, repeated_addresses
from v2s_tui.domain.planning.preflight.new_network_rules import new_network_findings, with_new_networks
from v2s_tui.domain.planning.preflight.power_rules import power_findings
from v2s_tui.domain.planning.preflight.quota_rules import quota_findings
from v2s_tui.domain.planning.preflight.target_rules import target_findings
from v2s_tui.domain.planning.resolved import PlannedVm, ResolvedPlan
from v2s_tui.domain.target.instance_types import Catalogue

_ORDER = {severity: number for number, severity in enumerate(Severity)}


def preflight(
    plan: ResolvedPlan, catalogue_of_zone: Callable[[str], Catalogue], facts: PreflightFacts
) -> tuple[Finding, ...]:
    """Every finding, the gravest first, then in the order of the plan."""
    found = [*capacity_findings(plan, catalogue_of_zone, facts), *quota_findings(plan, facts)]
    found += new_network_findings(plan, facts)
    facts = with_new_networks(plan, facts)
    found += repeated_addresses(plan, facts)
    found += power_findings(plan)
    for planned in plan.vms:
        found += vm_findings(planned, catalogue_of_zone(planned.zone), facts)
    accepted = {each.name: each.accepted for each in plan.vms} | {"": plan.accepted}
    place = {each.name: number for number, each in enumerate(plan.vms)}
    judged = (_accepted(finding, accepted.get(finding.vm, {})) for finding in found)
    return gravest_first(sorted(judged, key=lambda each: (place.get(each.vm, -1), each.code)))


def gravest_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """What blocks before what warns before notes, otherwise as they came."""
    return tuple(sorted(findings, key=lambda each: _ORDER[each.severity]))


def vm_findings(planned: PlannedVm, catalogue: Catalogue, facts: PreflightFacts) -> Iterable[Finding]:
    """What the rules for single VMs say about this one."""
    groups = (
        machine_findings(planned),
        guest_findings(planned, facts),
        disk_findings(planned, facts.now),
        target_findings(planned, catalogue, facts),
        network_findings(planned, facts),
    )
    return (replace(finding, vm=planned.name, wave=planned.wave) for group in groups for finding in group)


def blocking(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those that forbid the start."""
    return tuple(each for each in findings if each.blocking)


def require_clear(findings: Iterable[Finding]) -> None:
    """Raise PreflightBlocked naming the first blocking findings, when there are any."""
    left = blocking(findings)
    if left:
        first = "; ".join(f"{each.vm or 'batch'}: {each.title}" for each in left[:3])
        more = f" and {len(left) - 3} more" if len(left) > 3 else ""
        hint = "fix them, take the VMs out, or accept a finding in the plan (accept: {code: why})"
        raise PreflightBlocked(f"pre-flight forbids the start: {first}{more}", hint=hint)


def _accepted(finding: Finding, reasons: dict[str, str]) -> Finding:
    if finding.overridable and finding.code in reasons:
        return replace(finding, accepted=reasons[finding.code] or "accepted by the operator")
    return finding
