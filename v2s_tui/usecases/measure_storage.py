"""How quickly this host reaches Object Storage: a small object goes up, is timed and is removed again."""

import os
import tempfile
import threading
import uuid
from pathlib import Path

from v2s_tui.domain.errors import V2sError
from v2s_tui.domain.execution.progress import StageProgress
from v2s_tui.domain.ports import ObjectStore
from v2s_tui.domain.units import MIB
from v2s_tui.usecases.services import Services

SAMPLE_BYTES = 16 * MIB
"""One part: large enough to leave the connection's start behind, small enough for a slow line."""


def upload_rate(services: Services) -> float:
    """Bytes per second of one connection, incompressible data. Nothing stays behind; raises StorageError."""
    bucket, objects = services.settings.scaleway.s3_bucket, services.objects()
    key = f"migrations/doctor-{uuid.uuid4().hex[:8]}/sample"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample"
        path.write_bytes(os.urandom(SAMPLE_BYTES))
        upload_id = objects.begin_upload(bucket, key)
        try:
            began = services.clock.monotonic()
            _send(objects, path, bucket, key, upload_id)
            seconds = services.clock.monotonic() - began
        except V2sError:
            objects.abort_upload(bucket, key, upload_id)
            raise
        objects.delete(bucket, key)
    return SAMPLE_BYTES / max(seconds, 1e-6)


def _send(objects: ObjectStore, path: Path, bucket: str, key: str, upload_id: str) -> None:
    objects.upload_file(path, bucket, key, upload_id, progress=StageProgress(), cancelled=threading.Event())
