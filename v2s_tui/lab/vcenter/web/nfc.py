"""`GET /nfc/<lease>/<file>`: the disks of an open lease, streamed as they are made."""

import hashlib
from collections.abc import Iterator
from http import HTTPStatus

from v2s_tui.lab.disks.build import ensure_disk
from v2s_tui.lab.disks.vmdk_stream import stream_vmdk
from v2s_tui.lab.faults import FaultRules
from v2s_tui.lab.vcenter.leases import NVRAM_BYTES, Lease, LeaseFile
from v2s_tui.lab.vcenter.web.connection import Connection, CutError, Throttle
from v2s_tui.lab.vcenter.world import World

_CONTENT_TYPE = "application/x-vnd.vmware-streamVmdk"


class NfcPages:
    """The NFC service, the same on every host. bytes_per_second: most that one stream gets, None: all."""

    def __init__(self, world: World, faults: FaultRules, *, bytes_per_second: int | None) -> None:
        self._world, self._faults, self._bytes_per_second = world, faults, bytes_per_second

    def get(self, connection: Connection, path: str) -> None:
        """Send a file of a lease; the URL is all the client needs, Range is not heeded."""
        found = self._find(path)
        if found is None:
            connection.reply(HTTPStatus.NOT_FOUND, b"no such lease or file", content_type="text/plain")
            return
        lease, file = found
        self._world.requests["GET /nfc"] += 1
        fault = self._faults.match(server="vcenter", operation=f"GET {path}", subject=lease.vm.name)
        if fault is not None and connection.reply_fault(fault):
            return
        try:
            pieces = _pieces(file)
        except (OSError, RuntimeError) as err:
            connection.reply(HTTPStatus.INTERNAL_SERVER_ERROR, str(err).encode(), content_type="text/plain")
            return
        throttle = Throttle(connection, fault, bytes_per_second=self._bytes_per_second)
        connection.stream(_noted(lease, file, pieces), content_type=_CONTENT_TYPE, throttle=throttle)

    def _find(self, path: str) -> tuple[Lease, LeaseFile] | None:
        lease_id, _, name = path.removeprefix("/nfc/").partition("/")
        with self._world.lock:
            lease = self._world.entities.get(lease_id)
            if not isinstance(lease, Lease) or lease.state != "ready":
                return None
            file = next((file for file in lease.files if file.name == name), None)
            return None if file is None else (lease, file)


def _noted(lease: Lease, file: LeaseFile, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The stream; its hash and size go into the lease's manifest when it was sent to its end.

    Raises CutError when the lease ends first: the client sees the line break.
    """
    digest, size_bytes = hashlib.sha1(usedforsecurity=False), 0
    for piece in pieces:
        if lease.closed.is_set():
            raise CutError("the lease has ended")
        digest.update(piece)
        size_bytes += len(piece)
        yield piece
    file.sha1, file.size_bytes = digest.hexdigest(), size_bytes


def _pieces(file: LeaseFile) -> Iterator[bytes]:
    """The file's content; a disk is built here where nobody read it before, which may fail."""
    if file.disk is None:
        return iter((bytes(NVRAM_BYTES),))
    return stream_vmdk(ensure_disk(file.disk), name=file.name)
