"""Imports from Object Storage: checked when asked for, done by worker threads, finished as a raw file."""

import contextlib
import queue
import threading
import time
from pathlib import Path

from v2s_tui.lab.objectstorage.reader import BucketReader, NoSuchObjectError
from v2s_tui.lab.scaleway.answers import invalid_argument, invalid_request
from v2s_tui.lab.scaleway.qcow2 import HEADER_BYTES, Header, Qcow2Error, flatten, parse_header
from v2s_tui.lab.scaleway.store import Resource, ResourceStore

_EXTENSIONS = (".qcow", ".qcow2")
_WORKERS = 2
_SECONDS, _SECONDS_PER_GB = 0.5, 0.15
_LONGEST_SECONDS = 2.0


def check_object(objects: BucketReader, *, bucket: str, key: str, region: str) -> Header:
    """What the API checks before it accepts an import (scaleway.md E1). Raises a 400 refusal."""
    if not key.endswith(_EXTENSIONS):
        raise invalid_request("the object's name must end with .qcow or .qcow2")
    if region != objects.region:
        raise invalid_request(f"bucket {bucket} does not exist in region {region}")
    try:
        return parse_header(objects.read(bucket, key, length_bytes=HEADER_BYTES))
    except NoSuchObjectError as err:
        raise invalid_request(f"object {key} does not exist in bucket {bucket}") from err
    except Qcow2Error as err:
        raise invalid_request(str(err)) from err
    except OSError as err:
        raise invalid_argument("bucket", f"the object cannot be read: {err}") from err


class Importer:
    """Turns snapshots that are `creating` into `available` or, without a word why, `error`.

    What an import needs is in the snapshot (`_import`), so that a lab started again goes on with it.
    """

    def __init__(self, store: ResourceStore, objects: BucketReader, folder: Path, *, speed: float) -> None:
        self._store = store
        self._objects = objects
        self._folder = folder
        self._speed = speed
        self._waiting: queue.Queue[str | None] = queue.Queue()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start the workers, and take up what an earlier life of the lab left unfinished."""
        self._threads = [
            threading.Thread(target=self._work, name=f"import-{number}", daemon=True)
            for number in range(_WORKERS)
        ]
        for thread in self._threads:
            thread.start()
        for snapshot in self._store.all("snapshot"):
            if snapshot["status"] == "creating" and "_import" in snapshot:
                self.submit(snapshot)

    def stop(self) -> None:
        """End the workers after the import at hand."""
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join(10)

    def submit(self, snapshot: Resource) -> None:
        """Import this snapshot's object soon."""
        self._waiting.put(snapshot["id"])

    def _work(self) -> None:
        while (snapshot_id := self._waiting.get()) is not None:
            with self._store.lock:
                snapshot = self._store.find("snapshot", snapshot_id)
                job = dict(snapshot["_import"]) if snapshot else None
            if job is not None:
                self._finish(snapshot_id, ok=self._import(snapshot_id, job))

    def _import(self, snapshot_id: str, job: Resource) -> bool:
        """Whether the object became a raw file, not sooner than an import takes."""
        started = time.monotonic()
        ok = not job["fails"] and self._fetch(snapshot_id, job)
        wanted = min(_LONGEST_SECONDS, _SECONDS + _SECONDS_PER_GB * job["size"] / 10**9) / self._speed
        time.sleep(max(0.0, wanted - (time.monotonic() - started)))
        return ok

    def _fetch(self, snapshot_id: str, job: Resource) -> bool:
        image = self._folder / f"{snapshot_id}.qcow2"
        target = Path(job["raw_path"])
        try:
            self._objects.download(job["bucket"], job["key"], image)
            flatten(image, target, size_bytes=job["size"])
        except (Qcow2Error, NoSuchObjectError, OSError, ValueError):
            target.unlink(missing_ok=True)
            return False  # the real importer gives no reason either (scaleway.md 1.4)
        finally:
            with contextlib.suppress(FileNotFoundError):
                image.unlink()
        return True

    def _finish(self, snapshot_id: str, *, ok: bool) -> None:
        with self._store.lock:
            snapshot = self._store.find("snapshot", snapshot_id)
            if snapshot is None:
                return
            snapshot["status"] = "available" if ok else "error"
            if ok:
                snapshot["_raw_path"] = snapshot["_import"]["raw_path"]
            self._store.save("snapshot", snapshot)
