"""From a SOAP request to the handler of its method, with sessions checked and faults struck on the way."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pyVmomi import VmomiSupport, vim, vmodl

from v2s_tui.lab.faults import Fault, FaultRules
from v2s_tui.lab.vcenter import soap
from v2s_tui.lab.vcenter.inventory import Entity
from v2s_tui.lab.vcenter.sessions import Session, Sessions
from v2s_tui.lab.vcenter.world import World

AnyEntity = TypeVar("AnyEntity", bound=Entity)


@dataclass(slots=True)
class Settings:
    """What handlers need to know beside the world. denied_privileges: rights the account does not have."""

    lease_timeout_seconds: int = 300
    denied_privileges: frozenset[str] = frozenset()


@dataclass(slots=True)
class Call:
    """One method call. session: None before login. fault: what a rule plans. new_session: set by a login."""

    world: World
    sessions: Sessions
    settings: Settings
    request: soap.Request
    session: Session | None
    address: str = ""
    user_agent: str = ""
    fault: Fault | None = None
    new_session: Session | None = field(default=None)

    def target(self, kind: type[AnyEntity]) -> AnyEntity:
        """The object the method is called on. Raises ManagedObjectNotFound."""
        return self.world.find(self.request.this, kind)

    def argument(self, name: str, default: Any = None) -> Any:
        """A parameter by its wire name."""
        return self.request.arguments.get(name, default)

    def owner(self) -> Session:
        """The session of a call that needs one. Raises NotAuthenticated."""
        if self.session is None:
            raise not_authenticated(self.request.this)
        return self.session


Handler = Callable[[Call], Any]
_HANDLERS: dict[str, Handler] = {}
_ANONYMOUS = {"RetrieveServiceContent", "Login", "CurrentTime", "Logout", "Fetch"}


def soap_method(*names: str) -> Callable[[Handler], Handler]:
    """Register a function as the handler of the methods of these wire names."""

    def remember(handler: Handler) -> Handler:
        _HANDLERS.update(dict.fromkeys(names, handler))
        return handler

    return remember


def not_authenticated(ref: Any) -> Any:
    """What a call without a living session gets."""
    return vim.fault.NotAuthenticated(
        object=ref, privilegeId="System.View", msg="The session is not authenticated."
    )


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. status 500 is a SOAP fault. fault: what the connection still has to do to the client."""

    status: int
    body: bytes
    fault: Fault | None = None
    headers: dict[str, str] = field(default_factory=dict)


class Dispatcher:
    """Runs calls one at a time under the world's lock, which a call that waits for changes lets go of."""

    def __init__(self, world: World, sessions: Sessions, faults: FaultRules, settings: Settings) -> None:
        self._world, self._sessions, self._faults, self._settings = world, sessions, faults, settings

    def answer(
        self, body: bytes, *, cookie: str | None, address: str, user_agent: str
    ) -> tuple[Reply, Session | None]:
        """Answer one request; the session is a new one when the call was a login."""
        try:
            request = soap.parse_request(body)
        except soap.MalformedRequestError as err:
            return _fault_reply(vmodl.fault.InvalidRequest(msg=str(err))), None
        session = self._sessions.find(cookie)
        fault = self._struck(request)
        if fault is not None and fault.delay_seconds:
            time.sleep(fault.delay_seconds)
        if fault is not None and fault.status is not None:
            return Reply(fault.status, fault.body.encode(), fault, fault.headers), None
        call = Call(self._world, self._sessions, self._settings, request, session, address, user_agent, fault)
        return self._run(call), call.new_session

    def _struck(self, request: soap.Request) -> Fault | None:
        entity = self._world.entities.get(request.this._moId)
        subject = entity.subject if entity is not None else ""
        self._world.requests[request.method] += 1
        return self._faults.match(server="vcenter", operation=request.method, subject=subject)

    def _run(self, call: Call) -> Reply:
        try:
            with self._world.lock:
                return Reply(200, soap.answer(call.request.method, self._result(call)), call.fault)
        except vmodl.MethodFault as fault:
            return _fault_reply(fault, call.fault)
        except Exception as err:  # noqa: BLE001  # a broken lab must look like a broken vCenter, not hang up
            return _fault_reply(soap.system_error(repr(err)), call.fault)

    def _result(self, call: Call) -> Any:
        method = call.request.method
        handler = _HANDLERS.get(method)
        if handler is None:
            raise vmodl.fault.MethodNotFound(
                receiver=call.request.this, method=method, msg=f"no method {method}"
            )
        planned = call.fault
        if planned is not None and planned.fault and not (planned.in_task and method.endswith("_Task")):
            raise named_fault(planned.fault, call.request.this)
        if call.session is not None:
            call.session.used()
        elif method not in _ANONYMOUS and not getattr(handler, "handles_expiry", False):
            raise not_authenticated(call.request.this)
        return handler(call)


def _fault_reply(fault: Any, planned: Fault | None = None) -> Reply:
    return Reply(500, soap.fault_answer(fault), planned)


def named_fault(name: str, ref: Any) -> Any:
    """A fault of that type, its mandatory parts filled in. Raises LookupError for an unknown name."""
    for namespace in ("vim.fault", "vmodl.fault", "vmodl.query"):
        try:
            kind = VmomiSupport.GetVmodlType(f"{namespace}.{name}")
        except KeyError:
            continue
        fault = kind(msg=f"{name} (planned by a fault rule)")
        for part in fault._GetPropertyList():
            if getattr(fault, part.name) is None and not part.flags & VmomiSupport.F_OPTIONAL:
                setattr(fault, part.name, _filler(part.type, ref))
        return fault
    raise LookupError(f"vSphere has no fault {name}")


def _filler(kind: Any, ref: Any) -> Any:
    if issubclass(kind, VmomiSupport.ManagedObject):
        return ref if isinstance(ref, kind) else kind("unknown-0")
    if issubclass(kind, VmomiSupport.Enum):
        return kind.values[0]
    return kind()
