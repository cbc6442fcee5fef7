"""The one multipart upload of a disk: begun by the export, which sends early parts, or by upload_s3."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from threading import Event

from v2s_tui.domain.errors import StorageUnavailable
from v2s_tui.domain.execution.artifacts import DiskArtifacts
from v2s_tui.domain.execution.ledger import EffectKind
from v2s_tui.domain.ports import EarlyUpload, ObjectStore
from v2s_tui.engine.stage_contract import StageContext, StageInput
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
    """Where the parts of a disk go while it is received. upload_id: "" when they wait for upload_s3."""

    bucket: str
    key: str
    upload_id: str
    part_bytes: int

    def sink(self, objects: ObjectStore, cancelled: Event) -> AbstractContextManager[EarlyUpload | None]:
        """Use around the receive; gives None when the parts wait."""
        if not self.upload_id:
            return nullcontext()
        return objects.early_parts(
            self.bucket, self.key, self.upload_id, part_bytes=self.part_bytes, cancelled=cancelled
        )


def early_targets(
    stage: StageInput, context: StageContext, disks: Sequence[DiskArtifacts]
) -> tuple[dict[int, EarlyTarget], str]:
    """Where each of these disks goes while it is received, by index, its upload open; and why it waits
    although it should not ("").

    A storage that does not answer now must not keep the source from being read; one that refuses is told at
    once, because upload_s3 would meet the same refusal after all the reading.
    """
    bucket, names = stage.settings.bucket, names_of(stage)
    targets = {
        disk.index: EarlyTarget(bucket, names.object_key(disk.index), "", disk.part_bytes) for disk in disks
    }
    if not stage.settings.overlap or not disks:
        return targets, ""
    try:
        context.ports.objects.ensure_bucket(bucket)
        for index, target in targets.items():
            upload_id = open_upload(context, bucket, target.key)
            targets[index] = EarlyTarget(bucket, target.key, upload_id, target.part_bytes)
    except StorageUnavailable as err:
        return targets, err.title
    return targets, ""
