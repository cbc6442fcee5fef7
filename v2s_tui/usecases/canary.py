"""A canary: a small image of unmodified grains goes through Scaleway's importer; what comes out is compared.

It costs cents and some minutes. Everything it makes is tagged, on record before it is made, and removed.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from v2s_tui.adapters.disk.canary_image import make_canary_image
from v2s_tui.adapters.disk.images import convert_to_raw
from v2s_tui.adapters.disk.manifest import manifest_path
from v2s_tui.adapters.disk.verify import verify_disk
from v2s_tui.adapters.store.canaries import write_canary
from v2s_tui.domain.errors import ImportRefused, TargetUnavailable, ToolError, V2sError
from v2s_tui.domain.execution.canary import CanaryRecord
from v2s_tui.domain.execution.progress import StageProgress
from v2s_tui.domain.ports import CloudResource, CloudState
from v2s_tui.domain.units import format_duration
from v2s_tui.usecases.cluster_mode import canary_target
from v2s_tui.usecases.services import Services

TIMEOUT_SECONDS = 3600.0
_KIND = "block_snapshot"
_SETTLED = {CloudState.READY, CloudState.IN_USE, CloudState.ERROR}


@dataclass(frozen=True, slots=True)
class _Canary:
    """One on its way. zone: where it is imported. pause: waits so long between two looks."""

    services: Services
    record: CanaryRecord
    zone: str
    bucket: str
    say: Callable[[str], None]
    pause: Callable[[float], object]


def run_canary(
    services: Services,
    *,
    say: Callable[[str], None],
    pause: Callable[[float], object] = time.sleep,
) -> CanaryRecord:
    """Run one to its end and keep its result; it says whether `pass` may be used from now on.

    Raises OutsideError and InputError where nothing was learned of the importer.
    """
    scaleway, target = services.settings.scaleway, canary_target(services.settings.scaleway)
    services.cloud(), services.objects()  # doors that do not open leave the last result as it is
    record = CanaryRecord(secrets.token_hex(4), services.clock.now())
    write_canary(services.work_dir, target, record)
    canary = _Canary(services, record, scaleway.default_zone, scaleway.s3_bucket, say, pause)
    with TemporaryDirectory(dir=services.work_dir, prefix="canary-") as folder, _cleaned_up(canary):
        passed, detail = _fly(canary, Path(folder))
    record = replace(record, passed=passed, detail=detail)
    write_canary(services.work_dir, target, record)
    return record


def _fly(canary: _Canary, folder: Path) -> tuple[bool, str]:
    """(whether what came out is what went in, a sentence on it)."""
    image, back, raw = (folder / name for name in ("sent.qcow2", "back.qcow2", "back.raw"))
    make_canary_image(image)
    _upload(canary, image)
    try:
        snapshot = _import(canary)
    except ImportRefused as err:
        return False, f"refused: {err.title}"
    if snapshot.state is CloudState.ERROR:
        return False, f"the import ended in status {snapshot.status}"
    _export(canary, snapshot, back)
    convert_to_raw(back, raw)
    try:
        found = verify_disk(raw, manifest_path(image))
    except ToolError as err:
        return False, err.title
    if found.holds:
        return True, f"{found.compared_clusters} clusters came back as they were sent"
    return False, f"{len(found.wrong_clusters)} of {found.compared_clusters} clusters came back different"


def _upload(canary: _Canary, image: Path) -> None:
    objects, key = canary.services.objects(), canary.record.key("sent")
    canary.say(f"sending {image.stat().st_size / 1e6:.1f} MB of unmodified grains to {canary.bucket}/{key}")
    objects.ensure_bucket(canary.bucket)
    upload_id = objects.begin_upload(canary.bucket, key)
    objects.upload_file(
        image, canary.bucket, key, upload_id, progress=StageProgress(), cancelled=threading.Event()
    )


def _import(canary: _Canary) -> CloudResource:
    canary.say(f"importing it in {canary.zone}")
    made = canary.services.cloud().import_snapshot(
        canary.zone,
        bucket=canary.bucket,
        key=canary.record.key("sent"),
        name=f"v2s-canary-{canary.record.id}",
        tags=(canary.record.tag,),
    )
    return _settled(canary, made.id, "the import")


def _export(canary: _Canary, snapshot: CloudResource, target: Path) -> None:
    canary.say("exporting the snapshot again")
    services, key = canary.services, canary.record.key("back")
    services.cloud().export_snapshot(canary.zone, snapshot_id=snapshot.id, bucket=canary.bucket, key=key)
    if _settled(canary, snapshot.id, "the export").state is CloudState.ERROR:
        raise TargetUnavailable("Scaleway could not export the canary's snapshot", hint="run it again later")
    services.objects().download(canary.bucket, key, target)


def _settled(canary: _Canary, snapshot_id: str, what: str) -> CloudResource:
    clock = canary.services.clock
    began, pause_seconds = clock.monotonic(), 0.5
    while clock.monotonic() - began < TIMEOUT_SECONDS:
        found = canary.services.cloud().get(_KIND, canary.zone, snapshot_id)
        if found is None:
            raise TargetUnavailable("the canary's snapshot vanished", hint="was it deleted by hand?")
        if found.state in _SETTLED:
            return found
        canary.pause(pause_seconds)
        pause_seconds = min(10.0, 1.5 * pause_seconds)
    raise TargetUnavailable(
        f"{what} did not end within {format_duration(TIMEOUT_SECONDS)}",
        hint="`v2s leftovers` shows what is there; run the canary again later",
    )


@contextmanager
def _cleaned_up(canary: _Canary) -> Iterator[None]:
    try:
        yield
    finally:
        _clean_up(canary)


def _clean_up(canary: _Canary) -> None:
    """Remove everything of this canary, also what a call made whose answer was lost."""
    cloud, objects = canary.services.cloud(), canary.services.objects()
    try:
        for each in cloud.find(_KIND, canary.zone, canary.record.tag):
            cloud.delete(_KIND, canary.zone, each.id)
        for part in ("sent", "back"):
            key = canary.record.key(part)
            for upload in objects.list_uploads(canary.bucket, key):
                objects.abort_upload(canary.bucket, upload.key, upload.upload_id)
            objects.delete(canary.bucket, key)
    except V2sError as err:
        canary.say(f"not all of it could be removed ({err.title}); `v2s leftovers` finds the rest")
