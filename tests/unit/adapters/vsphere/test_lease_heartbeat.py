"""A lease's heartbeat when vCenter does not answer, and how a lease ends then."""

import itertools
import time
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from v2s_tui.adapters.vsphere.address import Timeouts
from v2s_tui.adapters.vsphere.faults import VimFault
from v2s_tui.adapters.vsphere.lease import Lease
from v2s_tui.adapters.vsphere.values import Ref, Value
from v2s_tui.domain.errors import LeaseFailed, SourceUnreachable
from v2s_tui.domain.ports import DiskStream

DISK = DiskStream("https://esxi-1/nfc/1/disk-0.vmdk", "", 2000, 1024)


class LeaseServer:
    """Session, retriever and lease proxy in one. outage: what every heartbeat meets; state: of the lease.
    away: how many other calls get no answer.
    """

    key = "52-session"
    cookie = "vmware_soap_session=secret"

    def __init__(self, *, outage: Exception | None = None, state: str = "ready") -> None:
        self.address = SimpleNamespace(timeouts=Timeouts(heartbeat=0.01))
        self.outage = outage
        self.state = state
        self.away = 0
        self.calls: list[str] = []

    def answer(self) -> None:
        self.away -= 1
        if self.away >= 0:
            raise SourceUnreachable("no answer")

    def managed(self, _kind: str, _moref: str) -> Any:
        return self

    def attempt(self, action: Callable[[], Any], *, repeatable: bool = False) -> Any:
        return action()

    def read(self, _doing: str, _ref: Ref, *_paths: str) -> Mapping[str, Value]:
        self.answer()
        return {"state": self.state, "error": {"fault": {"@type": "Timedout"}}}

    def HttpNfcLeaseProgress(self, percent: int) -> None:  # noqa: N802 - vSphere's name
        self.calls.append(f"progress {percent}")
        if self.outage:
            raise self.outage

    def HttpNfcLeaseComplete(self) -> None:  # noqa: N802
        self.answer()
        self.calls.append("complete")

    def HttpNfcLeaseAbort(self, fault: Any) -> None:  # noqa: N802
        self.calls.append(f"abort {fault.msg}")

    def HttpNfcLeaseGetManifest(self) -> Any:  # noqa: N802
        self.answer()
        return [
            SimpleNamespace(key="/vm-1/a", sha1="AB", checksum=None, checksumType=None),
            SimpleNamespace(key="/vm-1/nvram", sha1="CD", checksum=None, checksumType=None),
            SimpleNamespace(key="/vm-1/b", sha1="", checksum="EF", checksumType="SHA256"),
            SimpleNamespace(key="/vm-1/c", sha1="", checksum="", checksumType=""),
        ]


def lease_on(server: LeaseServer, *, seconds_per_look: float = 0, heartbeat: float = 0.01) -> Lease:
    """A lease whose clock moves so far each time somebody looks at it."""
    server.address.timeouts = Timeouts(heartbeat=heartbeat)
    ticks = itertools.count(0, seconds_per_look) if seconds_per_look else itertools.repeat(0.0)
    return Lease(
        server,  # type: ignore[arg-type]
        server,  # type: ignore[arg-type]
        moref="lease-1",
        vm="vm-1",
        disks=(DISK,),
        keys={"/vm-1/a": 2000, "/vm-1/b": 2001, "/vm-1/c": 2002},
        clock=lambda: next(ticks),
        sleep=lambda _seconds: None,
    )


def test_digests_are_named_by_device_with_their_algorithm() -> None:
    lease = lease_on(LeaseServer())
    assert lease.stream_digests() == {2000: ("sha1", "ab"), 2001: ("sha256", "ef")}
    lease.complete()


def test_a_short_outage_does_not_end_a_lease() -> None:
    server = LeaseServer(outage=SourceUnreachable("no answer"))
    lease = lease_on(server)
    while len(server.calls) < 3:
        time.sleep(0.005)
    lease.complete()
    assert server.calls[-1] == "complete"


def test_a_moment_without_an_answer_at_the_end_does_not_cost_what_was_read() -> None:
    server = LeaseServer()
    lease = lease_on(server, heartbeat=60)
    server.away = 3
    assert lease.stream_digests()
    server.away = 3
    lease.complete()
    assert server.calls == ["complete"]


def test_a_lease_that_was_good_to_its_end_counts_even_where_vcenter_cannot_be_told() -> None:
    server = LeaseServer()
    lease = lease_on(server, heartbeat=60)
    lease._stop()
    server.away, look = 0, lease._look

    def look_and_lose_the_line() -> None:
        look()
        server.away = 1

    lease._look = look_and_lose_the_line  # type: ignore[method-assign]
    lease.complete()
    lease.abort("left")
    assert server.calls == ["abort v2s: left"]


def test_an_outage_at_the_end_for_as_long_as_a_lease_lives_is_a_failure() -> None:
    server = LeaseServer()
    lease = lease_on(server, seconds_per_look=200, heartbeat=60)
    server.away = 99
    with pytest.raises(LeaseFailed, match="end cannot be told"):
        lease.complete()


def test_an_outage_of_the_lease_time_is_a_failure() -> None:
    server = LeaseServer(outage=SourceUnreachable("no answer"))
    lease = lease_on(server, seconds_per_look=200)
    lease._thread.join()
    with pytest.raises(LeaseFailed, match="no heartbeat reached vCenter for 300 seconds"):
        lease.complete()
    lease.abort("failed")
    assert server.calls[-1] == "abort v2s: failed"


def test_a_lease_that_went_to_error_says_why() -> None:
    server = LeaseServer(outage=VimFault("InvalidState"), state="error")
    lease = lease_on(server)
    lease._thread.join()
    with pytest.raises(LeaseFailed, match="timed out"):
        lease.complete()


def test_a_completed_lease_is_not_aborted() -> None:
    server = LeaseServer()
    lease = lease_on(server)
    lease.complete()
    lease.abort("too late")
    assert not [call for call in server.calls if call.startswith("abort")]


def test_progress_never_goes_back_nor_beyond_its_bounds() -> None:
    server = LeaseServer()
    lease = lease_on(server)
    for percent in (-5, 40, 30, 400):
        lease.report_progress(percent)
    while "progress 100" not in server.calls:
        time.sleep(0.005)
    lease.abort("enough")
    assert server.calls[-1] == "abort v2s: enough"
