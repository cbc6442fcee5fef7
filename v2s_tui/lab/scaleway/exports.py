"""Snapshots written as qcow2 into a bucket (scaleway.md E1: 1 GB to 1 TB, same region, no transient state).

The snapshot is `exporting` meanwhile. A lab that stops in the middle leaves it so: nothing takes it up.
"""

import subprocess
import threading
from pathlib import Path

from v2s_tui.lab.objectstorage.reader import NoSuchObjectError
from v2s_tui.lab.scaleway.answers import Answer, invalid_request, transient_state
from v2s_tui.lab.scaleway.routing import Call
from v2s_tui.lab.scaleway.store import Resource, public
from v2s_tui.lab.scaleway.volumes import TRANSIENT, zone_of
from v2s_tui.lab.scaleway.world import World

_EXTENSIONS = (".qcow", ".qcow2")


def export_snapshot(call: Call) -> Answer:
    """POST: begins at once; the snapshot is available again when the object is whole."""
    bucket, key = call.need("bucket"), call.need("key")
    snapshot = call.world.store.get("snapshot", call.params["snapshot_id"], place=zone_of(call))
    if snapshot["status"] in TRANSIENT:
        raise transient_state("snapshot", snapshot["id"], snapshot["status"])
    if not key.endswith(_EXTENSIONS):
        raise invalid_request("the object's name must end with .qcow or .qcow2")
    if call.region != call.world.objects.region or bucket not in call.world.objects.buckets():
        raise invalid_request(f"bucket {bucket} does not exist in region {call.region}")
    snapshot["status"] = "exporting"
    call.world.store.save("snapshot", snapshot)
    arguments = (call.world, dict(snapshot), bucket, key)
    threading.Thread(target=_export, args=arguments, name="export", daemon=True).start()
    return Answer(200, public(snapshot))


def _export(world: World, snapshot: Resource, bucket: str, key: str) -> None:
    image = world.folder / f"export-{snapshot['id']}.qcow2"
    try:
        _write_image(Path(snapshot["_raw_path"]), image)
        world.objects.upload(bucket, key, image)
        status = "available"
    except (OSError, subprocess.CalledProcessError, NoSuchObjectError):
        status = "error"
    finally:
        image.unlink(missing_ok=True)
    with world.store.lock:
        now = world.store.find("snapshot", snapshot["id"])
        if now is not None:
            now["status"] = status
            world.store.save("snapshot", now)


def _write_image(raw: Path, image: Path) -> None:
    argv = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(raw), str(image)]
    subprocess.run(argv, check=True, capture_output=True)
