"""Throwing away a copy that has become stale, in the order in which things depend on each other.

Found by tag and name, not by what was recorded: a killed run may have made more than it wrote down.
"""

import shutil

from v2s_tui.domain.errors import TargetError
from v2s_tui.domain.execution.artifacts import Artifacts
from v2s_tui.domain.execution.ledger import EffectKind
from v2s_tui.domain.ports import CloudState
from v2s_tui.engine.stage_contract import StageContext, StageInput
from v2s_tui.engine.stages.naming import names_of

_TARGET_KINDS = (
    EffectKind.INSTANCE,
    EffectKind.IP,
    EffectKind.VOLUME,
    EffectKind.IMAGE,
    EffectKind.BLOCK_SNAPSHOT,
)


def discard_copy(stage: StageInput, context: StageContext) -> Artifacts:
    """Artifacts of a migration that has copied nothing yet; TargetError when its Instance already runs."""
    artifacts = Artifacts(stage.artifacts.migration_id, notes=stage.artifacts.notes)
    if not _anything_made(context):
        return artifacts
    context.progress.activity = "removing the stale copy"
    _discard_at_target(stage, context)
    _discard_objects(stage, context)
    _discard_snapshot(stage, context)
    for file in stage.work_dir.iterdir():
        shutil.rmtree(file) if file.is_dir() else file.unlink()
    for effect in context.ledger.open_effects():
        context.ledger.gone(effect)
    return artifacts


def _anything_made(context: StageContext) -> bool:
    return bool(context.ledger.open_effects())


def _discard_at_target(stage: StageInput, context: StageContext) -> None:
    cloud, zone, tag = context.ports.cloud, stage.planned.zone, names_of(stage).tag
    running = [
        each
        for each in cloud.find("instance", zone, tag)
        if each.state not in {CloudState.STOPPED, CloudState.ERROR}
    ]
    if running:
        raise TargetError(
            f"{stage.planned.name} runs at Scaleway and at VMware at once",
            hint="decide which is the right one: stop the source by hand and retry, or undo the migration",
        )
    for kind in _TARGET_KINDS:
        for each in cloud.find(kind.value, zone, tag):
            cloud.delete(kind.value, zone, each.id)


def _discard_objects(stage: StageInput, context: StageContext) -> None:
    objects, bucket = context.ports.objects, stage.settings.bucket
    prefix = f"migrations/{stage.artifacts.migration_id}/"
    for upload in objects.list_uploads(bucket, prefix):
        objects.abort_upload(bucket, upload.key, upload.upload_id)
    for stored in objects.list_objects(bucket, prefix):
        objects.delete(bucket, stored.key)


def _discard_snapshot(stage: StageInput, context: StageContext) -> None:
    source, moref = context.ports.source, stage.planned.vm.moref
    found = source.find_snapshot(moref, names_of(stage).vmware_snapshot)
    if found is not None:
        source.remove_snapshot(moref, found)
