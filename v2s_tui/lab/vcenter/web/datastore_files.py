"""`/folder/<dir>/<file>-flat.vmdk?dcPath=..&dsName=..`: a disk's bytes as they are, with Range."""

import re
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from v2s_tui.lab.disks.build import ensure_disk
from v2s_tui.lab.faults import FaultRules
from v2s_tui.lab.scenarios.model import DiskSpec
from v2s_tui.lab.vcenter.hardware_properties import disk_path
from v2s_tui.lab.vcenter.inventory import VirtualMachine
from v2s_tui.lab.vcenter.sessions import Sessions
from v2s_tui.lab.vcenter.web.connection import Connection, Throttle
from v2s_tui.lab.vcenter.world import World

_PIECE_BYTES = 1 << 20


class DatastorePages:
    """Reads the flat extents of virtual disks."""

    def __init__(self, world: World, sessions: Sessions, faults: FaultRules) -> None:
        self._world, self._sessions, self._faults = world, sessions, faults

    def get(self, connection: Connection, target: str) -> None:
        """Send the file or a range of it; a link that a running VM writes to is locked."""
        parts = urlsplit(target)
        if self._sessions.find(connection.cookie()) is None:
            self._refuse(connection, HTTPStatus.UNAUTHORIZED)
            return
        found = self._find(unquote(parts.path.removeprefix("/folder/")), parse_qs(parts.query))
        if found is None:
            self._refuse(connection, HTTPStatus.NOT_FOUND)
            return
        vm, disk = found
        fault = self._faults.match(server="vcenter", operation=f"GET {parts.path}", subject=vm.name)
        if fault is not None and connection.reply_fault(fault):
            return
        if vm.open_leases or (vm.power == "poweredOn" and not vm.snapshots):
            self._refuse(connection, HTTPStatus.INTERNAL_SERVER_ERROR)
            return
        _send(connection, ensure_disk(disk), Throttle(connection, fault))

    def _find(self, path: str, query: dict[str, list[str]]) -> tuple[VirtualMachine, DiskSpec] | None:
        """Base links only: what they hold does not change under a snapshot."""
        datacenter = query.get("dcPath", [""])[0].strip("/").split("/")[-1]
        wanted = f"[{query.get('dsName', [''])[0]}] {path}"
        with self._world.lock:
            for vm in self._world.vms():
                if vm.datacenter.name != datacenter:
                    continue
                for number, disk in enumerate(vm.spec.disks):
                    base = re.sub(r"-\d{6}\.vmdk$", ".vmdk", disk_path(vm, number))
                    if wanted == base.removesuffix(".vmdk") + "-flat.vmdk":
                        return vm, disk
        return None

    @staticmethod
    def _refuse(connection: Connection, status: HTTPStatus) -> None:
        connection.reply(status, status.phrase.encode(), content_type="text/plain")


def _send(connection: Connection, path: Path, throttle: Throttle) -> None:
    size_bytes = path.stat().st_size
    span = _range(connection.headers.get("Range"), size_bytes)
    if span is None:
        connection.reply(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        return
    start, end, partial = span
    connection.send_response(HTTPStatus.PARTIAL_CONTENT if partial else HTTPStatus.OK)
    connection.send_header("Content-Type", "application/octet-stream")
    connection.send_header("Content-Length", str(end - start))
    connection.send_header("Accept-Ranges", "bytes")
    if partial:
        connection.send_header("Content-Range", f"bytes {start}-{end - 1}/{size_bytes}")
    connection.end_headers()
    if connection.command == "GET":
        _send_bytes(path, start, end, throttle)
    connection.wfile.flush()


def _send_bytes(path: Path, start: int, end: int, throttle: Throttle) -> None:
    with path.open("rb") as file:
        file.seek(start)
        while start < end:
            piece = file.read(min(_PIECE_BYTES, end - start))
            throttle.send(piece)
            start += len(piece)


def _range(header: str | None, size_bytes: int) -> tuple[int, int, bool] | None:
    """Start, end (exclusive) and whether it is a part only; None where the range cannot be served."""
    if header is None:
        return 0, size_bytes, False
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header.strip())
    if match is None or match.group(0) == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        return max(0, size_bytes - int(last)), size_bytes, True
    end = min(size_bytes, int(last) + 1) if last else size_bytes
    return (int(first), end, True) if int(first) < end else None
