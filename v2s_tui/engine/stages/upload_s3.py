"""upload_s3: each disk as one self-contained qcow2 in the transit bucket, by a multipart upload that resumes.

An unchanged base of the right size goes as it is; when the guest was changed or the size grew, base and
overlay are flattened into one file first, because imports refuse backing files (reference: scaleway.md 2.1).
Parts that the export sent already are not sent again, unless the file differs there; where it sent none, what
the guest trimmed is left out.
"""

import shutil
import time
from dataclasses import replace
from pathlib import Path

from v2s_tui.domain.errors import NotFound
from v2s_tui.domain.execution.artifacts import Artifacts, DiskArtifacts, FileEvidence
from v2s_tui.domain.execution.ledger import EffectKind
from v2s_tui.domain.ports import StoredObject
from v2s_tui.engine.stage_contract import Ports, StageContext, StageEvidence, StageInput
from v2s_tui.engine.stages.guest_work import evidence_folder
from v2s_tui.engine.stages.local_files import same_size
from v2s_tui.engine.stages.multipart import open_upload, stored_object, unrecorded_object
from v2s_tui.engine.stages.naming import disk_part, names_of
from v2s_tui.engine.stages.progress_share import DiskProgress, SharedProgress
from v2s_tui.engine.stages.transfer import note_sent

MANIFEST_SUFFIX = ".manifest"
"""The `Disks` port leaves the digests of an image beside it under the image's name and this."""


def upload_disks(stage: StageInput, context: StageContext) -> Artifacts:
    """The stage: finished objects are kept, a running upload is gone on with."""
    bucket = stage.settings.bucket
    # The bucket is a setting of the operator that outlives the batch, so it is no entry of the VM's ledger.
    context.ports.objects.ensure_bucket(bucket)
    artifacts = stage.artifacts
    shared = SharedProgress(
        context.progress, {each.index: each.base.size_bytes if each.base else 0 for each in artifacts.disks}
    )
    for disk in artifacts.disks:
        context.progress.activity = f"disk {disk.index + 1} of {len(artifacts.disks)}"
        if stored_object(context.ports, disk) is None:
            artifacts = _upload(stage, context, artifacts, disk, shared.disks[disk.index])
        shared.disks[disk.index].finish()
    return artifacts


def _upload(
    stage: StageInput,
    context: StageContext,
    artifacts: Artifacts,
    disk: DiskArtifacts,
    progress: DiskProgress,
) -> Artifacts:
    disk = _with_file(stage, context, disk, progress)
    disk = replace(disk, bucket=stage.settings.bucket, key=names_of(stage).object_key(disk.index))
    artifacts = artifacts.with_disk(disk)
    context.checkpoint(artifacts)
    stored = unrecorded_object(context.ports.objects, disk)
    if stored is None:
        try:
            stored = _send(stage, context, artifacts, disk, progress)
        except NotFound:
            # somebody (a lifecycle rule, another operator) aborted the upload while it ran
            stored = _send(stage, context, artifacts, disk, progress)
    _record_object(context, disk)
    manifest_path = _kept_manifest(stage, disk)
    _drop_copy(disk)
    done = replace(
        disk,
        upload_id="",
        early_parts=disk.early_parts if disk.passing else (),
        upload_file=None,
        object_bytes=stored.size_bytes,
        object_etag=stored.etag,
        manifest_path=manifest_path,
    )
    artifacts = artifacts.with_disk(done)
    context.checkpoint(artifacts)
    return artifacts


def _with_file(
    stage: StageInput, context: StageContext, disk: DiskArtifacts, progress: DiskProgress
) -> DiskArtifacts:
    """The disk with the file that goes up; flattened anew unless an earlier run's copy is complete."""
    if disk.upload_file is not None and same_size(disk.upload_file):
        return disk
    if disk.overlay is None or not _differs(stage, disk):
        return replace(disk, upload_file=disk.base)
    target = stage.work_dir / f"{disk_part(disk.index)}.upload.qcow2"
    context.progress.activity = f"flattening disk {disk.index + 1}"
    target.unlink(missing_ok=True)
    made = context.ports.disks.flatten(
        Path(disk.overlay.path),
        target,
        progress=progress,
        cancelled=context.cancelled,
        compact=not disk.early_parts,
    )
    progress.total_bytes, progress.done_bytes = made.size_bytes, 0
    return replace(disk, upload_file=made)


def _differs(stage: StageInput, disk: DiskArtifacts) -> bool:
    """True when the object must not be the base itself."""
    grown = disk.virtual_size_bytes > disk.capacity_bytes
    written = disk.overlay is not None and not same_size(disk.overlay)
    return grown or written or bool(stage.artifacts.guest_manifest)


def _send(
    stage: StageInput,
    context: StageContext,
    artifacts: Artifacts,
    disk: DiskArtifacts,
    progress: DiskProgress,
) -> StoredObject:
    disk = replace(disk, upload_id=open_upload(context, disk.bucket, disk.key))
    context.checkpoint(artifacts.with_disk(disk))
    context.ledger.intend(EffectKind.OBJECT, tag=disk.key, where=disk.bucket)
    began, moved = time.monotonic(), progress.moved_bytes
    stored = context.ports.objects.upload_file(
        Path(_file_of(disk).path),
        disk.bucket,
        disk.key,
        disk.upload_id,
        progress=progress,
        cancelled=context.cancelled,
        part_bytes=disk.part_bytes,
        known=disk.early_parts,
    )
    note_sent(stage, size_bytes=progress.moved_bytes - moved, seconds=time.monotonic() - began)
    return stored


def _file_of(disk: DiskArtifacts) -> FileEvidence:
    if disk.upload_file is None:
        raise AssertionError("the file to upload is decided before the upload begins")
    return disk.upload_file


def _record_object(context: StageContext, disk: DiskArtifacts) -> None:
    effect = context.ledger.intend(EffectKind.OBJECT, tag=disk.key, where=disk.bucket)
    context.ledger.made(effect, disk.key)
    for begun in context.ledger.open_effects(EffectKind.MULTIPART_UPLOAD):
        if (begun.tag, begun.where) == (disk.key, disk.bucket):
            context.ledger.gone(begun)


def _kept_manifest(stage: StageInput, disk: DiskArtifacts) -> str:
    """The digests of what was sent outlive the local images, so that a volume can be verified later."""
    sent = Path(f"{_file_of(disk).path}{MANIFEST_SUFFIX}")
    if not sent.is_file():
        return disk.manifest_path
    kept = evidence_folder(stage) / f"{disk_part(disk.index)}{MANIFEST_SUFFIX}"
    shutil.copyfile(sent, kept)
    return str(kept)


def _drop_copy(disk: DiskArtifacts) -> None:
    """A flattened copy has served; the base stays until cleanup."""
    copy = _file_of(disk)
    if disk.base is None or copy.path != disk.base.path:
        Path(copy.path).unlink(missing_ok=True)
        Path(f"{copy.path}{MANIFEST_SUFFIX}").unlink(missing_ok=True)


def upload_holds(stage: StageInput, ports: Ports) -> StageEvidence:
    """Every object is there with the size and ETag that were recorded."""
    missing = [
        f"the object of disk {disk.index} is missing or another"
        for disk in stage.artifacts.disks
        if stored_object(ports, disk) is None
    ]
    return StageEvidence(holds=not missing, missing=tuple(missing))
