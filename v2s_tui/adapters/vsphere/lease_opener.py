"""Opening a lease: ExportSnapshot or ExportVm, waiting until it is ready, naming its disks."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from v2s_tui.adapters.vsphere import faults, tls
from v2s_tui.adapters.vsphere.hardware import read_disks
from v2s_tui.adapters.vsphere.lease import Lease, end_lease, failure_of, lease_id, read_lease
from v2s_tui.adapters.vsphere.lease_devices import DeviceUrl, device_urls, match_disks
from v2s_tui.adapters.vsphere.retrieve import Retriever
from v2s_tui.adapters.vsphere.session import Session
from v2s_tui.adapters.vsphere.values import Ref, Value, items_of, number_of, parts_of, text_of
from v2s_tui.adapters.vsphere.waiting import Waiting
from v2s_tui.domain.errors import LeaseFailed, SourceError
from v2s_tui.domain.ports import DiskStream, ExportLease
from v2s_tui.domain.source.vm import Disk, DiskBacking

_SHA1_LETTERS = 59


class LeaseOpener:
    """Opens leases of one session."""

    def __init__(self, session: Session, retriever: Retriever, waiting: Waiting) -> None:
        self._session = session
        self._retriever = retriever
        self._waiting = waiting

    @contextmanager
    def open(self, vm: str, snapshot: str | None) -> Iterator[ExportLease]:
        """The lease, ready. However the context is left, it is completed (by the caller) or aborted.

        Raises LeaseFailed where it does not become ready, SourceError where the export is refused.
        """
        doing = f"Export of {vm}"
        moref = self._request(doing, vm, snapshot)
        name = lease_id(self._session, moref)
        try:
            lease = self._ready(doing, moref, vm, snapshot)
        except BaseException:
            # What is on its way up matters more; without a heartbeat the lease ends by itself.
            with suppress(SourceError):
                end_lease(self._session, name)
            raise
        try:
            yield lease
        finally:
            lease.abort("the export was left before it was complete")

    def _request(self, doing: str, vm: str, snapshot: str | None) -> str:
        """moref of the new lease; a VM busy with another task is tried again for a bounded time."""
        start = self._export_call(vm, snapshot)
        limit = self._session.address.timeouts.busy
        with faults.told_as(doing):
            lease = self._waiting.while_busy(doing, lambda: self._session.attempt(start), limit_seconds=limit)
        return str(lease._moId)

    def _export_call(self, vm: str, snapshot: str | None) -> Any:
        if snapshot is None:
            return self._session.managed("VirtualMachine", vm).ExportVm
        return self._session.managed("VirtualMachineSnapshot", snapshot).ExportSnapshot

    def _ready(self, doing: str, moref: str, vm: str, snapshot: str | None) -> Lease:
        self._wait_until_ready(doing, moref)
        info = parts_of(read_lease(self._retriever, doing, moref, "info").get("info"))
        urls = device_urls(_url_list(info.get("deviceUrl")), dialled=self._session.address.netloc)
        matched = match_disks(urls, self._exportable_disks(doing, vm, snapshot))
        if not matched:
            raise LeaseFailed(f"{doing}: the lease offers no disks", hint="Has the VM disks that are files?")
        return Lease(
            self._session,
            self._retriever,
            moref=moref,
            vm=vm,
            disks=tuple(self._stream(url, disk) for url, disk in matched),
            keys={url.key: disk.key for url, disk in matched},
            lease_seconds=number_of(info.get("leaseTimeout")),
            sleep=self._waiting.sleep,
        )

    def _wait_until_ready(self, doing: str, moref: str) -> None:
        limit = self._session.address.timeouts.lease_ready
        look = partial(self._is_ready, doing, moref)
        if not self._waiting.until(look, what=f"{doing}: the lease is not ready", limit_seconds=limit):
            raise LeaseFailed(
                f"{doing}: the lease was not ready after {limit:.0f} seconds (time-out)",
                hint="The ESXi host may serve too many exports; lower the limit per_esxi_host",
            )

    def _is_ready(self, doing: str, moref: str) -> bool | None:
        """True when it is, None while it is not; its failure raised."""
        found = read_lease(self._retriever, doing, moref, "state", "error")
        if failure := failure_of(found, doing):
            raise failure
        return text_of(found.get("state")) == "ready" or None

    def _exportable_disks(self, doing: str, vm: str, snapshot: str | None) -> list[Disk]:
        """The disks that a lease may offer, in the order of the hardware list: as the snapshot has them."""
        path = "config.hardware.device"
        devices: Value | None = None
        if snapshot is not None:
            devices = self._retriever.read(doing, Ref("VirtualMachineSnapshot", snapshot), path).get(path)
        if devices is None:
            devices = self._retriever.read(doing, Ref("VirtualMachine", vm), path).get(path)
        parts = [parts_of(item) for item in items_of(devices)]
        position = {number_of(part.get("key")): index for index, part in enumerate(parts)}
        disks = sorted(read_disks(parts), key=lambda disk: position[disk.key])
        left_out = (DiskBacking.RDM_PHYSICAL,)
        return [disk for disk in disks if disk.backing not in left_out]

    def _stream(self, url: DeviceUrl, disk: Disk) -> DiskStream:
        address = self._session.address
        pin = tls.normalised(address.thumbprint)
        own_pin = pin if len(pin) == _SHA1_LETTERS else ""
        ours = f"//{address.netloc}/" in url.url
        return DiskStream(
            url=url.url,
            thumbprint=url.thumbprint or (own_pin if ours else ""),
            device_key=disk.key,
            capacity_bytes=disk.capacity_bytes,
            ca_file=address.ca_file,
            insecure=address.insecure,
        )


def _url_list(value: Value | None) -> Value | None:
    """Inside `info` the URLs repeat by themselves, without an ArrayOf around them."""
    return {"HttpNfcLeaseDeviceUrl": value} if value else None
