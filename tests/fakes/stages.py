"""Short stage functions that keep the contract: intent before, result after, adopt what an earlier run began.

They stand in for engine/stages where a test is about the engine and not about the stages.
"""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from v2s_tui.domain.errors import ToolError
from v2s_tui.domain.execution.artifacts import Artifacts, DiskArtifacts
from v2s_tui.domain.execution.ledger import EffectKind, EffectState, migration_tag, resource_name
from v2s_tui.domain.planning.stages import Stage
from v2s_tui.domain.ports import CloudState, InstanceRequest
from v2s_tui.engine.stage_contract import Ports, StageContext, StageEvidence, StageInput


def _ensure(
    task: StageInput,
    context: StageContext,
    kind: EffectKind,
    place: tuple[str, str],
    *,
    find: Callable[[], str | None],
    make: Callable[[], str],
) -> str:
    """The id of an effect: known, found again by its tag, or made now."""
    tag, where = place
    effect = context.ledger.intend(kind, tag=tag, where=where)
    if effect.state is EffectState.MADE:
        return effect.resource_id
    resource_id = find() or make()
    context.ledger.made(effect, resource_id)
    return resource_id


def validate(task: StageInput, context: StageContext) -> Artifacts:
    """Look at the source."""
    context.ports.source.power_state(task.planned.vm.moref)
    return task.artifacts


def snapshot(task: StageInput, context: StageContext) -> Artifacts:
    """One VMware snapshot."""
    source, moref = context.ports.source, task.planned.vm.moref
    name = f"v2s-{task.artifacts.migration_id}"
    found = _ensure(
        task,
        context,
        EffectKind.VMWARE_SNAPSHOT,
        (name, source.name),
        find=lambda: source.find_snapshot(moref, name),
        make=lambda: source.create_snapshot(moref, name, description="v2s", quiesce=True),
    )
    return replace(task.artifacts, vmware_snapshot=found)


def export(task: StageInput, context: StageContext) -> Artifacts:
    """Every disk of the lease."""
    artifacts = task.artifacts
    with context.ports.source.open_lease(task.planned.vm.moref, artifacts.vmware_snapshot) as lease:
        for index, stream in enumerate(lease.disks):
            received = context.ports.disks.receive(
                stream,
                task.work_dir / f"disk-{index}.qcow2",
                progress=context.progress,
                cancelled=context.cancelled,
            )
            artifacts = artifacts.with_disk(
                DiskArtifacts(index, stream.device_key, stream.capacity_bytes, base=received.base)
            )
        lease.complete()
    return artifacts


def convert(task: StageInput, context: StageContext) -> Artifacts:
    """Check every image."""
    for disk in task.artifacts.disks:
        if disk.base is None:
            raise ToolError("no image", command="", exit_code=None, stderr_tail="")
        context.ports.disks.check(Path(disk.base.path))
    return task.artifacts


def upload(task: StageInput, context: StageContext) -> Artifacts:
    """Every image, checkpoint after each."""
    artifacts = task.artifacts
    for disk in task.artifacts.disks:
        artifacts = artifacts.with_disk(_upload_disk(task, context, disk))
        context.checkpoint(artifacts)
    return artifacts


def _upload_disk(task: StageInput, context: StageContext, disk: DiskArtifacts) -> DiskArtifacts:
    objects, bucket = context.ports.objects, task.settings.bucket
    key = f"migrations/{task.artifacts.migration_id}/disk-{disk.index}.qcow2"
    stored = objects.head(bucket, key)
    if stored is None and disk.base is not None:
        intent = context.ledger.intend(EffectKind.OBJECT, tag=key, where=bucket)
        upload_id = _ensure(
            task,
            context,
            EffectKind.MULTIPART_UPLOAD,
            (key, bucket),
            find=lambda: next((each.upload_id for each in objects.list_uploads(bucket, key)), None),
            make=lambda: objects.begin_upload(bucket, key),
        )
        stored = objects.upload_file(
            Path(disk.base.path),
            bucket,
            key,
            upload_id,
            progress=context.progress,
            cancelled=context.cancelled,
        )
        context.ledger.made(intent, key)
    for effect in context.ledger.open_effects(EffectKind.MULTIPART_UPLOAD):
        if effect.tag == key:
            context.ledger.gone(effect)
    for effect in context.ledger.open_effects(EffectKind.OBJECT):
        if effect.tag == key and effect.state is EffectState.INTENDED:
            context.ledger.made(effect, key)
    assert stored is not None
    return replace(disk, bucket=bucket, key=key, object_bytes=stored.size_bytes)


