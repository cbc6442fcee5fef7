"""The one login of a process, and every call made through it.

pyVmomi logs in and calls methods; properties are read by our own requests over the same session cookie. A
session that expired is renewed once per call, by whichever thread notices first.
"""

import contextlib
import http.client
import re
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar
from xml.parsers.expat import ExpatError

from v2s_tui.adapters.vsphere import faults, tls
from v2s_tui.adapters.vsphere.address import VcenterAddress
from v2s_tui.adapters.vsphere.faults import NOT_AUTHENTICATED, VimFault
from v2s_tui.adapters.vsphere.unreachable import TRANSPORT_ERRORS, explain
from v2s_tui.adapters.vsphere.web import IDLE_SECONDS, Web
from v2s_tui.domain.errors import LoginRefused, SourceError, SourceUnreachable

REFUSED_SECONDS = 60.0
"""A password that was refused is not tried again for so long: every VM of a batch asks at the same time, and
vCenter locks an account after five attempts within three minutes (vSphere documentation, Lockout Policy).
"""
_DROPPED = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)

Result = TypeVar("Result")


class Session:
    """A logged-in connection. content: pyVmomi's ServiceContent; web: our own HTTPS to the same server."""

    def __init__(self, address: VcenterAddress) -> None:
        self.address = address
        context = _context(address)
        self.web = Web(address, context)
        self._stub: Any = _stub(address, self.web, context)
        self._lock = threading.Lock()
        self.generation = 0
        self._refused: tuple[int, float, LoginRefused] | None = None
        self.content: Any = None
        self.key = ""
        try:
            self._log_in()
        except BaseException:
            self._drop_connections()
            raise

    @property
    def cookie(self) -> str:
        """The session cookie as a request header carries it."""
        return str(self._stub.cookie).split(";", 1)[0]

    @property
    def soap_action(self) -> str:
        """Versioned, because lease properties are only answered to a versioned one."""
        return str(self._stub.versionId)

    def managed(self, kind: str, moref: str) -> Any:
        """pyVmomi's proxy of a managed object, `managed("VirtualMachine", "vm-12")`."""
        from pyVmomi.VmomiSupport import GetWsdlType

        return GetWsdlType("urn:vim25", kind)(moref, self._stub)

    def call(self, doing: str, action: Callable[[], Result], *, repeatable: bool = False) -> Result:
        """Run a pyVmomi call; its faults become our errors.

        repeatable: make it again when an idle connection turns out to be dropped. Raises SourceUnreachable,
        LoginRefused, SessionExpired, SourceError.
        """
        with faults.told_as(doing):
            return self.attempt(action, repeatable=repeatable)

    def server_time(self, doing: str) -> datetime:
        """CurrentTime, timezone aware. Raises as call does."""
        clock = self.managed("ServiceInstance", "ServiceInstance")
        told: datetime = self.call(doing, clock.CurrentTime, repeatable=True)
        return told

    def attempt(self, action: Callable[[], Result], *, repeatable: bool = False) -> Result:
        """As call, but faults come as VimFault."""
        return self.renewing(lambda: self.once(action, repeatable=repeatable))

    def renewing(self, action: Callable[[], Result]) -> Result:
        """Run something that may find its session expired; then log in again and run it once more."""
        seen = self.generation
        try:
            return action()
        except VimFault as fault:
            if fault.kind != NOT_AUTHENTICATED:
                raise
        self._renew(seen)
        return action()

    def _renew(self, seen_generation: int) -> None:
        """Log in again, unless another thread has since seen_generation. Raises LoginRefused."""
        with self._lock:
            if self.generation == seen_generation:
                self._stub.SetSessionId(None)
                self._log_in()

    def close(self) -> None:
        """Log out and close; never raises: it runs on the way out of whatever went wrong."""
        # Whatever goes wrong here, nothing can be done about it and the session ends by itself.
        with contextlib.suppress(Exception):
            self.content.sessionManager.Logout()
        self._drop_connections()

    def _drop_connections(self) -> None:
        self._stub.DropConnections()
        self.web.close()

    def _log_in(self) -> None:
        self.once(self._log_in_once, repeatable=True)
        self.generation += 1

    def _log_in_once(self) -> None:
        from pyVmomi import vim

        address, password = self.address, self.address.password()
        self._spare_the_account(password)
        self.content = vim.ServiceInstance("ServiceInstance", self._stub).RetrieveContent()
        try:
            user = self.content.sessionManager.Login(address.username, password, None)
        except (vim.fault.InvalidLogin, vim.fault.NoPermission) as err:
            refused = LoginRefused(
                f"{address.netloc} refused the login of {address.username or 'an empty user name'}",
                hint="Check user name and password; is the account locked or expired?",
            )
            self._refused = (hash(password), time.monotonic(), refused)
            raise refused from faults.from_pyvmomi(err)
        self.key = str(user.key) if user is not None else ""

    def _spare_the_account(self, password: str) -> None:
        if self._refused is not None:
            refused, since, error = self._refused
            if refused == hash(password) and time.monotonic() - since < REFUSED_SECONDS:
                raise LoginRefused(error.title, hint=error.hint)

    def once(self, action: Callable[[], Result], *, repeatable: bool) -> Result:
        """Run a pyVmomi call in the session as it is; faults come as VimFault."""
        from pyVmomi import vmodl

        try:
            try:
                return action()
            except _DROPPED:
                if not repeatable:
                    raise
                return action()
        except vmodl.MethodFault as err:
            raise faults.from_pyvmomi(err) from None
        except TRANSPORT_ERRORS as err:
            raise explain(self.address, err) from err
        except ExpatError as err:
            raise SourceUnreachable(
                f"{self.address.netloc} sent an answer that is not complete XML", hint="Retry"
            ) from err


def _context(address: VcenterAddress) -> Any:
    try:
        return tls.context_for(address)
    except OSError as err:
        raise SourceError(
            f"The authority's certificate {address.ca_file} cannot be used: {err}",
            hint="vmware.ca_file must name a PEM file",
        ) from err


def _stub(address: VcenterAddress, web: Web, context: Any) -> Any:
    """pyVmomi's SOAP adapter at the newest version both sides speak.

    SmartConnect does the same, but asks for the versions without any timeout and hides why it failed.
    """
    from pyVmomi import SoapStubAdapter

    return SoapStubAdapter(
        host=address.host,
        port=address.port,
        path="/sdk",
        version=_common_version(address, web),
        sslContext=context,
        httpConnectionTimeout=address.timeouts.call,
        connectionPoolTimeout=IDLE_SECONDS,
    )


def _common_version(address: VcenterAddress, web: Web) -> str:
    from pyVmomi.VmomiSupport import GetServiceVersions, versionIdMap

    answer = web.request("GET", "/sdk/vimServiceVersions.xml")
    offered = set(re.findall(r"<version>\s*([\w.]+)\s*</version>", answer.body.decode("utf-8", "replace")))
    for version in GetServiceVersions("vim25"):
        if answer.status == 200 and versionIdMap[version] in offered:
            return str(version)
    web.close()
    raise SourceUnreachable(
        f"{address.netloc} answers, but not as a vCenter or ESXi host (status {answer.status})",
        hint="Check vmware.vcenter and vmware.port",
    )
