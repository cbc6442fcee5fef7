"""Rules about sources that are to be shut down: whether their guests can be asked."""

from collections.abc import Iterable
from dataclasses import replace

from v2s_tui.domain.planning.preflight.findings import Finding, warns
from v2s_tui.domain.planning.preflight.machine_rules import tools_silent
from v2s_tui.domain.planning.resolved import ResolvedPlan
from v2s_tui.domain.planning.source_power import power_by_wave
from v2s_tui.domain.source.vm import PowerState


def power_findings(plan: ResolvedPlan) -> Iterable[Finding]:
    """All findings of this group. Who is off already need not be asked."""
    touched = {name for each in power_by_wave(plan) for name in each.names}
    why = "without Tools the guest cannot be asked to shut down"
    for planned in plan.vms:
        vm = planned.vm
        if planned.name not in touched or vm.power_state is not PowerState.ON or not tools_silent(vm):
            continue
        if planned.hard_power_off:
            found = warns("plug-pulled", "its plug will be pulled", why, "start the Tools before its wave")
        else:
            fix = "start the Tools, shut it down by hand before its wave, or allow hard_power_off"
            found = warns("no-clean-shutdown", "no clean shutdown", why, fix)
        yield replace(found, vm=planned.name, wave=planned.wave)
