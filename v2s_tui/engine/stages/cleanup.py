"""cleanup: what the migration no longer needs goes, and the source is marked, exactly as `post_migration`
says.

Each step is recorded on its own and may be repeated. What is the result (Instance, volumes, IP, image) stays.
"""

import shutil

from v2s_tui.domain.execution.artifacts import Artifacts
from v2s_tui.domain.execution.ledger import EffectKind
from v2s_tui.domain.source.vm import PowerState
from v2s_tui.engine.stage_contract import StageContext, StageInput
from v2s_tui.engine.stages.adopting import forget
from v2s_tui.engine.stages.naming import names_of
from v2s_tui.engine.stages.shutdown_source import stop_source
from v2s_tui.engine.stages.surplus import remove_surplus


def clean_up(stage: StageInput, context: StageContext) -> Artifacts:
    """The stage."""
    post = stage.settings.post_migration
    if post.delete_vmware_snapshot:
        _remove_snapshot(stage, context)
    if post.delete_s3_transit:
        _remove_objects(stage, context)
    _abort_uploads(stage, context)
    _remove_block_snapshots(stage, context)
    remove_surplus(stage, context)
    artifacts = stage.artifacts
    if post.tag_source:
        _tag_source(stage, context, post.tag_source)
        artifacts = artifacts.with_note("source tag", post.tag_source)
    if post.power_off_source:
        artifacts = artifacts.with_note("source power", _power_off(stage, context))
    if stage.settings.keep_local:
        return artifacts.with_note("local images", f"kept in {stage.work_dir}")
    context.progress.activity = "removing local images"
    if stage.work_dir.exists():
        shutil.rmtree(stage.work_dir)
    return artifacts


def _remove_snapshot(stage: StageInput, context: StageContext) -> None:
    context.progress.activity = "removing the VMware snapshot"
    source, moref, name = context.ports.source, stage.planned.vm.moref, names_of(stage).vmware_snapshot
    found = source.find_snapshot(moref, name)
    if found is not None:
        source.remove_snapshot(moref, found)
    forget(context, EffectKind.VMWARE_SNAPSHOT, name)


def _remove_objects(stage: StageInput, context: StageContext) -> None:
    """On record too: those of disks that had another number, or moved at all, before the plan was edited."""
    context.progress.activity = "removing transit objects"
    recorded = context.ledger.open_effects(EffectKind.OBJECT)
    stored = {(disk.bucket, disk.key) for disk in stage.artifacts.disks if disk.key}
    for bucket, key in sorted(stored | {(each.where, each.tag) for each in recorded}):
        context.ports.objects.delete(bucket, key)
    for effect in recorded:
        context.ledger.gone(effect)


def _abort_uploads(stage: StageInput, context: StageContext) -> None:
    """Uploads that no run went on with; their parts cost money and show in no listing. Some may wait in a
    bucket that the configuration named before.
    """
    objects, prefix = context.ports.objects, f"migrations/{stage.artifacts.migration_id}/"
    begun = context.ledger.open_effects(EffectKind.MULTIPART_UPLOAD)
    for bucket in sorted({stage.settings.bucket, *(each.where for each in begun if each.resource_id)}):
        for upload in objects.list_uploads(bucket, prefix):
            objects.abort_upload(bucket, upload.key, upload.upload_id)
    for effect in begun:
        context.ledger.gone(effect)


def _remove_block_snapshots(stage: StageInput, context: StageContext) -> None:
    """Imported snapshots are billed; volumes made of them are independent, images are not."""
    artifacts = stage.artifacts
    made = artifacts.server_id and all(disk.volume_id for disk in artifacts.disks)
    if artifacts.image_id or not made:
        return
    context.progress.activity = "removing imported snapshots"
    for disk in artifacts.disks:
        if disk.snapshot_id:
            context.ports.cloud.delete("block_snapshot", stage.planned.zone, disk.snapshot_id)
            forget(context, EffectKind.BLOCK_SNAPSHOT, disk.snapshot_id)


def _tag_source(stage: StageInput, context: StageContext, tag: str) -> None:
    context.progress.activity = f"tagging the source {tag}"
    source, moref = context.ports.source, stage.planned.vm.moref
    effect = context.ledger.intend(EffectKind.SOURCE_TAG, tag=tag, where=source.name, detail=moref)
    source.tag_vm(moref, tag)
    context.ledger.made(effect, moref)


def _power_off(stage: StageInput, context: StageContext) -> str:
    before = context.ports.source.power_state(stage.planned.vm.moref)
    if before is PowerState.OFF:
        return "was powered off already"
    stop_source(stage, context, before)
    return "shut down after the migration"
