"""shutdown_source: the source is shut down before it is copied (`consistency: cold`), so that nothing is
lost.

The guest is asked; its plug is pulled only where the plan allows it (`hard_power_off`). Should the migration
fail before the target runs, `power_back_on` undoes it. When the source was running since an earlier copy,
that copy is stale and everything begins anew.
"""

from dataclasses import replace

from v2s_tui.domain.errors import OutsideError
from v2s_tui.domain.execution.artifacts import Artifacts
from v2s_tui.domain.execution.ledger import EffectKind, EffectState
from v2s_tui.domain.execution.retry import RetryPolicy
from v2s_tui.domain.ports import CloudState
from v2s_tui.domain.source.vm import PowerState
from v2s_tui.engine.stage_contract import Ports, StageContext, StageEvidence, StageInput
from v2s_tui.engine.stages.naming import names_of
from v2s_tui.engine.stages.starting_over import discard_copy

SHUTDOWN_SECONDS = 600.0
BACK_ON = RetryPolicy(attempts=10, base_seconds=5, cap_seconds=60)
"""Six minutes: a vCenter that restarts, which may be what ended the copy, is back by then."""


def shut_down_source(stage: StageInput, context: StageContext) -> Artifacts:
    """The stage: a source that is off already is left so, and stays what it was for the operator."""
    source, moref = context.ports.source, stage.planned.vm.moref
    before = source.power_state(moref)
    if before is PowerState.OFF:
        return replace(stage.artifacts, stopped_source=_stopped_by_us(context))
    artifacts = discard_copy(stage, context)
    context.checkpoint(artifacts)
    stop_source(stage, context, before)
    return replace(artifacts, stopped_source=True)


def stop_source(stage: StageInput, context: StageContext, before: PowerState) -> None:
    """Shut the source down, on record with its power state of before. Raises SourceError when the guest does
    not go down in time and its plug may not be pulled.

    An intention still open means that a try before this one asked the guest.
    """
    source, moref = context.ports.source, stage.planned.vm.moref
    context.progress.activity = "shutting the source down"
    asked = context.ledger.open_effects(EffectKind.SOURCE_POWER)
    asked_before = any(each.state is EffectState.INTENDED for each in asked)
    effect = context.ledger.intend(
        EffectKind.SOURCE_POWER, tag=names_of(stage).tag, where=source.name, detail=moref
    )
    with context.polling("the source to shut down"):
        source.shut_down_guest(
            moref,
            timeout_seconds=SHUTDOWN_SECONDS,
            hard_after_timeout=stage.planned.hard_power_off,
            asked_before=asked_before,
        )
    context.ledger.made(effect, before.value)


def _stopped_by_us(context: StageContext) -> bool:
    """True when a killed run began to shut it down: then it is off because of us."""
    effects = context.ledger.open_effects(EffectKind.SOURCE_POWER)
    for effect in effects:
        if effect.state is EffectState.INTENDED:
            context.ledger.made(effect, PowerState.ON.value)
    return bool(effects)


def source_is_off(stage: StageInput, ports: Ports) -> StageEvidence:
    """The copy is only cold while the source stays off."""
    if ports.source.power_state(stage.planned.vm.moref) is PowerState.OFF:
        return StageEvidence(holds=True)
    return StageEvidence(holds=False, missing=("the source runs again, so its copy is stale",))


def power_back_on(stage: StageInput, context: StageContext) -> Artifacts:
    """Undo of the stage when a VM is given up: the source runs again unless the target does already.

    A guest that was asked and still runs may yet go down: that stays on record, so that whoever finds it off
    later (a retry, undo) knows why. Nobody tries this again later, so that it is tried again here.
    """
    for attempt in range(1, BACK_ON.attempts):
        try:
            return _power_back_on(stage, context)
        except OutsideError as err:
            if not err.transient:
                raise
            context.progress.waits_for = f"the source is to be powered back on: {err.title}"
        context.pause(BACK_ON.wait_seconds(attempt, 0))
    return _power_back_on(stage, context)


def _power_back_on(stage: StageInput, context: StageContext) -> Artifacts:
    effects = context.ledger.open_effects(EffectKind.SOURCE_POWER)
    if not effects or _target_runs(stage, context.ports):
        return stage.artifacts
    source, moref = context.ports.source, stage.planned.vm.moref
    artifacts = replace(stage.artifacts, stopped_source=False)
    if source.power_state(moref) is PowerState.OFF:
        context.progress.activity = "powering the source back on"
        source.power_on(moref)
        artifacts = artifacts.with_note("source power", "powered back on by v2s")
    elif any(effect.state is EffectState.INTENDED for effect in effects):
        return artifacts.with_note("source power", "asked to shut down and still running")
    for effect in effects:
        context.ledger.gone(effect)
    return artifacts


def _target_runs(stage: StageInput, ports: Ports) -> bool:
    found = ports.cloud.find("instance", stage.planned.zone, names_of(stage).part_tag("server"))
    return any(each.state not in {CloudState.STOPPED, CloudState.ERROR} for each in found)
