"""An open NFC lease: its disks, its heartbeat, its end.

vCenter drops a lease that shows no sign of life (300 seconds), and data reads do not count: a thread of its
own says how far we are, and sees when the lease goes to error.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from v2s_tui.adapters.vsphere import faults
from v2s_tui.adapters.vsphere.faults import GONE, VimFault
from v2s_tui.adapters.vsphere.retrieve import Retriever
from v2s_tui.adapters.vsphere.session import Session
from v2s_tui.adapters.vsphere.values import Ref, Value
from v2s_tui.domain.errors import LeaseFailed, SourceError, SourceUnreachable
from v2s_tui.domain.ports import DiskStream

log = logging.getLogger(__name__)
Result = TypeVar("Result")
_KIND = "HttpNfcLease"
_DEFAULT_LEASE_SECONDS = 300
_AGAIN_SECONDS = 5.0


class Lease:
    """An ExportLease (domain/ports.py). Made by LeaseOpener when the lease is ready."""

    def __init__(
        self,
        session: Session,
        retriever: Retriever,
        *,
        moref: str,
        vm: str,
        disks: tuple[DiskStream, ...],
        keys: Mapping[str, int],
        lease_seconds: int = 0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """keys: the lease's key of each disk -> device key. lease_seconds: 0 for vCenter's usual 300. sleep:
        may raise Cancelled.
        """
        self.id = lease_id(session, moref)
        self.disks = disks
        self._session = session
        self._retriever = retriever
        self._moref = moref
        self._proxy: Any = session.managed(_KIND, moref)
        self._doing = f"Export of {vm}"
        self._keys = dict(keys)
        self._lease_seconds = lease_seconds or _DEFAULT_LEASE_SECONDS
        self._interval = min(session.address.timeouts.heartbeat, self._lease_seconds / 3)
        self._clock = clock
        self._sleep = sleep
        self._percent = 0
        self._failure: LeaseFailed | None = None
        self._released = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"lease-{moref}", daemon=True)
        self._thread.start()

    @property
    def failure(self) -> LeaseFailed | None:
        """What the heartbeat met, None while all is well."""
        return self._failure

    def report_progress(self, percent: int) -> None:
        """Sent with the next heartbeat; never goes back, as vCenter shows it to people."""
        self._percent = max(self._percent, min(100, max(0, percent)))

    def stream_digests(self) -> Mapping[int, tuple[str, str]]:
        """Device key -> (algorithm, hex digest of the stream), where the server offers a manifest."""
        ask = partial(self._session.attempt, self._proxy.HttpNfcLeaseGetManifest, repeatable=True)
        try:
            entries = self._patiently(ask)
        except VimFault as fault:
            if fault.kind in {"NotSupported", "MethodNotFound"}:
                return {}
            raise faults.lease_error_of(fault, f"{self._doing}: manifest") from fault
        digests = ((self._keys.get(str(entry.key)), _digest(entry)) for entry in entries or ())
        return {key: digest for key, digest in digests if key is not None and digest is not None}

    def complete(self) -> None:
        """Everything was read. Raises LeaseFailed when the lease had gone to error, or will not complete; it
        is then aborted when its context is left.
        """
        self._stop()
        if self._failure is None:
            self._last_look()
        if self._failure is not None:
            raise self._failure
        try:
            self._session.attempt(self._proxy.HttpNfcLeaseComplete)
        except VimFault as fault:
            raise faults.lease_error_of(fault, self._doing) from fault
        except SourceUnreachable as err:
            log.info("%s: it was good until its end, vCenter was not told (%s)", self._doing, err.title)
            return
        self._released = True

    def abort(self, reason: str) -> None:
        """Release the VM unless it is released; never raises."""
        if not self._released:
            self._released = True
            self._stop()
            self._give_up(reason)

    def _stop(self) -> None:
        self._ended.set()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _give_up(self, reason: str) -> None:
        from pyVmomi import vmodl

        fault = vmodl.fault.RequestCanceled(msg=f"v2s: {reason}")
        # Where vCenter does not answer, the lease ends by itself for want of a heartbeat.
        with suppress(SourceError):
            end_lease(self._session, self.id, reason=fault)

    def _last_look(self) -> None:
        try:
            self._patiently(self._look)
        except SourceError as err:
            raise LeaseFailed(f"{self._doing}: the lease's end cannot be told", hint=str(err)) from err

    def _patiently(self, ask: Callable[[], Result]) -> Result:
        """Hours of reading must not be lost to a moment in which vCenter does not answer: ask again for as
        long as it keeps a lease without a sign of life.
        """
        ends = self._clock() + self._lease_seconds
        while True:
            try:
                return ask()
            except SourceUnreachable:
                if self._clock() >= ends:
                    raise
            self._sleep(min(self._interval, _AGAIN_SECONDS))

    def _beat(self) -> None:
        last_answer = self._clock()
        while not self._ended.wait(self._interval):
            try:
                self._show_progress()
            except SourceError as err:
                if self._clock() - last_answer < self._lease_seconds:
                    continue
                self._failure = LeaseFailed(
                    f"{self._doing}: the lease timed out: no heartbeat reached vCenter for"
                    f" {self._lease_seconds} seconds",
                    hint=str(err),
                )
            else:
                last_answer = self._clock()
            if self._failure is not None:
                return

    def _show_progress(self) -> None:
        try:
            self._session.attempt(lambda: self._proxy.HttpNfcLeaseProgress(self._percent), repeatable=True)
        except VimFault as fault:
            self._look()
            if self._failure is None:
                self._failure = faults.lease_error_of(fault, self._doing)
            return
        self._look()

    def _look(self) -> None:
        """Notice a lease that went to error. Raises SourceError when vCenter cannot tell."""
        try:
            found = read_lease(self._retriever, self._doing, self._moref, "state", "error")
        except LeaseFailed as err:
            self._failure = err
        except faults.VimFaultError as err:
            self._failure = LeaseFailed(err.title, hint=err.hint)
        else:
            self._failure = failure_of(found, self._doing)


def read_lease(retriever: Retriever, doing: str, moref: str, *paths: str) -> Mapping[str, Value]:
    """Properties of a lease. Raises LeaseFailed where it is gone, else as Retriever.read does."""
    try:
        return retriever.read(doing, Ref(_KIND, moref), *paths)
    except faults.VimFaultError as err:
        if err.kind != GONE:
            raise
        raise faults.lease_gone(doing) from err


def lease_id(session: Session, moref: str) -> str:
    """`{session key} {moref}`: who holds the lease, and the lease ("" before it is open).

    No key where it opens the session (an ESXi host's does), because ids go on record.
    """
    return f"{'' if session.key in session.cookie else session.key} {moref}"


def end_lease(session: Session, name: str, *, reason: Any = None) -> str:
    """End a lease of ours, or one that a dead process left; returns why that cannot be done, "" done.

    A lease belongs to its session: another one, as after a new login, may not see it, but ending the session
    frees what it held (vSphere API reference, SessionManager.TerminateSession: NotFound where it is gone).
    reason: vmodl fault that vCenter shows with the lease.
    """
    key, _, moref = name.partition(" ")
    ended = bool(moref) and _aborted(session, moref, reason)
    if ended or key == session.key:
        return ""
    if not key:
        return "the session that holds it is not on record"
    try:
        session.attempt(lambda: session.content.sessionManager.TerminateSession(sessionId=[key]))
    except VimFault as fault:
        if fault.kind == "NotFound":
            return ""
        denied = fault.kind == "NoPermission"
        return "no privilege Sessions.TerminateSession" if denied else f"vCenter answered {fault.kind}"
    return ""


def _aborted(session: Session, moref: str, reason: Any) -> bool:
    try:
        session.attempt(lambda: session.managed(_KIND, moref).HttpNfcLeaseAbort(reason), repeatable=True)
    except VimFault:
        return False
    return True


def failure_of(found: Mapping[str, Value], doing: str) -> LeaseFailed | None:
    """The failure that a lease's `state` and `error` mean."""
    if found.get("state") != "error":
        return None
    return faults.lease_error_of(faults.from_localized(found.get("error")), doing)


def _digest(entry: Any) -> tuple[str, str] | None:
    """checksum with its type on newer servers, sha1 on older ones."""
    if entry.checksum and entry.checksumType:
        return str(entry.checksumType).lower(), str(entry.checksum).lower()
    return ("sha1", str(entry.sha1).lower()) if entry.sha1 else None
