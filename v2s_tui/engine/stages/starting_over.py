"""Throwing away what has become stale, in the order in which things depend on each other: a cold copy whose
source ran since, and what was made at Scaleway before a retry changed the plan entry or the copy.

Found by tag and name, not by what was recorded: a killed run may have made more than it wrote down.
"""

import shutil
from collections.abc import Callable

from v2s_tui.domain.errors import TargetError
from v2s_tui.domain.execution.artifacts import Artifacts, DiskArtifacts
from v2s_tui.domain.execution.ledger import Effect, EffectKind, EffectState
from v2s_tui.domain.planning.resolved import PlannedVm
from v2s_tui.domain.ports import CloudResource, CloudState
from v2s_tui.engine.stage_contract import StageContext, StageInput
from v2s_tui.engine.stages.adopting import forget
from v2s_tui.engine.stages.naming import disk_part, names_of

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
        if not _guest_is_asked(effect):
            context.ledger.gone(effect)
    return artifacts


def _guest_is_asked(effect: Effect) -> bool:
    """The source's guest was asked to shut down and may do so at any moment: no part of the copy."""
    return effect.kind is EffectKind.SOURCE_POWER and effect.state is EffectState.INTENDED


def _anything_made(context: StageContext) -> bool:
    return bool(context.ledger.open_effects())


def _discard_at_target(stage: StageInput, context: StageContext) -> None:
    cloud, zone, tag = context.ports.cloud, stage.planned.zone, names_of(stage).tag
    if any(not _may_go(each) for each in cloud.find("instance", zone, tag)):
        raise TargetError(
            f"{stage.planned.name} runs at Scaleway and at VMware at once",
            hint="decide which is the right one: stop the source by hand and retry, or undo the migration",
        )
    for kind in _TARGET_KINDS:
        for each in cloud.find(kind.value, zone, tag):
            cloud.delete(kind.value, zone, each.id)


def _may_go(instance: CloudResource) -> bool:
    return instance.state in {CloudState.STOPPED, CloudState.ERROR}


def discard_in_other_zones(stage: StageInput, context: StageContext) -> None:
    """Remove what an earlier run made in a zone that the plan entry no longer names. Raises TargetError, with
    nothing removed, when an Instance runs there.
    """
    zone, cloud = stage.planned.zone, context.ports.cloud
    for kind in (EffectKind.INSTANCE, EffectKind.PRIVATE_NIC, *_TARGET_KINDS[1:]):
        for effect in context.ledger.open_effects(kind):
            if effect.where == zone:
                continue
            context.progress.activity = f"removing what was made in {effect.where}"
            for each in cloud.find(kind.value, effect.where, effect.tag):
                if kind is EffectKind.INSTANCE:
                    refuse_running(each, f"in {effect.where}, the plan says {zone}")
                cloud.delete(kind.value, effect.where, each.id)
            context.ledger.gone(effect)


def discard_other_instance(stage: StageInput, context: StageContext) -> None:
    """Remove an Instance that an earlier run made otherwise than the plan entry says now, or of another copy;
    its volumes stay. Raises TargetError when it runs.
    """
    names, cloud, zone = names_of(stage), context.ports.cloud, stage.planned.zone
    for server in cloud.find(EffectKind.INSTANCE.value, zone, names.part_tag("server")):
        other = made_otherwise(stage.planned, server)
        if not other and of_another_copy(stage, context, EffectKind.VOLUME, lambda disk: disk.snapshot_id):
            other = "from an earlier copy"
        if other:
            refuse_running(server, other)
            context.progress.activity = f"removing the Instance made {other}"
            cloud.delete(EffectKind.INSTANCE.value, zone, server.id)
            forget(context, EffectKind.INSTANCE, server.id)


def made_otherwise(planned: PlannedVm, server: CloudResource) -> str:
    """What of the plan entry an Instance that is there cannot be given any more, to stand after `made`; ""
    nothing.
    """
    if server.commercial_type != planned.target_type:
        return f"as {server.commercial_type}, the plan says {planned.target_type}"
    if planned.wants_public_ip and not server.addresses:
        return "without a public address, the plan asks for one"
    return ""


def of_another_copy(
    stage: StageInput, context: StageContext, kind: EffectKind, origin: Callable[[DiskArtifacts], str]
) -> bool:
    """True when a resource of a disk was made of something else than what the disk has now.

    origin: what one of that kind is made of, as its tag tells.
    """
    names, cloud, zone = names_of(stage), context.ports.cloud, stage.planned.zone
    return any(
        names.origin_tag(origin(disk)) not in made.tags
        for disk in stage.artifacts.disks
        for made in cloud.find(kind.value, zone, names.part_tag(disk_part(disk.index)))
    )


def refuse_running(instance: CloudResource, other: str) -> None:
    """TargetError unless it is stopped: somebody may use it. other: what is not as the plan says."""
    if not _may_go(instance):
        raise TargetError(
            f"{instance.name} is {instance.status} {other}",
            hint="power it off in Scaleway's console and retry, then it is made anew; or undo the VM first",
        )


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
