"""The one multipart upload of a disk: begun by the export, which sends early parts, or by upload_s3."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from threading import Event

from v2s_tui.domain.errors import NotFound, StorageUnavailable
from v2s_tui.domain.execution.artifacts import DiskArtifacts
from v2s_tui.domain.execution.ledger import EffectKind
from v2s_tui.domain.execution.work_space import passing_bytes
from v2s_tui.domain.ports import EarlyUpload, ObjectStore, StoredObject
from v2s_tui.engine.stage_contract import Ports, StageContext, StageInput
from v2s_tui.engine.stages.naming import names_of


def open_upload(context: StageContext, bucket: str, key: str) -> str:
    """The id of the one upload for this key: the newest that is open, or a new one. Others are aborted."""
    objects = context.ports.objects
    effect = context.ledger.intend(EffectKind.MULTIPART_UPLOAD, tag=key, where=bucket)
    known = [each for each in objects.list_uploads(bucket, key) if each.key == key]
    for surplus in known[:-1]:
        objects.abort_upload(bucket, key, surplus.upload_id)
    upload_id = known[-1].upload_id if known else objects.begin_upload(bucket, key)
    context.ledger.made(effect, upload_id)
    return upload_id


@dataclass(frozen=True, slots=True)
class EarlyTarget:
    """Where the parts of a disk go while it is received. upload_id: "" when they wait for upload_s3.
    room_bytes: of the work disk that they may take, 0 any.
    """

    bucket: str
    key: str
    upload_id: str
    part_bytes: int
    room_bytes: int

    def sink(self, objects: ObjectStore, cancelled: Event) -> AbstractContextManager[EarlyUpload | None]:
        """Use around the receive; gives None when the parts wait."""
        if not self.upload_id:
            return nullcontext()
        return objects.early_parts(
            self.bucket,
            self.key,
            self.upload_id,
            part_bytes=self.part_bytes,
            room_bytes=self.room_bytes,
            cancelled=cancelled,
        )


def early_targets(
    stage: StageInput, context: StageContext, disks: Sequence[DiskArtifacts]
) -> tuple[dict[int, EarlyTarget], str]:
    """Where each of these disks goes while it is received, by index, its upload open; and why it waits
    although it should not ("").

    A storage that does not answer now must not keep the source from being read, unless there is no room for
    what is read; one that refuses is told at once, because upload_s3 would meet the same refusal after all
    the reading.
    """
    bucket = stage.settings.bucket
    targets = {disk.index: _closed_target(stage, disk) for disk in disks}
    early = [disk for disk in disks if disk.part_bytes]
    if not early:
        return targets, ""
    try:
        context.ports.objects.ensure_bucket(bucket)
        for disk in early:
            target = targets[disk.index]
            targets[disk.index] = replace(target, upload_id=open_upload(context, bucket, target.key))
    except StorageUnavailable as err:
        if any(disk.passing for disk in early):
            raise
        return targets, err.title
    return targets, ""


def _closed_target(stage: StageInput, disk: DiskArtifacts) -> EarlyTarget:
    room_bytes = passing_bytes(disk.capacity_bytes) if disk.passing else 0
    key = names_of(stage).object_key(disk.index)
    return EarlyTarget(stage.settings.bucket, key, "", disk.part_bytes, room_bytes)


def held_parts(objects: ObjectStore, bucket: str, key: str) -> dict[int, str]:
    """ETags of the parts that wait in the open upload of this key, by number; none without one."""
    uploads = [each for each in objects.list_uploads(bucket, key) if each.key == key]
    try:
        parts = objects.list_parts(bucket, key, uploads[-1].upload_id) if uploads else ()
    except NotFound:
        parts = ()
    return {part.number: part.etag for part in parts}


def stored_object(ports: Ports, disk: DiskArtifacts) -> StoredObject | None:
    """The finished object of this disk, when it is still what was recorded."""
    if not disk.object_bytes:
        return None
    found = ports.objects.head(disk.bucket, disk.key)
    same = found and (found.size_bytes, found.etag) == (disk.object_bytes, disk.object_etag)
    return found if same else None


def unrecorded_object(objects: ObjectStore, disk: DiskArtifacts) -> StoredObject | None:
    """The object of an upload that a killed run completed but did not record.

    Its upload id is known from the checkpoint and gone at the server, and the object has the file's size.
    """
    if not disk.upload_id or disk.upload_file is None:
        return None
    try:
        objects.list_parts(disk.bucket, disk.key, disk.upload_id)
    except NotFound:
        found = objects.head(disk.bucket, disk.key)
        return found if found and found.size_bytes == disk.upload_file.size_bytes else None
    return None
