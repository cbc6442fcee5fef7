"""ServiceInstance and SessionManager: login, logout, clock, and reading one property."""

import datetime
from typing import Any

from pyVmomi import vim

from v2s_tui.lab.vcenter.dispatch import Call, not_authenticated, soap_method
from v2s_tui.lab.vcenter.inventory import Entity
from v2s_tui.lab.vcenter.rendering import value_of
from v2s_tui.lab.vcenter.selection import no_permission
from v2s_tui.lab.vcenter.service_objects import ServiceInstance, SessionManager, service_content

TERMINATE = "Sessions.TerminateSession"


@soap_method("RetrieveServiceContent")
def retrieve_service_content(call: Call) -> Any:
    call.target(ServiceInstance)
    return service_content(call.world)


@soap_method("CurrentTime")
def current_time(_call: Call) -> Any:
    return datetime.datetime.now(datetime.UTC)


@soap_method("Login")
def login(call: Call) -> Any:
    session = call.sessions.login(
        call.argument("userName", ""),
        call.argument("password", ""),
        address=call.address,
        user_agent=call.user_agent,
    )
    if session is None:
        raise vim.fault.InvalidLogin(msg="Cannot complete login due to an incorrect user name or password.")
    call.new_session = session
    return session.as_user_session()


@soap_method("Logout")
def logout(call: Call) -> None:
    call.sessions.end(call.owner())


@soap_method("SessionIsActive")
def session_is_active(call: Call) -> bool:
    key = call.argument("sessionID")
    return any(session.key == key for session in call.sessions.open())


@soap_method("TerminateSession")
def terminate_session(call: Call) -> None:
    own, keys = call.owner(), call.argument("sessionId", [])
    if TERMINATE in call.settings.denied_privileges:
        raise vim.fault.NoPermission(
            object=call.request.this, privilegeId=TERMINATE, msg="Permission to perform this was denied."
        )
    found = [session for session in call.sessions.open() if session.key in keys and session is not own]
    if not found:
        raise vim.fault.NotFound(msg="The session does not exist.")
    for session in found:
        call.sessions.end(session)


@soap_method("Fetch")
def fetch(call: Call) -> Any:
    entity = call.target(Entity)
    name = call.argument("prop")
    if isinstance(entity, SessionManager):
        return _session_property(call, name)
    if call.session is None and not isinstance(entity, ServiceInstance):
        raise not_authenticated(entity.ref)
    if entity.denies(name):
        raise no_permission(entity)
    return value_of(entity, name)


def _session_property(call: Call, name: str) -> Any:
    if name == "currentSession":
        return call.session.as_user_session() if call.session else None
    if name == "sessionList":
        call.owner()
        sessions = [session.as_user_session() for session in call.sessions.open()]
        return vim.UserSession.Array(sessions)
    return value_of(call.target(SessionManager), name)
