"""shutdown_source: the source is shut down before it is copied (`consistency: cold`), so that nothing is
lost.

The guest is asked; its plug is never pulled. Should the migration fail before the target runs,
`power_back_on` undoes it. When the source was running since an earlier copy, that copy is stale and
everything begins anew.
"""

from dataclasses import replace

from v2s_tui.domain.execution.artifacts import Artifacts
from v2s_tui.domain.execution.ledger import EffectKind, EffectState
from v2s_tui.domain.ports import CloudState
from v2s_tui.domain.source.vm import PowerState
from v2s_tui.engine.stage_contract import Ports, StageContext, StageEvidence, StageInput
from v2s_tui.engine.stages.naming import names_of
from v2s_tui.engine.stages.starting_over import discard_copy

SHUTDOWN_SECONDS = 600.0


def shut_down_source(stage: StageInput, context: StageContext) -> Artifacts:
    """The stage: a source that is off already is left so, and stays what it was for the operator."""
    source, moref = context.ports.source, stage.planned.vm.moref
    before = source.power_state(moref)
    if before is PowerState.OFF:
        return replace(stage.artifacts, stopped_source=_stopped_by_us(context))
    artifacts = discard_copy(stage, context)
    context.checkpoint(artifacts)
    context.progress.activity = "shutting the source down"
    effect = context.ledger.intend(
        EffectKind.SOURCE_POWER, tag=names_of(stage).tag, where=source.name, detail=moref
    )
    with context.polling("the source to shut down"):
        source.shut_down_guest(moref, timeout_seconds=SHUTDOWN_SECONDS, hard_after_timeout=False)
    context.ledger.made(effect, before.value)
    return replace(artifacts, stopped_source=True)


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
    """Undo of the stage when a VM is given up: the source runs again unless the target does already."""
    artifacts = stage.artifacts
    effects = context.ledger.open_effects(EffectKind.SOURCE_POWER)
    if not effects or _target_runs(stage, context.ports):
        return artifacts
    source, moref = context.ports.source, stage.planned.vm.moref
    if source.power_state(moref) is PowerState.OFF:
        context.progress.activity = "powering the source back on"
        source.power_on(moref)
    for effect in effects:
        context.ledger.gone(effect)
    return replace(artifacts, stopped_source=False).with_note("source power", "powered back on by v2s")


def _target_runs(stage: StageInput, ports: Ports) -> bool:
    found = ports.cloud.find("instance", stage.planned.zone, names_of(stage).part_tag("server"))
    return any(each.state not in {CloudState.STOPPED, CloudState.ERROR} for each in found)
