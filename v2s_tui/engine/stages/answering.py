"""Whether the started VM answers as the plan says, seen from this host. Guests take time to boot."""

from collections.abc import Iterator
from dataclasses import replace

from v2s_tui.domain.planning.reachability import Probe, parse_probe
from v2s_tui.domain.planning.target_nics import is_of_source, reachable_at
from v2s_tui.domain.ports import Prober
from v2s_tui.domain.source.vm import PowerState
from v2s_tui.domain.units import format_duration
from v2s_tui.engine.stage_contract import StageContext, StageInput
from v2s_tui.engine.stages.check import Check

PAUSE_SECONDS = 3.0
PROBE_SECONDS = 5.0


def answer_checks(stage: StageInput, context: StageContext, public_ip: str) -> Iterator[Check]:
    """One line for each check of the plan. All of them together have the boot timeout."""
    probes = [parse_probe(each) for each in stage.planned.checks]
    address, prober = reachable_at(stage.planned, public_ip), context.ports.prober
    if not probes or prober is None:
        return
    if not address:
        yield Check("answer", False, "it has no address to ask; give it one or drop the checks")
        return
    began, doubt = context.ports.clock.monotonic(), _doubt(stage, context, address)
    with context.polling(f"{address} to answer"):
        for probe in probes:
            found = _wait(stage, context, prober, address=address, probe=probe, began=began)
            yield replace(found, found=f"{found.found}{doubt}") if found.good else found


def _doubt(stage: StageInput, context: StageContext, address: str) -> str:
    """What an answer does not prove: the source may have a way to this host that the Instance lacks."""
    if not is_of_source(stage.planned, address):
        return ""
    if context.ports.source.power_state(stage.planned.vm.moref) is PowerState.OFF:
        return ""
    return "; the source runs at this address too, so it may be the source that answers"


def _wait(
    stage: StageInput, context: StageContext, prober: Prober, *, address: str, probe: Probe, began: float
) -> Check:
    clock = context.ports.clock
    what = f"{probe} at {address}"
    while reason := prober.probe(address, probe, timeout_seconds=PROBE_SECONDS):
        elapsed = clock.monotonic() - began
        if elapsed > stage.planned.boot_timeout_seconds:
            return Check(what, False, f"{reason} for {format_duration(elapsed)}")
        context.progress.waits_for = f"{what}: {reason} for {format_duration(elapsed)}"
        context.pause(PAUSE_SECONDS)
    return Check(what, True, f"answers after {format_duration(clock.monotonic() - began)}")