def import_scw(task: StageInput, context: StageContext) -> Artifacts:
    """A snapshot for each object, polled, then a volume."""
    artifacts, cloud, zone = task.artifacts, context.ports.cloud, task.planned.zone
    for disk in task.artifacts.disks:
        tags = (migration_tag(task.batch_id, artifacts.migration_id), f"disk-{disk.index}")
        name = resource_name(task.planned.name, artifacts.migration_id, f"disk{disk.index}")
        imported = _ensure(
            task,
            context,
            EffectKind.BLOCK_SNAPSHOT,
            (name, zone),
            find=lambda name=name, tags=tags: _named(cloud, "block_snapshot", zone, tags[0], name),
            make=lambda disk=disk, name=name, tags=tags: (
                cloud.import_snapshot(zone, bucket=disk.bucket, key=disk.key, name=name, tags=tags).id
            ),
        )
        with context.polling("the import"):
            while True:
                seen = cloud.get("block_snapshot", zone, imported)
                if seen is not None and seen.state is CloudState.READY:
                    break
                context.pause(0.001)
        volume = _ensure(
            task,
            context,
            EffectKind.VOLUME,
            (name, zone),
            find=lambda name=name, tags=tags: _named(cloud, "volume", zone, tags[0], name),
            make=lambda imported=imported, name=name, tags=tags: (
                cloud.create_volume(zone, snapshot_id=imported, name=name, tags=tags, perf_iops=5000).id
            ),
        )
        artifacts = artifacts.with_disk(replace(disk, snapshot_id=imported, volume_id=volume))
        context.checkpoint(artifacts)
    return artifacts


def _named(cloud, kind: str, zone: str, tag: str, name: str) -> str | None:
    return next((each.id for each in cloud.find(kind, zone, tag) if each.name == name), None)


def create_instance(task: StageInput, context: StageContext) -> Artifacts:
    """One Instance, started."""
    artifacts, cloud, zone = task.artifacts, context.ports.cloud, task.planned.zone
    tag = migration_tag(task.batch_id, artifacts.migration_id)
    name = resource_name(task.planned.name, artifacts.migration_id, "server")
    server = _ensure(
        task,
        context,
        EffectKind.INSTANCE,
        (name, zone),
        find=lambda: _named(cloud, "instance", zone, tag, name),
        make=lambda: (
            cloud.create_instance(
                InstanceRequest(
                    zone,
                    name,
                    task.planned.target_type,
                    tuple(disk.volume_id for disk in artifacts.disks),
                    (tag,),
                )
            ).id
        ),
    )
    cloud.instance_action(zone, server, "poweron")
    return replace(artifacts, server_id=server)


def verify(task: StageInput, context: StageContext) -> Artifacts:
    """It runs."""
    seen = context.ports.cloud.get("instance", task.planned.zone, task.artifacts.server_id)
    assert seen is not None
    assert seen.state is CloudState.RUNNING
    return task.artifacts


def cleanup(task: StageInput, context: StageContext) -> Artifacts:
    """Snapshots, objects and local files."""
    for effect in context.ledger.open_effects():
        if effect.kind is EffectKind.VMWARE_SNAPSHOT and effect.resource_id:
            context.ports.source.remove_snapshot(task.planned.vm.moref, effect.resource_id)
            context.ledger.gone(effect)
        if effect.kind is EffectKind.OBJECT:
            context.ports.objects.delete(effect.where, effect.tag)
            context.ledger.gone(effect)
        if effect.kind is EffectKind.BLOCK_SNAPSHOT and effect.resource_id:
            context.ports.cloud.delete("block_snapshot", effect.where, effect.resource_id)
            context.ledger.gone(effect)
    shutil.rmtree(task.work_dir, ignore_errors=True)
    return task.artifacts


STAGES = {
    Stage.VALIDATE: validate,
    Stage.SNAPSHOT: snapshot,
    Stage.EXPORT: export,
    Stage.CONVERT: convert,
    Stage.UPLOAD_S3: upload,
    Stage.IMPORT_SCW: import_scw,
    Stage.CREATE_INSTANCE: create_instance,
    Stage.VERIFY: verify,
    Stage.CLEANUP: cleanup,
}


def _snapshot_holds(task: StageInput, ports: Ports) -> StageEvidence:
    found = ports.source.find_snapshot(task.planned.vm.moref, f"v2s-{task.artifacts.migration_id}")
    return StageEvidence(found is not None, () if found else ("the VMware snapshot is gone",))


def _export_holds(task: StageInput, ports: Ports) -> StageEvidence:
    missing = tuple(
        f"{disk.base.path} is gone"
        for disk in task.artifacts.disks
        if disk.base is not None and not Path(disk.base.path).exists()
    )
    return StageEvidence(not missing and bool(task.artifacts.disks), missing)


def _upload_holds(task: StageInput, ports: Ports) -> StageEvidence:
    missing = tuple(
        f"object {disk.key} is gone"
        for disk in task.artifacts.disks
        if ports.objects.head(disk.bucket, disk.key) is None
    )
    return StageEvidence(not missing, missing)


EVIDENCE = {
    Stage.SNAPSHOT: _snapshot_holds,
    Stage.EXPORT: _export_holds,
    Stage.UPLOAD_S3: _upload_holds,
}
