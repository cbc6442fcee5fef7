"""import_scw: each object becomes a Block Storage snapshot, all at once, then an image of them when one is
wanted.

Imports have a fixed cost of minutes and no progress figure, so they run side by side and the screen shows
elapsed time (reference: scaleway.md 1.7).
"""

from dataclasses import replace

from v2s_tui.domain.errors import ImportRefused
from v2s_tui.domain.execution.artifacts import Artifacts, DiskArtifacts
from v2s_tui.domain.execution.ledger import EffectKind
from v2s_tui.domain.ports import CloudResource, CloudState
from v2s_tui.engine.stage_contract import Ports, StageContext, StageEvidence, StageInput
from v2s_tui.engine.stages.adopting import adopt_or_make, forget
from v2s_tui.engine.stages.naming import disk_part, names_of
from v2s_tui.engine.stages.starting_over import discard_in_other_zones, of_another_copy
from v2s_tui.engine.stages.waiting import wait_for

SETTLED = frozenset({CloudState.READY, CloudState.IN_USE})
IMPORT_TIMEOUT_SECONDS = 6 * 3600.0
USUAL_IMPORT_SECONDS = 1800.0
"""The specification's limit for an import; ours only says that it takes longer than usual."""
IMAGE_TIMEOUT_SECONDS = 900.0


def import_disks(stage: StageInput, context: StageContext) -> Artifacts:
    """The stage: imports that an interrupted run began are gone on with."""
    discard_in_other_zones(stage, context)
    _discard_image_of_another_copy(stage, context)
    artifacts = stage.artifacts
    for disk in artifacts.disks:
        artifacts = artifacts.with_disk(replace(disk, snapshot_id=_begin(stage, context, disk)))
        context.checkpoint(artifacts)
    for number, disk in enumerate(artifacts.disks, start=1):
        context.progress.activity = f"disk {number} of {len(artifacts.disks)}"
        artifacts = _wait(stage, context, artifacts, disk)
    if stage.settings.make_image:
        artifacts = replace(artifacts, image_id=_image(stage, context, artifacts))
    return artifacts


def _discard_image_of_another_copy(stage: StageInput, context: StageContext) -> None:
    """Its snapshots are stale then, and cannot be removed while it refers to them."""
    names, zone, cloud = names_of(stage), stage.planned.zone, context.ports.cloud
    if context.ledger.open_effects(EffectKind.IMAGE) and of_another_copy(
        stage, context, EffectKind.BLOCK_SNAPSHOT, lambda disk: disk.object_etag
    ):
        for image in cloud.find("image", zone, names.part_tag("image")):
            cloud.delete("image", zone, image.id)
            forget(context, EffectKind.IMAGE, image.id)


def _begin(stage: StageInput, context: StageContext, disk: DiskArtifacts) -> str:
    names, part, zone = names_of(stage), disk_part(disk.index), stage.planned.zone
    origin = names.origin_tag(disk.object_etag)
    snapshot = adopt_or_make(
        context,
        EffectKind.BLOCK_SNAPSHOT,
        zone=zone,
        tag=names.part_tag(part),
        origin=origin,
        make=lambda: context.ports.cloud.import_snapshot(
            zone,
            bucket=disk.bucket,
            key=disk.key,
            name=names.resource(part),
            tags=(*names.tags(part), origin),
        ),
    )
    return snapshot.id


def _wait(stage: StageInput, context: StageContext, artifacts: Artifacts, disk: DiskArtifacts) -> Artifacts:
    found = wait_for(
        context,
        f"Scaleway import of disk {disk.index + 1}",
        lambda: context.ports.cloud.get("block_snapshot", stage.planned.zone, disk.snapshot_id),
        wanted=SETTLED,
        timeout_seconds=IMPORT_TIMEOUT_SECONDS,
        usual_seconds=USUAL_IMPORT_SECONDS,
    )
    _refuse_error(found, disk)
    if found.size_bytes and found.size_bytes != disk.virtual_size_bytes:
        note = f"imported as {found.size_bytes} bytes, its image has {disk.virtual_size_bytes}"
        return artifacts.with_note(f"disk {disk.index}", note)
    return artifacts


def _refuse_error(found: CloudResource, disk: DiskArtifacts) -> None:
    if found.state is CloudState.ERROR:
        raise ImportRefused(
            f"Scaleway's import of disk {disk.index} ended in status {found.status}, without a reason",
            hint=f"{disk.bucket}/{disk.key} must be a self-contained qcow2 with zlib clusters, at most 1 TB, "
            "in the zone's region; a retry removes the failed snapshot and imports again",
        )


def _image(stage: StageInput, context: StageContext, artifacts: Artifacts) -> str:
    names, zone, cloud = names_of(stage), stage.planned.zone, context.ports.cloud
    root, *extra = [each.snapshot_id for each in artifacts.disks]
    image = adopt_or_make(
        context,
        EffectKind.IMAGE,
        zone=zone,
        tag=names.part_tag("image"),
        make=lambda: cloud.create_image(
            zone,
            name=names.image,
            root_snapshot_id=root,
            extra_snapshot_ids=tuple(extra),
            tags=names.tags("image"),
        ),
    )
    found = wait_for(
        context,
        "Scaleway image",
        lambda: cloud.get("image", zone, image.id),
        wanted=frozenset({CloudState.READY}),
        timeout_seconds=IMAGE_TIMEOUT_SECONDS,
    )
    if found.state is CloudState.ERROR:
        raise ImportRefused(
            f"Scaleway's image {names.image} ended in status {found.status}", hint="retry makes it again"
        )
    return image.id


def import_holds(stage: StageInput, ports: Ports) -> StageEvidence:
    """Every snapshot (or the volume already made of it) and the image exist and are usable."""
    missing = [
        f"the snapshot of disk {disk.index} is gone"
        for disk in stage.artifacts.disks
        if not _usable(ports, stage, "block_snapshot", disk.snapshot_id)
        and not _usable(ports, stage, "volume", disk.volume_id)
    ]
    image_id = stage.artifacts.image_id
    if image_id and not _usable(ports, stage, "image", image_id):
        missing.append("the image is gone")
    return StageEvidence(holds=not missing, missing=tuple(missing))


def _usable(ports: Ports, stage: StageInput, kind: str, resource_id: str) -> bool:
    found = ports.cloud.get(kind, stage.planned.zone, resource_id) if resource_id else None
    return found is not None and found.state in SETTLED
