"""The doors to the world as engine and use cases see them: small Protocols, described by their errors.

All are plain blocking calls made from worker threads. Adapters raise only errors of domain/errors.py. Fakes
of each port live in tests/fakes and are maintained like adapters.
"""

from v2s_tui.domain.ports.cloud import Cloud, CloudResource, CloudState, InstanceRequest
from v2s_tui.domain.ports.guests import Guests, GuestWork
from v2s_tui.domain.ports.host import Clock, Disks, PartSink, Prober, ReceivedDisk
from v2s_tui.domain.ports.objects import EarlyUpload, ObjectStore, OpenUpload, StoredObject
from v2s_tui.domain.ports.source import DiskStream, ExportLease, Source, WaitListener

__all__ = [
    "Clock",
    "Cloud",
    "CloudResource",
    "CloudState",
    "DiskStream",
    "Disks",
    "EarlyUpload",
    "ExportLease",
    "GuestWork",
    "Guests",
    "InstanceRequest",
    "ObjectStore",
    "OpenUpload",
    "PartSink",
    "Prober",
    "ReceivedDisk",
    "Source",
    "StoredObject",
    "WaitListener",
]
