"""What exists twice: a create whose answer came too late was given up and made again, and then carried out
after all. The one that is on record stays.
"""

from v2s_tui.domain.execution.ledger import EffectKind
from v2s_tui.domain.ports import CloudResource, CloudState
from v2s_tui.domain.target.private_networks import region_of
from v2s_tui.engine.stage_contract import StageContext, StageInput
from v2s_tui.engine.stages.naming import names_of

_KINDS = (
    EffectKind.VOLUME,
    EffectKind.IMAGE,
    EffectKind.BLOCK_SNAPSHOT,
    EffectKind.IP,
    EffectKind.ADDRESS,
)
"""An Instance cannot be made twice: its volumes are exclusive."""


def remove_surplus(stage: StageInput, context: StageContext) -> None:
    """Remove what carries this migration's tag, is not on record and serves nothing. Only kinds are looked
    for of which the migration has made any.
    """
    known = {(effect.kind, effect.resource_id) for effect in context.ledger.open_effects()}
    made = {disk.snapshot_id for disk in stage.artifacts.disks}
    for kind in _KINDS:
        if not any(each == kind for each, _ in known) and kind is not EffectKind.BLOCK_SNAPSHOT:
            continue
        place = region_of(stage.planned.zone) if kind is EffectKind.ADDRESS else stage.planned.zone
        for found in context.ports.cloud.find(kind.value, place, names_of(stage).tag):
            if (kind, found.id) not in known and found.id not in made and not _serves(found):
                context.progress.activity = f"removing a second {kind.value}"
                context.ports.cloud.delete(kind.value, place, found.id)


def _serves(found: CloudResource) -> bool:
    return bool(found.attached_to) or found.state in {CloudState.IN_USE, CloudState.RUNNING}
